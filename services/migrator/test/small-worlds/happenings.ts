import * as change from '../../src/core/intent-changes.ts';
import { nextStep } from '../../src/core/next-step.ts';
import type { Capabilities } from '../../src/core/evidence.ts';
import { evidenceFor } from './evidence-for.ts';
import {
  isUp,
  nodeOf,
  placesFor,
  withReplica,
  type Health,
  type Replica,
  type Shared,
  type Sight,
  type SmallWorld,
  type Transition,
  type Volume,
} from './small-world.ts';

/** What happens to a volume without us: time, its rebuilds, Mayastor's own repairs, people. */
export function* happeningsTo(sight: Sight, capabilities: Capabilities): Generator<Transition> {
  const { world, volume, shared } = sight;
  const { replicas, stable, published, intent } = volume;
  const to = (next: Partial<Volume>): Transition => ({ volume: { ...volume, ...next }, shared, benign: true });
  const changed = (next: Partial<Volume>): Transition => to({ stable: 0, ...next });
  if (intent.state === 'ended') return;
  if (volume.deleted) {
    if (stable < 1) yield to({ stable: 1 });
    return;
  }
  if (stable < 2) yield to({ stable: stable === 0 ? 1 : 2 });
  const isTimed = intent.attention !== undefined || (intent.round !== undefined && world.trouble > 0);
  if (!volume.late && stable > 0 && isTimed) yield to({ late: true });
  if (shared.mayAct && intent.rollback === undefined) {
    const step = nextStep(intent, { ...evidenceFor(sight), abortRequested: true }, capabilities);
    if (step.kind === 'rollBack') {
      const heard = intent.attention === undefined ? intent : change.attentionOver(intent);
      yield { ...to({ intent: change.rolledBack(heard, step.rollback) }), benign: false, byAbort: true };
    }
  }
  for (const [index, one] of replicas.length > volume.count ? [] : replicas.entries()) {
    if (!published || !isUp(shared, one)) continue;
    const become = (health: Health): Transition => changed({ replicas: replicas.with(index, { ...one, health }) });
    if (one.health === 'filling') yield become('synced');
    if (one.health === 'out') yield become('filling');
  }
  if (replicas.length < volume.count) {
    for (const pool of placesFor(sight, replicas)) yield changed({ replicas: withReplica(replicas, pool) });
  }
  // What a half-done growth left is in no target, is never filled and is removed.
  if (replicas.length > volume.count) yield changed({ replicas: replicas.slice(0, volume.count) });
  if (!published) yield changed({ published: true });
  if (shared.trouble > 0) yield* troubleOf(sight);
}

function* troubleOf(sight: Sight): Generator<Transition> {
  const { volume, shared } = sight;
  const { replicas, count, published } = volume;
  const less = (next: Partial<Volume>): Transition => ({
    volume: { ...volume, stable: 0, ...next },
    shared: { ...shared, trouble: shared.trouble - 1 },
    benign: false,
  });
  if (published) yield less({ published: false });
  yield less({ deleted: true, replicas: [] });
  // A person asks for one more, and for one less.
  for (const pool of placesFor(sight, replicas).slice(0, 1)) {
    yield less({ count: count + 1, replicas: withReplica(replicas, pool) });
  }
  if (count > 1) {
    const victim = replicas.find(({ health }) => health !== 'synced') ?? replicas.at(-1);
    yield less({ count: count - 1, replicas: replicas.filter((one) => one !== victim) });
  }
  for (const one of replicas) {
    // A rebuild dies, or Mayastor replaces a replica, in both cases anywhere.
    const others: readonly Replica[] = replicas.filter((other) => other !== one);
    if (others.every(({ health }) => health !== 'synced')) continue;
    for (const pool of placesFor(sight, others)) yield less({ replicas: withReplica(others, pool) });
  }
}

/** What happens to the cluster. */
export interface Event {
  readonly shared: Shared;
  readonly benign: boolean;
  /** Every volume is seen anew. */
  readonly touches: boolean;
}

export function* eventsIn(world: SmallWorld, shared: Shared): Generator<Event> {
  const { cordons, nodesDown, trouble } = shared;
  const repaired = (next: Partial<Shared>, touches = false): Event => ({
    shared: { ...shared, ...next },
    benign: true,
    touches,
  });
  if (!shared.mayAct) yield repaired({ mayAct: true });
  for (const node of nodesDown) yield repaired({ nodesDown: nodesDown.filter((one) => one !== node) }, true);
  const people = cordons.filter((cordon) => cordon.startsWith('person/'));
  for (const cordon of people) yield repaired({ cordons: cordons.filter((one) => one !== cordon) });
  if (trouble === 0) return;
  const less = (next: Partial<Shared>, touches = false): Event => ({
    shared: { ...shared, ...next, trouble: trouble - 1 },
    benign: false,
    touches,
  });
  if (shared.mayAct) yield less({ mayAct: false });
  for (const node of new Set(world.pools.map(nodeOf))) {
    if (!nodesDown.includes(node)) yield less({ nodesDown: [...nodesDown, node].sort() }, true);
  }
  if (people.length === 0) {
    const names = new Set([...world.pools.map(nodeOf), ...(world.method === 'nodeCordon' ? [] : world.pools)]);
    for (const name of names) {
      // A pool's cordon bears no name, so that of a pool which is cordoned already nothing more can be seen.
      if (cordons.some((cordon) => cordon.endsWith(`/${name}`) && world.pools.includes(name))) continue;
      yield less({ cordons: [...cordons, `person/${name}`].sort() });
    }
  }
  // Its holder died; what it cordoned stands.
  if (shared.fence !== undefined) yield less({ fence: undefined });
}
