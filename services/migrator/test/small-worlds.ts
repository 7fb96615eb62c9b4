import { strict as assert } from 'node:assert';
import type { ActiveIntent, Intent } from '@couchestor/shared/messages';
import { cordonLabelOf } from '@couchestor/shared/messages';
import type { Capabilities, Evidence, SeenReplica } from '../src/core/evidence.ts';
import * as change from '../src/core/intent-changes.ts';
import { nextStep } from '../src/core/next-step.ts';
import { refusedGrowth } from '../src/core/refused-growth.ts';
import type { Step } from '../src/core/step.ts';
import { aNode, anIntent, aPool, aVolume, START_MS } from './evidence.ts';

/**
 * Every state that a small cluster can come to while volumes move in it, each step with each of its outcomes and with
 * each thing that may happen between two steps. What the protocol is shown is the truth; that it may be old, lost or
 * late is the matter of the simulations.
 */
export interface SmallWorld {
  readonly name: string;
  readonly pools: readonly string[];
  readonly targetPools: readonly string[];
  /** Pools of the replicas of each volume. */
  readonly volumes: readonly (readonly string[])[];
  readonly method?: Capabilities['method'];
  /** Whether the cordon of a node decides which replica goes. */
  readonly steers?: boolean;
  readonly allowReducedRedundancy?: boolean;
  /** How many things may go wrong, or be done by others, on one way; without any, no copy lasts too long either. */
  readonly trouble: number;
}

export interface Enumeration {
  readonly states: number;
  readonly transitions: number;
  readonly ends: ReadonlySet<string>;
  /** What must never be, with the state in which it is. */
  readonly wrongs: readonly string[];
}

type Health = 'synced' | 'filling' | 'out';

interface Replica {
  readonly id: string;
  readonly pool: string;
  readonly health: Health;
}

interface Volume {
  readonly count: number;
  readonly replicas: readonly Replica[];
  readonly published: boolean;
  readonly deleted: boolean;
  /** How long nothing changed: just now, a cache period, longer than anything is waited for. */
  readonly stable: 0 | 1 | 2;
  /** Later than every time-out of the round that goes on. */
  readonly late: boolean;
  readonly abort: boolean;
  readonly intent: Intent;
  readonly made: number;
}

interface State {
  readonly volumes: readonly Volume[];
  /** Pools, or nodes with our label, by the name of the volume that cordoned them; `person` for a person's. */
  readonly cordons: readonly string[];
  readonly nodesDown: readonly string[];
  readonly fence: number | undefined;
  readonly mayAct: boolean;
  readonly trouble: number;
}

interface Transition {
  readonly to: State;
  /** Nothing goes wrong in it, and what went wrong before may be repaired. */
  readonly benign: boolean;
  readonly byAbort?: boolean;
}

const nodeOf = (pool: string): string => pool.slice(pool.indexOf('-') + 1);
const STABLE_MS = [0, 40_000, 40 * 60_000] as const;

export function enumerate(world: SmallWorld): Enumeration {
  const capabilities: Capabilities = { method: world.method ?? 'poolCordon', cachePeriodMs: 30_000 };
  const states: State[] = [];
  const keys = new Map<string, number>();
  const predecessors: { readonly from: number; readonly byAbort: boolean }[][] = [];
  const wrongs = new Set<string>();
  const ends = new Set<string>();
  let transitions = 0;
  const indexOf = (shown: State): number => {
    const state = plain(shown);
    const key = keyOf(state);
    const known = keys.get(key);
    if (known !== undefined) return known;
    keys.set(key, states.length);
    predecessors.push([]);
    return states.push(state) - 1;
  };

  indexOf(beginning(world));
  for (let index = 0; index < states.length; index += 1) {
    const state = states[index];
    assert.ok(state !== undefined, 'the state was listed');
    for (const { to, benign, byAbort = false } of successors(world, state, capabilities, (what) =>
      wrongs.add(`${what} in ${JSON.stringify(state)}`),
    )) {
      transitions += 1;
      const target = indexOf(to);
      if (benign || byAbort) predecessors[target]?.push({ from: index, byAbort });
    }
    for (const volume of state.volumes) {
      if (volume.intent.state === 'active') continue;
      ends.add(`${volume.intent.outcome} ${volume.intent.reason ?? ''}`.trim());
      for (const problem of problemsAtEnd(state, volume)) wrongs.add(`${problem} in ${JSON.stringify(state)}`);
    }
  }
  for (const stuck of withoutEnd(states, predecessors))
    wrongs.add(`no end can be reached from ${JSON.stringify(stuck)}`);
  return { states: states.length, transitions, ends, wrongs: [...wrongs] };
}

