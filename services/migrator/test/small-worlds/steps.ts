import type { ActiveIntent, Intent } from '@couchestor/shared/messages';
import type { Capabilities } from '../../src/core/evidence.ts';
import * as change from '../../src/core/intent-changes.ts';
import { nextStep } from '../../src/core/next-step.ts';
import { refusedGrowth } from '../../src/core/refused-growth.ts';
import type { Step } from '../../src/core/step.ts';
import { START_MS } from '../evidence.ts';
import { evidenceFor, uriOf } from './evidence-for.ts';
import {
  isUp,
  nodeOf,
  placesFor,
  withReplica,
  type Replica,
  type Shared,
  type Sight,
  type Transition,
  type Volume,
} from './small-world.ts';

/** What the protocol answers in this state, and each thing that may come of its answer. */
export function* stepsOf(
  sight: Sight,
  capabilities: Capabilities,
  wrong: (what: string) => void,
): Generator<Transition> {
  const { volume, shared } = sight;
  const { intent } = volume;
  if (intent.state === 'ended') return;
  const evidence = evidenceFor(sight);
  let step: Step;
  try {
    step = nextStep(intent, evidence, capabilities);
  } catch (error) {
    wrong(`the protocol has no answer (${String(error)})`);
    return;
  }
  const name = intent.migrationId;
  const to = (nextShared: Partial<Shared>, nextVolume: Partial<Volume> = {}): Transition => ({
    volume: { ...volume, ...nextVolume },
    shared: { ...shared, ...nextShared },
    benign: true,
  });
  const own = (next: Intent, nextShared: Partial<Shared> = {}, more: Partial<Volume> = {}): Transition =>
    to(nextShared, { intent: next, ...more });
  const hasFence = shared.fence === name;
  const unfenced: Partial<Shared> = hasFence ? { fence: undefined } : {};
  const withCordons = (of: readonly string[]): Partial<Shared> => ({
    cordons: [...new Set([...shared.cordons, ...of.map((one) => `${name}/${one}`)])].sort(),
  });
  const lifts = step.kind === 'lift' || (step.kind === 'takeFence' && step.toLift === true);
  const rests = lifts || ['attend', 'wait', 'look', 'end'].includes(step.kind);
  if (intent.attention !== undefined && !rests) {
    yield own(change.attentionOver(intent), {}, { late: false });
    return;
  }
  switch (step.kind) {
    case 'look':
      return wrong(`asks for ${step.at}, which it was given`);
    case 'wait':
      if (hasFence) yield to({ fence: undefined });
      return;
    case 'end':
      return yield own(change.ended(intent, step.end, evidence.volume, START_MS, { baseMs: 1 }), unfenced);
    case 'takeFence':
      if (shared.fence === undefined) yield to({ fence: name });
      return;
    case 'startRound':
      for (const round of step.rounds) yield own(change.roundStarted(intent, round, step.zones), {}, { late: false });
      return;
    case 'recordAdded':
      return yield own(change.replicaAdded(intent, step, START_MS), {}, { late: false });
    case 'recordSynced':
      return yield own(change.replicaSynced(intent, START_MS));
    case 'planSteer':
      return yield own(change.steerPlanned(intent, step.steer));
    case 'planFence':
      return yield own(change.fencePlanned(intent, step.fence));
    case 'forgetCordons':
      if (shared.cordons.some((cordon) => cordon.startsWith(`${name}/`))) wrong('forgets a cordon that stands');
      return yield own(change.cordonsForgotten(intent), step.keepsFence === true ? {} : unfenced);
    case 'endRound':
      return yield own(change.roundEnded(intent, step.moved), unfenced);
    case 'rollBack':
      return yield own(change.rolledBack(intent, step.rollback));
    case 'attend':
      if (intent.attention?.reason !== step.reason) {
        yield own(change.attentionNeeded(intent, step.reason, step.message, START_MS), unfenced, { late: false });
      }
      return;
    case 'fencePools':
    case 'fenceNodes': {
      if (!hasFence) wrong('cordons without the fence lease');
      const names = step.kind === 'fencePools' ? step.pools : step.nodes;
      yield to(withCordons(names));
      if (shared.trouble > 0 && names.length > 1) {
        yield { ...to({ ...withCordons(names.slice(1)), trouble: shared.trouble - 1 }), benign: false };
      }
      return;
    }
    case 'steerByCordon':
      if (!hasFence) wrong('steers without the fence lease');
      return yield own(change.tryCounted(intent, 'shrinks'), withCordons([step.node]));
    case 'steerByChildRemoval': {
      if (!hasFence) wrong('steers without the fence lease');
      const replicas = volume.replicas.map((one): Replica =>
        step.childUri === uriOf(one.id) ? { ...one, health: 'out' } : one,
      );
      return yield own(change.tryCounted(intent, 'shrinks'), {}, { replicas, stable: 0 });
    }
    case 'lift': {
      if (step.pools.length > 0 && !hasFence) wrong('lifts cordons of pools without the fence lease');
      // A cordon of a pool bears no name, so it goes whosever it was.
      const gone = new Set([
        ...step.nodes.map((node) => `${name}/${node}`),
        ...shared.cordons.filter((cordon) => step.pools.some((pool) => cordon.endsWith(`/${pool}`))),
      ]);
      return yield to({ cordons: shared.cordons.filter((cordon) => !gone.has(cordon)) });
    }
    case 'grow':
      return yield* grown(sight, intent, step.replicaCount, wrong);
    case 'shrink':
      return yield* shrunk(sight, intent, step, wrong);
  }
}