/** All of a state in which two states can differ. */
function keyOf({ volumes, ...rest }: State): string {
  const short = volumes.map(({ intent, ...volume }) => {
    if (intent.state === 'ended') return { ...volume, ended: [intent.outcome, intent.reason] };
    const { round, rollback, attention, roundsStarted } = intent;
    const places = round?.replicasBefore.map(({ replicaId }) => replicaId);
    return { ...volume, round, places, rollback: rollback?.reason, attention: attention?.reason, roundsStarted };
  });
  return JSON.stringify([short, rest]);
}

/** Without what the protocol does not ask any more, so that there are fewer states. */
function plain(state: State): State {
  if (state.volumes.every(({ intent }) => intent.state === 'ended')) {
    return { ...state, nodesDown: [], fence: undefined, mayAct: true, trouble: 0 };
  }
  return {
    ...state,
    volumes: state.volumes.map((volume): Volume => {
      const { intent } = volume;
      if (intent.state === 'ended') return { ...volume, stable: 2, late: false, abort: false };
      return {
        ...volume,
        abort: volume.abort && intent.rollback === undefined,
        late: volume.late && (intent.round !== undefined || intent.attention !== undefined),
      };
    }),
  };
}

function beginning({ volumes, targetPools, allowReducedRedundancy = false, trouble }: SmallWorld): State {
  return {
    volumes: volumes.map((placement, position): Volume => ({
      count: placement.length,
      replicas: placement.map((pool) => ({ id: `on-${pool}`, pool, health: 'synced' })),
      published: true,
      deleted: false,
      stable: 1,
      late: false,
      abort: false,
      made: 0,
      intent: anIntent({
        placement,
        migrationId: `m${position}`,
        volumeId: `v${position}`,
        targetPools: [...targetPools],
        allowReducedRedundancy,
      }),
    })),
    cordons: [],
    nodesDown: [],
    fence: undefined,
    mayAct: true,
    trouble,
  };
}

function problemsAtEnd({ cordons }: State, { intent, count, deleted }: Volume): string[] {
  const left = cordons.filter((cordon) => cordon.startsWith(`${intent.migrationId}/`));
  const problems = left.map((cordon) => `left behind: ${cordon}`);
  // A person may change the count, and then it is theirs; a move that completed left it as it was.
  if (intent.state === 'ended' && intent.outcome === 'completed' && !deleted && count !== intent.replicaCount) {
    problems.push(`a count of ${count} after a completed move`);
  }
  return problems;
}

/** States from which no way leads to the end of all moves, with a person's abort where it has to be. */
function withoutEnd(
  states: readonly State[],
  predecessors: readonly (readonly { readonly from: number; readonly byAbort: boolean }[])[],
): State[] {
  const reached = new Set<number>();
  const queue = states.flatMap(({ volumes }, index) =>
    volumes.every(({ intent }) => intent.state === 'ended') ? [index] : [],
  );
  for (const index of queue) reached.add(index);
  while (queue.length > 0) {
    for (const { from } of predecessors[queue.pop() ?? 0] ?? []) {
      if (reached.has(from)) continue;
      reached.add(from);
      queue.push(from);
    }
  }
  return states.filter((_, index) => !reached.has(index));
}

function* successors(
  world: SmallWorld,
  state: State,
  capabilities: Capabilities,
  wrong: (what: string) => void,
): Generator<Transition> {
  for (const [position, volume] of state.volumes.entries()) {
    if (volume.intent.state === 'active') {
      yield* stepsOf(world, state, position, volume, volume.intent, capabilities, wrong);
    }
    yield* happenings(world, state, position, volume);
  }
  const { trouble } = state;
  if (!state.mayAct) yield { to: { ...state, mayAct: true }, benign: true };
  else if (trouble > 0) yield { to: { ...state, mayAct: false, trouble: trouble - 1 }, benign: false };
  for (const node of state.nodesDown) {
    yield { to: touched({ ...state, nodesDown: state.nodesDown.filter((one) => one !== node) }), benign: true };
  }
  const people = state.cordons.filter((cordon) => cordon.startsWith('person/'));
  for (const cordon of people) {
    yield { to: { ...state, cordons: state.cordons.filter((one) => one !== cordon) }, benign: true };
  }
  if (trouble === 0) return;
  for (const node of new Set(world.pools.map(nodeOf))) {
    if (!state.nodesDown.includes(node)) {
      yield { to: touched({ ...state, nodesDown: [...state.nodesDown, node], trouble: trouble - 1 }), benign: false };
    }
    if (people.length === 0) {
      yield { to: { ...state, cordons: [...state.cordons, `person/${node}`], trouble: trouble - 1 }, benign: false };
    }
  }
  // Its holder died; what it cordoned stands.
  if (state.fence !== undefined) yield { to: { ...state, fence: undefined, trouble: trouble - 1 }, benign: false };
}

const touched = (state: State): State => ({
  ...state,
  volumes: state.volumes.map((volume) => ({ ...volume, stable: 0 })),
});

const withVolume = (state: State, position: number, next: Partial<Volume>): State => ({
  ...state,
  volumes: state.volumes.map((volume, index) => (index === position ? { ...volume, ...next } : volume)),
});

/** What happens to a volume without us: time, its rebuilds, Mayastor's own repairs, people. */
function* happenings(world: SmallWorld, state: State, position: number, volume: Volume): Generator<Transition> {
  const { replicas, stable, published, trouble } = { ...volume, trouble: state.trouble };
  const to = (next: Partial<Volume>): State => withVolume(state, position, next);
  const changed = (next: Partial<Volume>): State => to({ stable: 0, ...next });
  if (volume.deleted || volume.intent.state === 'ended') {
    if (volume.deleted && stable < 1) yield { to: to({ stable: 1 }), benign: true };
    return;
  }
  if (stable < 2) yield { to: to({ stable: stable === 0 ? 1 : 2 }), benign: true };
  const { intent } = volume;
  const isTimed =
    intent.state === 'active' && (intent.attention !== undefined || (intent.round !== undefined && world.trouble > 0));
  if (!volume.late && stable > 0 && isTimed) yield { to: to({ late: true }), benign: true };
  if (!volume.abort && intent.state === 'active' && intent.rollback === undefined)
    yield { to: to({ abort: true }), benign: false, byAbort: true };
  for (const [index, one] of replicas.length > volume.count ? [] : replicas.entries()) {
    const become = (health: Health): State => changed({ replicas: replicas.with(index, { ...one, health }) });
    if (published && one.health === 'filling' && isUp(state, one)) yield { to: become('synced'), benign: true };
    if (published && one.health === 'out' && isUp(state, one)) yield { to: become('filling'), benign: true };
  }
  if (replicas.length < volume.count) {
    for (const pool of placesFor(world, state, volume)) yield { to: changed(withReplica(volume, pool)), benign: true };
  }
  // What a half-done growth left is in no target, is never filled and is removed.
  const extra = replicas.find(({ health }) => health !== 'synced');
  if (replicas.length > volume.count) {
    yield { to: changed({ replicas: replicas.slice(0, volume.count) }), benign: true };
  }
  if (!published) yield { to: changed({ published: true }), benign: true };
  if (trouble === 0) return;
  const less = (next: State): Transition => ({ to: { ...next, trouble: trouble - 1 }, benign: false });
  if (published) yield less(changed({ published: false }));
  yield less(changed({ deleted: true, replicas: [] }));
  // A person asks for one more, and for one less.
  for (const pool of placesFor(world, state, volume).slice(0, 1)) {
    yield less(changed({ count: volume.count + 1, ...withReplica(volume, pool) }));
  }
  if (volume.count > 1) {
    const victim = extra ?? replicas.at(-1);
    yield less(changed({ count: volume.count - 1, replicas: replicas.filter((one) => one !== victim) }));
  }
  for (const one of replicas) {
    // A rebuild dies, or Mayastor replaces a replica, in both cases anywhere.
    const others = replicas.filter((other) => other !== one);
    if (others.every(({ health }) => health !== 'synced')) continue;
    for (const pool of placesFor(world, state, { ...volume, replicas: others })) {
      yield less(changed(withReplica({ ...volume, replicas: others }, pool)));
    }
  }
}