function* grown(
  sight: Sight,
  before: ActiveIntent,
  replicaCount: number,
  wrong: (what: string) => void,
): Generator<Transition> {
  const { volume, shared } = sight;
  if (replicaCount !== volume.count + 1) wrong(`asks for ${replicaCount} replicas`);
  if (shared.fence !== before.migrationId) wrong('grows without the fence lease');
  if (replicaCount > before.replicaCount + 1) wrong('grows by more than one');
  const intent = change.tryCounted(before, 'growths');
  const to = (next: Partial<Volume>): Transition => ({
    volume: { ...volume, intent, ...next },
    shared,
    benign: true,
  });
  const places = placesFor(sight, volume.replicas);
  for (const pool of places) {
    yield to({ count: replicaCount, stable: 0, replicas: withReplica(volume.replicas, pool) });
  }
  const refusal = places.length === 0 ? refusedGrowth({ code: 'NoPool', message: '' }) : undefined;
  if (refusal !== undefined) {
    yield to({ intent: intent.rollback === undefined ? change.rolledBack(intent, refusal) : intent });
  }
  if (shared.trouble === 0) return;
  const lost = { shared: { ...shared, trouble: shared.trouble - 1 }, benign: false };
  yield { ...to({}), ...lost };
  yield { ...to({ count: replicaCount, stable: 0 }), ...lost };
  for (const pool of places.slice(0, 1)) {
    yield { ...to({ stable: 0, replicas: withReplica(volume.replicas, pool, 'out') }), ...lost };
  }
}

function* shrunk(
  { world, volume, shared }: Sight,
  before: ActiveIntent,
  { replicaCount, victimReplicaId }: Extract<Step, { kind: 'shrink' }>,
  wrong: (what: string) => void,
): Generator<Transition> {
  const { replicas } = volume;
  const isReduced = before.round?.order === 'shrinkFirst' && replicaCount === before.replicaCount - 1;
  const least = isReduced ? Math.max(2, before.replicaCount - 1) : before.replicaCount;
  if (replicaCount !== volume.count - 1) wrong(`asks for ${replicaCount} replicas`);
  const isHealthy = (one: Replica): boolean => one.health === 'synced' && isUp(shared, one);
  const healthyOf = (of: readonly Replica[]): number => of.filter(isHealthy).length;
  const isSteered = ({ pool }: Replica): boolean => shared.cordons.includes(`${before.migrationId}/${nodeOf(pool)}`);
  const isOnCordonedNode = ({ pool }: Replica): boolean =>
    shared.cordons.some((cordon) => cordon.endsWith(`/${nodeOf(pool)}`));
  const meant = replicas.find(({ id }) => id === victimReplicaId);
  if (volume.published && meant !== undefined) {
    if (!replicas.every((one) => one === meant || isHealthy(one))) wrong('shrinks while one that stays is not healthy');
    if (isHealthy(meant) && !isSteered(meant)) wrong('leaves to Mayastor which filled replica goes');
    if (isHealthy(meant) && replicas.some((one) => one !== meant && isOnCordonedNode(one))) {
      wrong('leaves to Mayastor which of those on cordoned nodes goes');
    }
    const closed = replicas.find(
      (one) => one !== meant && shared.cordons.some((cordon) => cordon.endsWith(`/${one.pool}`)),
    );
    if (isHealthy(meant) && closed !== undefined) wrong('shrinks while a pool that keeps a replica is cordoned');
  }
  const intent = change.tryCounted(before, 'shrinks');
  const unfilled = replicas.filter((one) => !isHealthy(one));
  const steered = replicas.filter(isOnCordonedNode);
  const candidates = unfilled.length > 0 ? unfilled : world.steers !== false && steered.length > 0 ? steered : replicas;
  // Where only the replica is missing that the count wants, none goes.
  const victims: readonly (Replica | undefined)[] = replicas.length > replicaCount ? candidates : [undefined];
  for (const victim of victims) {
    const left = replicas.filter((one) => one !== victim);
    if (healthyOf(left) < healthyOf(replicas) && healthyOf(left) < least) {
      wrong(`a shrink may leave ${healthyOf(left)} healthy replicas of ${before.replicaCount}`);
    }
    yield { volume: { ...volume, intent, count: replicaCount, stable: 0, replicas: left }, shared, benign: true };
  }
  if (shared.trouble > 0) {
    yield { volume: { ...volume, intent }, shared: { ...shared, trouble: shared.trouble - 1 }, benign: false };
  }
}