const isUp = ({ nodesDown }: State, { pool }: { readonly pool: string }): boolean => !nodesDown.includes(nodeOf(pool));

function withReplica({ made, replicas }: Volume, pool: string): Pick<Volume, 'made' | 'replicas'> {
  return { made: made + 1, replicas: [...replicas, { id: `new-${made}`, pool, health: 'filling' }] };
}

/** Where Mayastor would put one more replica. */
function placesFor(world: SmallWorld, state: State, { replicas }: Pick<Volume, 'replicas'>): string[] {
  const occupied = new Set(replicas.map(({ pool }) => nodeOf(pool)));
  const barred = new Set(state.cordons.map((cordon) => cordon.slice(cordon.indexOf('/') + 1)));
  return world.pools.filter(
    (pool) => !occupied.has(nodeOf(pool)) && !barred.has(pool) && !barred.has(nodeOf(pool)) && isUp(state, { pool }),
  );
}

/** What is asked of the protocol in this state, and each thing that may come of its answer. */
function* stepsOf(
  world: SmallWorld,
  state: State,
  position: number,
  volume: Volume,
  intent: ActiveIntent,
  capabilities: Capabilities,
  wrong: (what: string) => void,
): Generator<Transition> {
  const evidence = evidenceFor(world, state, position, volume);
  let step: Step;
  try {
    step = nextStep(intent, evidence, capabilities);
  } catch (error) {
    wrong(`the protocol has no answer (${String(error)})`);
    return;
  }
  const name = intent.migrationId;
  const own = (next: Intent, more: Partial<State> = {}, volumeChange: Partial<Volume> = {}): Transition => ({
    to: { ...withVolume(state, position, { intent: quiet(next), ...volumeChange }), ...more },
    benign: true,
  });
  const unfenced = state.fence === position ? { fence: undefined } : {};
  const failing = (to: State): Transition => ({ to: { ...to, trouble: state.trouble - 1 }, benign: false });
  const rests = ['attend', 'lift', 'wait', 'look', 'end'].includes(step.kind);
  if (intent.attention !== undefined && !rests) {
    yield own(change.attentionOver(intent), {}, { late: false });
    return;
  }
  switch (step.kind) {
    case 'look':
      return wrong(`asks for ${step.at}, which it was given`);
    case 'wait':
      if (state.fence === position) yield { to: { ...state, fence: undefined }, benign: true };
      return;
    case 'end': {
      const ended = change.ended(intent, step.end, evidence.volume, START_MS, { baseMs: 1 });
      yield own(ended, unfenced);
      return;
    }
    case 'takeFence':
      if (state.fence === undefined) yield { to: { ...state, fence: position }, benign: true };
      return;
    case 'startRound':
      for (const round of step.rounds) yield own(change.roundStarted(intent, round), {}, { late: false });
      return;
    case 'recordAdded':
      yield own(change.replicaAdded(intent, step, START_MS), {}, { late: false });
      return;
    case 'recordSynced':
      yield own(change.replicaSynced(intent, START_MS));
      return;
    case 'planSteer':
      yield own(change.steerPlanned(intent, step.steer));
      return;
    case 'planFence':
      yield own(change.fencePlanned(intent, step.fence));
      return;
    case 'forgetCordons':
      if (state.cordons.some((cordon) => cordon.startsWith(`${name}/`))) wrong('forgets a cordon that stands');
      yield own(change.cordonsForgotten(intent), step.keepsFence === true ? {} : unfenced);
      return;
    case 'endRound':
      yield own(change.roundEnded(intent, step.moved), unfenced);
      return;
    case 'rollBack':
      yield own(change.rolledBack(intent, step.rollback));
      return;
    case 'attend':
      if (intent.attention?.reason !== step.reason) {
        yield own(change.attentionNeeded(intent, step.reason, step.message, START_MS), unfenced, { late: false });
      }
      return;
    case 'fencePools':
    case 'fenceNodes': {
      if (state.fence !== position) wrong('cordons without the fence lease');
      const names = step.kind === 'fencePools' ? step.pools : step.nodes;
      const cordons = (of: readonly string[]): State => ({
        ...state,
        cordons: [...new Set([...state.cordons, ...of.map((one) => `${name}/${one}`)])].sort(),
      });
      yield { to: cordons(names), benign: true };
      if (state.trouble > 0 && names.length > 1) yield failing(cordons(names.slice(1)));
      return;
    }
    case 'steerByCordon':
      if (state.fence !== position) wrong('steers without the fence lease');
      yield {
        to: {
          ...withVolume(state, position, { intent: quiet(change.tryCounted(intent, 'shrinks')) }),
          cordons: [...new Set([...state.cordons, `${name}/${step.node}`])].sort(),
        },
        benign: true,
      };
      return;
    case 'steerByChildRemoval': {
      const replicas = volume.replicas.map((one): Replica =>
        step.childUri.endsWith(one.id) ? { ...one, health: 'out' } : one,
      );
      yield own(change.tryCounted(intent, 'shrinks'), {}, { replicas, stable: 0 });
      return;
    }
    case 'lift': {
      const gone = new Set([...step.pools, ...step.nodes].map((one) => `${name}/${one}`));
      yield { to: { ...state, cordons: state.cordons.filter((cordon) => !gone.has(cordon)) }, benign: true };
      return;
    }
    case 'grow':
      return yield* grown(world, state, position, volume, intent, step.replicaCount, wrong);
    case 'shrink':
      return yield* shrunk(world, state, position, volume, intent, step, wrong);
  }
}

function* grown(
  world: SmallWorld,
  state: State,
  position: number,
  volume: Volume,
  before: ActiveIntent,
  replicaCount: number,
  wrong: (what: string) => void,
): Generator<Transition> {
  if (replicaCount !== volume.count + 1) wrong(`asks for ${replicaCount} replicas`);
  if (state.fence !== position) wrong('grows without the fence lease');
  if (replicaCount > before.replicaCount + 1) wrong('grows by more than one');
  const intent = quiet(change.tryCounted(before, 'growths'));
  const places = placesFor(world, state, volume);
  for (const pool of places) {
    yield {
      to: withVolume(state, position, { intent, count: replicaCount, stable: 0, ...withReplica(volume, pool) }),
      benign: true,
    };
  }
  const refusal = places.length === 0 ? refusedGrowth({ code: 'NoPool', message: '' }) : undefined;
  if (refusal !== undefined) {
    const next = intent.rollback === undefined ? quiet(change.rolledBack(intent, refusal)) : intent;
    yield { to: withVolume(state, position, { intent: next }), benign: true };
  }
  if (state.trouble === 0) return;
  const lost = { ...state, trouble: state.trouble - 1 };
  yield { to: withVolume(lost, position, { intent }), benign: false };
  yield { to: withVolume(lost, position, { intent, count: replicaCount, stable: 0 }), benign: false };
  for (const pool of places.slice(0, 1)) {
    const { made } = withReplica(volume, pool);
    const left: Replica[] = [...volume.replicas, { id: `new-${volume.made}`, pool, health: 'out' }];
    yield { to: withVolume(lost, position, { intent, stable: 0, made, replicas: left }), benign: false };
  }
}

function* shrunk(
  world: SmallWorld,
  state: State,
  position: number,
  volume: Volume,
  before: ActiveIntent,
  { replicaCount, victimReplicaId }: Extract<Step, { kind: 'shrink' }>,
  wrong: (what: string) => void,
): Generator<Transition> {
  const { replicas } = volume;
  const isReduced = before.round?.order === 'shrinkFirst' && replicaCount === before.replicaCount - 1;
  const least = isReduced ? Math.max(2, before.replicaCount - 1) : before.replicaCount;
  if (replicaCount !== volume.count - 1) wrong(`asks for ${replicaCount} replicas`);
  const isHealthy = (one: Replica): boolean => one.health === 'synced' && isUp(state, one);
  const healthyOf = (of: readonly Replica[]): number => of.filter(isHealthy).length;
  const meant = replicas.find(({ id }) => id === victimReplicaId);
  if (volume.published && meant !== undefined) {
    if (!replicas.every((one) => one === meant || isHealthy(one))) wrong('shrinks while one that stays is not healthy');
    const isSteered = state.cordons.includes(`${before.migrationId}/${nodeOf(meant.pool)}`);
    if (isHealthy(meant) && !isSteered) wrong('leaves to Mayastor which filled replica goes');
  }
  const intent = quiet(change.tryCounted(before, 'shrinks'));
  const unfilled = replicas.filter((one) => one.health !== 'synced' || !isUp(state, one));
  const steered = replicas.filter(({ pool }) => state.cordons.includes(`${before.migrationId}/${nodeOf(pool)}`));
  const candidates = unfilled.length > 0 ? unfilled : world.steers !== false && steered.length > 0 ? steered : replicas;
  // Where only the replica is missing that the count wants, none goes.
  const victims: readonly (Replica | undefined)[] = replicas.length > replicaCount ? candidates : [undefined];
  for (const victim of victims) {
    const left = replicas.filter((one) => one !== victim);
    if (healthyOf(left) < healthyOf(replicas) && healthyOf(left) < least) {
      wrong(`a shrink may leave ${healthyOf(left)} healthy replicas of ${before.replicaCount}`);
    }
    yield { to: withVolume(state, position, { intent, count: replicaCount, stable: 0, replicas: left }), benign: true };
  }
  if (state.trouble > 0) {
    yield { to: { ...withVolume(state, position, { intent }), trouble: state.trouble - 1 }, benign: false };
  }
}

/** Without what does not decide anything, so that there are fewer states. */
function quiet<T extends Intent>(intent: T): T {
  return { ...intent, outbox: [], ...(intent.state === 'active' ? { replicasMoved: 0 } : {}) };
}

function evidenceFor(world: SmallWorld, state: State, position: number, volume: Volume): Evidence {
  const { count, replicas, published, intent } = volume;
  const names = new Set(state.cordons.map((cordon) => cordon.slice(cordon.indexOf('/') + 1)));
  const labelsOf = (node: string): string[] =>
    state.cordons
      .filter((cordon) => cordon.endsWith(`/${node}`))
      .map((cordon) =>
        cordon.startsWith('person/') ? 'maintenance' : cordonLabelOf(cordon.slice(0, cordon.indexOf('/'))),
      );
  const seen = replicas.map(({ id, pool, health }): SeenReplica => {
    const up = isUp(state, { pool });
    const childState = health === 'out' ? undefined : !up ? 'Faulted' : health === 'synced' ? 'Online' : 'Degraded';
    return {
      replicaId: id,
      pool,
      node: nodeOf(pool),
      state: up ? 'Online' : 'Unknown',
      childState: published ? childState : undefined,
      childUri: health === 'out' ? undefined : `nvmf://${id}`,
      rebuildPercent: published && up && health === 'filling' ? 50 : undefined,
    };
  });
  const isWhole = replicas.length === count && replicas.every((one) => one.health === 'synced' && isUp(state, one));
  const nodes = [...new Set(world.pools.map(nodeOf))];
  return {
    nowMs: START_MS + (volume.late ? 60 * 60_000 : 60_000),
    volume: volume.deleted
      ? 'absent'
      : aVolume({
          placement: [],
          volumeId: intent.volumeId,
          replicaCount: count,
          replicas: seen,
          status: isWhole || !published ? 'Online' : 'Degraded',
          target: published ? { nexusId: 'nexus', node: 'n1', online: true } : undefined,
        }),
    stableForMs: STABLE_MS[volume.stable],
    idle: 'idle',
    cluster: {
      pools: new Map(
        world.pools.map((pool) => [
          pool,
          aPool(pool, { cordoned: names.has(pool), online: !state.nodesDown.includes(nodeOf(pool)) }),
        ]),
      ),
      nodes: new Map(
        nodes.map((node) => [
          node,
          aNode(node, {
            online: !state.nodesDown.includes(node),
            cordoned: names.has(node),
            cordonLabels: labelsOf(node),
          }),
        ]),
      ),
    },
    owners: new Map(replicas.map(({ id }) => [id, ['nexus']])),
    fenceHeld: state.fence === position,
    mayAct: state.mayAct,
    abortRequested: volume.abort,
  };
}
