import type { StoredIntent } from '@couchestor/shared/bus';
import type { ActiveIntent } from '@couchestor/shared/messages';
import { expect, test } from 'vitest';
import { changeOf, invariantIds, invariants, type InvariantId, type SeenCall } from './invariants.ts';
import type { ArrivingCall } from './world/mayastor.ts';
import { createProcess, type SimulatedProcess } from './world/process.ts';
import { GIB, profileOf, SIZE_BYTES, volumeIdOf, type PolicySpecText, type Profile } from './world/profile.ts';
import { createWorld, putPolicy, type World } from './world/world.ts';

/** Worlds in which one thing is wrong, and the invariant that has to say so. In the twin without it none says a word. */

const VOLUME = volumeIdOf(1);
const MINUTE_MS = 60_000;
const nothing = (): void => undefined;

function aWorld(change: Partial<Profile> = {}, spec: Partial<PolicySpecText> = {}): World {
  const base = profileOf(1);
  const [policy] = base.policies;
  if (policy === undefined) throw new Error('a world has a policy');
  const world = createWorld({
    seed: 1,
    profile: {
      ...base,
      version: '2.12.2',
      steer: 'cordon',
      nodes: ['n1', 'n2', 'n3', 'n4'],
      tiersOf: () => ['hot', 'cold'],
      fleetMax: 2,
      isThin: true,
      poolBytes: { hot: 1_000 * GIB, cold: 1_000 * GIB },
      rebuildMs: 60_000,
      faultRate: 0,
      volumes: [1, 2, 3].map((number) => ({
        id: volumeIdOf(number),
        placement: ['cold-n1', 'cold-n2'],
        publishedOn: 'n1',
        snapshots: 0,
        labels: {},
      })),
      policies: [{ id: policy.id, spec: { ...policy.spec, cooldownPeriod: '10m', windows: [], ...spec } }],
      ...change,
    },
    only: undefined,
    observer: { onArrival: nothing, onIntent: nothing, onEvent: nothing, onStory: nothing },
  });
  world.truth.heartbeatAtMs = 0;
  world.truth.openHeartbeatAtMs = 0;
  return world;
}

const processOf = (world: World, name = 'migrator-1', wallOffsetMs = 0): SimulatedProcess =>
  createProcess({ name, clock: world.clock, wallOffsetMs, onKill: nothing });

function anIntent(change: Partial<ActiveIntent> = {}): ActiveIntent {
  return {
    state: 'active',
    migrationId: 'move-1',
    proposalId: 'proposal',
    attempt: 0,
    volumeId: VOLUME,
    volumeName: `pvc-${VOLUME}`,
    policyId: 'policy-1',
    policyName: 'policy-1',
    policyGeneration: 1,
    fromTier: 'cold',
    toTier: 'hot',
    startedAt: '2026-01-01T00:00:00Z',
    seenIds: [],
    failuresInRow: 0,
    outbox: [],
    replicaCount: 2,
    sizeBytes: SIZE_BYTES,
    syncTimeoutMs: 60_000,
    allowSnapshots: false,
    allowReducedRedundancy: false,
    maxPoolUsedPercent: 85,
    limits: { policy: 2, perPool: 1, perNode: 1 },
    targetPools: ['hot-n3', 'hot-n4'],
    replicasMoved: 0,
    roundsStarted: 1,
    owner: 'migrator-1',
    ownerToken: 1,
    ...change,
  };
}

const aRound = (change: Partial<NonNullable<ActiveIntent['round']>> = {}): NonNullable<ActiveIntent['round']> => ({
  number: 1,
  startedAt: '2026-01-01T00:00:00Z',
  replicasBefore: [{ replicaId: 'r', pool: 'cold-n1', node: 'n1' }],
  sourceReplicaId: 'r',
  targetPool: 'hot-n3',
  targetNode: 'n3',
  growths: 1,
  shrinks: 1,
  ...change,
});

function store(world: World, ...intents: readonly ActiveIntent[]): void {
  const records = world.bus.intents as Map<string, StoredIntent>;
  for (const intent of intents) records.set(intent.volumeId, { intent, revision: records.size + 1 });
}

/** Everything that the invariants say to it, by name. */
function said(
  world: World,
  happening: { readonly call?: Pick<ArrivingCall, 'method' | 'path'>; readonly intent?: ActiveIntent },
  wallOffsetMs = 0,
): InvariantId[] {
  const writer = processOf(world, 'migrator-1', wallOffsetMs);
  return invariants.flatMap(({ id, onArrival, onAccepted, onIntent, afterStep }) => {
    const words = [afterStep?.(world)];
    if (happening.call !== undefined) {
      const call: SeenCall = { process: writer, ...happening.call, change: changeOf(happening.call), isLate: false };
      words.push(onArrival?.(call, world));
    }
    if (happening.intent !== undefined) {
      words.push(onAccepted?.(happening.intent, world, writer), onIntent?.(happening.intent, undefined, world));
    }
    return words.some((word) => word !== undefined) ? [id] : [];
  });
}
const atRest = (world: World): InvariantId[] =>
  invariants.flatMap(({ id, atRest: ask }) => (ask?.(world).length ? [id] : []));

const shrinkCall = { method: 'PUT', path: `/volumes/${VOLUME}/replica_count/2` } as const;
const growCall = { method: 'PUT', path: `/volumes/${VOLUME}/replica_count/3` } as const;
const grow = async (world: World): Promise<void> => {
  const answer = world.model.handle({ method: 'PUT', path: `/v0${growCall.path}` });
  await world.clock.advance(5_000);
  expect((await answer).status).toBe(200);
  world.truth.heartbeatAtMs = world.clock.monotonicMs();
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
};
const scored = async (world: World, iops: number): Promise<void> => {
  world.truth.iops.set(VOLUME, iops);
  const signal = new AbortController().signal;
  const server = world.prometheus.serverOf(processOf(world, 'scorer-1'));
  const reading = server.vector('sum(rate(x[60s]))', 'pv_name', 0, signal);
  await world.clock.advance(10);
  await reading;
};

test('each invariant of the design is one of the list, and says what it is', () => {
  expect(invariants.map(({ id }) => id)).toEqual(invariantIds);
  for (const { says } of invariants) expect(says).toMatch(/\w+ \w+/);
});

test('I1: a call of ours that takes a healthy replica away', async () => {
  const world = aWorld();
  store(world, anIntent());
  expect(said(world, {})).toEqual([]);
  const answer = world.model.handle({ method: 'PUT', path: `/v0/volumes/${VOLUME}/replica_count/1` });
  await world.clock.advance(5_000);
  await answer;
  expect(said(world, {})).toEqual(['I1']);
});

test('I2: a shrink before the new replica is filled, or without what steers it', async () => {
  const world = aWorld();
  await grow(world);
  const replicas = world.model.volume(VOLUME)?.replicas ?? [];
  const source = replicas.find(({ pool }) => pool === 'cold-n2');
  const steer = { kind: 'nodeCordon', node: 'n2', victimReplicaId: source?.uuid ?? '' } as const;
  store(world, anIntent({ round: aRound({ steer }) }));
  expect(said(world, { call: shrinkCall })).toEqual(['I2']);
  // Filled, and steered: nothing is wrong. Filled, and not steered: the wrong one may go.
  await world.clock.advance(3 * MINUTE_MS);
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  expect(said(world, { call: shrinkCall })).toEqual(['I2']);
  const cordon = world.model.handle({ method: 'PUT', path: '/v0/nodes/n2/cordon/couchestor-move-1' });
  await world.clock.advance(1_000);
  await cordon;
  expect(said(world, { call: shrinkCall })).toEqual([]);
  store(world, anIntent({ round: aRound() }));
  expect(said(world, { call: shrinkCall })).toEqual(['I2']);
});

test('I2: nothing steers a replica out that was never filled, though it may have been filled just now', async () => {
  const world = aWorld({ rebuildMs: 20_000, cachePeriodMs: 500 });
  await grow(world);
  const before = (world.model.volume(VOLUME)?.replicas ?? [])
    .filter(({ pool }) => pool.startsWith('cold'))
    .map(({ uuid, pool, node }) => ({ replicaId: uuid, pool, node }));
  const allBefore = (world.model.volume(VOLUME)?.replicas ?? []).map(({ uuid, pool, node }) => ({
    replicaId: uuid,
    pool,
    node,
  }));
  await world.clock.runUntil(
    () => world.model.volume(VOLUME)?.replicas.every(({ synced }) => synced) === true,
    MINUTE_MS,
  );
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  store(world, anIntent({ round: aRound({ replicasBefore: before }) }));
  expect(said(world, { call: shrinkCall })).toEqual([]);
  store(world, anIntent({ round: aRound({ replicasBefore: allBefore }) }));
  expect(said(world, { call: shrinkCall })).toEqual(['I2']);
  await world.clock.advance(10_000);
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  store(world, anIntent({ round: aRound({ replicasBefore: before }) }));
  expect(said(world, { call: shrinkCall })).toEqual(['I2']);
});

test('I3: a call for a volume that moves for somebody else, or not at all; and a second move of a volume', () => {
  const world = aWorld();
  expect(said(world, { call: growCall })).toEqual(['I3']);
  store(world, anIntent({ owner: 'migrator-2', round: aRound() }));
  expect(said(world, { call: growCall })).toEqual(['I3']);
  const check = invariants.find(({ id }) => id === 'I3')?.onIntent;
  expect(check?.(anIntent({ migrationId: 'move-2' }), anIntent(), world)).toMatch('move-2 began while move-1');
});

test('I4: what a move leaves behind', async () => {
  const clean = aWorld();
  expect(atRest(clean)).not.toContain('I4');
  const cordoned = aWorld();
  const cordon = cordoned.model.handle({ method: 'PUT', path: '/v0/nodes/n2/cordon/couchestor-move-1' });
  await cordoned.clock.advance(1_000);
  await cordon;
  expect(atRest(cordoned)).toContain('I4');
  const active = aWorld();
  store(active, anIntent());
  expect(atRest(active)).toContain('I4');
  const grown = aWorld();
  await grow(grown);
  expect(atRest(grown)).toContain('I4');
  const leased = aWorld();
  const lease = { kind: 'leader', name: 'x', holder: 'dead', ttlMs: 1_000, lifeMs: 1_000 } as const;
  await leased.leaseServer.acquireLease(lease);
  expect(atRest(leased)).toContain('I4');
  const endless = aWorld();
  endless.truth.accepted.set('move-1', { policyId: 'policy-1', atMs: 0 });
  expect(atRest(endless)).toContain('I4');
});

test('I5: a move that no score asked for', async () => {
  const world = aWorld();
  expect(said(world, { intent: anIntent() })).toEqual(['I5']);
  await scored(world, 10);
  expect(said(world, { intent: anIntent() })).toEqual(['I5']);
  await scored(world, 5_000);
  expect(said(world, { intent: anIntent() })).toEqual([]);
});

test('I6: one move too many, of all or onto a pool', async () => {
  const world = aWorld();
  await scored(world, 5_000);
  const [first, second, third] = [1, 2, 3].map((number) =>
    anIntent({ volumeId: volumeIdOf(number), migrationId: `move-${number}` }),
  ) as [ActiveIntent, ActiveIntent, ActiveIntent];
  store(world, first, second);
  expect(said(world, { intent: first })).toEqual([]);
  store(world, third);
  expect(said(world, { intent: first })).toEqual(['I6']);
  store(world, { ...third, attention: { reason: 'x', message: '', since: '' } });
  expect(said(world, { intent: first })).toEqual([]);
  store(world, { ...first, round: aRound() }, { ...second, round: aRound() });
  expect(said(world, { intent: first })).toEqual(['I6']);
});

/** The undoing of a call that came late. */
const undoing = { rollback: { outcome: 'aborted', reason: 'LateCall', message: '' } } as const;

test('I6 and I10 pass over the undoing of a call that came late, and over nothing that only says it is one', async () => {
  const world = aWorld({ fleetMax: 1 });
  const repair = anIntent({ ...undoing, volumeId: volumeIdOf(1), migrationId: 'move-1' });
  const other = anIntent({ volumeId: volumeIdOf(2), migrationId: 'move-2' });
  await grow(world);
  world.model.faults.nodeDown('n2', { graceful: true });
  await world.clock.advance(MINUTE_MS);
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  await scored(world, 5_000);
  store(world, repair, other);
  expect(said(world, { intent: repair })).toEqual(['I6', 'I10']);
  world.truth.latePaths.add(growCall.path);
  expect(said(world, { intent: repair })).toEqual([]);
  // That of another volume makes room for one more, and for no other.
  store(world, anIntent({ volumeId: volumeIdOf(3), migrationId: 'move-3' }));
  expect(said(world, { intent: repair })).toEqual(['I6']);
});

test('I7: a move before the cooldown is over, unless it finishes a mixed volume', async () => {
  const world = aWorld();
  await scored(world, 5_000);
  world.truth.completedAtMs.set(VOLUME, 0);
  await world.clock.advance(9 * MINUTE_MS);
  await scored(world, 5_000);
  expect(said(world, { intent: anIntent() })).toEqual(['I7']);
  expect(said(world, { intent: anIntent({ fromTier: 'mixed' }) })).toEqual([]);
  await world.clock.advance(MINUTE_MS);
  expect(said(world, { intent: anIntent() })).toEqual([]);
});

test('I7 and I8: a wrong clock is no excuse, unless that of the watcher is wrong as well', async () => {
  const world = aWorld({}, { windows: [{ schedule: '*/10 * * * *', duration: '6m' }] });
  await world.clock.advance(8 * MINUTE_MS);
  await scored(world, 5_000);
  world.truth.completedAtMs.set(VOLUME, world.clock.monotonicMs());
  expect(said(world, { intent: anIntent() }, 300_000)).toEqual(['I7', 'I8']);
  world.truth.heartbeatAheadMs = 300_000;
  expect(said(world, { intent: anIntent() })).toEqual(['I7', 'I8']);
  expect(said(world, { intent: anIntent() }, 300_000)).toEqual([]);
});

test('I8: a start outside of the window', async () => {
  const world = aWorld({}, { windows: [{ schedule: '*/10 * * * *', duration: '6m' }] });
  await world.clock.advance(5 * MINUTE_MS);
  await scored(world, 5_000);
  expect(said(world, { intent: anIntent() })).toEqual([]);
  await world.clock.advance(2 * MINUTE_MS);
  await scored(world, 5_000);
  expect(said(world, { intent: anIntent() })).toEqual(['I8']);
});

test('I9: a growth onto a pool that is full then', () => {
  const world = aWorld({ isThin: false, poolBytes: { hot: 6 * GIB, cold: 400 * GIB } });
  store(world, anIntent({ round: aRound() }));
  expect(said(world, { call: growCall })).toEqual([]);
  const full = aWorld({ isThin: false, poolBytes: { hot: 5.5 * GIB, cold: 400 * GIB } });
  store(full, anIntent({ round: aRound() }));
  expect(said(full, { call: growCall })).toEqual(['I9']);
});

test('I10: a volume that is degraded, has snapshots or lies on a drained node', async () => {
  const snapshots = aWorld(
    {
      volumes: [{ id: VOLUME, placement: ['cold-n1', 'cold-n2'], publishedOn: 'n1', snapshots: 1, labels: {} }],
    },
    { moves: { allowSnapshots: false, allowReducedRedundancy: false } },
  );
  await scored(snapshots, 5_000);
  expect(said(snapshots, { intent: anIntent() })).toEqual(['I10']);
  const degraded = aWorld();
  degraded.model.faults.nodeDown('n2', { graceful: true });
  await degraded.clock.advance(MINUTE_MS);
  await scored(degraded, 5_000);
  expect(said(degraded, { intent: anIntent() })).toEqual(['I10']);
  const drained = aWorld();
  drained.truth.drainedSinceMs.set('n2', 0);
  await scored(drained, 5_000);
  expect(said(drained, { intent: anIntent() })).toEqual([]);
  await drained.clock.advance(2 * MINUTE_MS);
  await scored(drained, 5_000);
  expect(said(drained, { intent: anIntent() })).toEqual(['I10']);
});

test('I11: a volume at rest without a reason', () => {
  expect(atRest(aWorld())).toEqual(['I11']);
  expect(atRest(aWorld({ volumes: [] }))).toEqual([]);
});

test('I11: a brake is a reason to rest while so many moves began or failed, and no longer', async () => {
  const limits = {
    perPool: 1,
    perNode: 1,
    maxVolumesInMotionPercent: 100,
    maxMovesPerHour: 2,
    maxConsecutiveFailures: 2,
  };
  const world = aWorld({}, { limits });
  const decisions = new Map(
    world.profile.volumes.map(({ id }) => [
      id,
      { volumeId: id, policyId: 'policy-1', action: 'hold', reason: 'BrakeFleet', message: 'a brake' },
    ]),
  );
  const braked = { ...world, bus: { ...world.bus, facts: () => decisions } } as unknown as World;
  expect(atRest(braked)).toEqual(['I11']);
  for (const id of ['move-1', 'move-2']) world.truth.accepted.set(id, { policyId: 'policy-1', atMs: 0 });
  expect(atRest(braked)).not.toContain('I11');
  await world.clock.advance(61 * MINUTE_MS);
  expect(atRest(braked)).toContain('I11');
  world.truth.accepted.clear();
  const failed = (number: number): ActiveIntent =>
    ({
      ...anIntent({ volumeId: volumeIdOf(number), migrationId: `move-${number}` }),
      state: 'ended',
      outcome: 'failed',
    }) as never;
  store(world, failed(1));
  expect(atRest(braked)).toContain('I11');
  store(world, failed(2));
  expect(atRest(braked)).not.toContain('I11');
});

test('I12: a call after the heartbeat has ended, or all was paused; and a start of a disabled policy', async () => {
  const world = aWorld();
  store(world, anIntent({ round: aRound() }));
  await world.clock.advance(13_000);
  expect(said(world, { call: growCall })).toEqual([]);
  await world.clock.advance(2_000);
  expect(said(world, { call: growCall })).toEqual(['I12']);
  const uncordon = { method: 'DELETE', path: '/pools/cold-n1/cordon' } as const;
  expect(said(world, { call: uncordon })).toEqual([]);
  await world.clock.advance(4_000);
  expect(said(world, { call: uncordon })).toEqual(['I12']);
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  world.truth.heardPause.add('migrator-1');
  expect(said(world, { call: growCall })).toEqual(['I12']);
  const [policy] = world.profile.policies;
  if (policy === undefined) throw new Error('a world has a policy');
  putPolicy(world, policy.id, { ...policy.spec, enabled: false });
  await world.clock.advance(2 * MINUTE_MS);
  await scored(world, 5_000);
  expect(said(world, { intent: anIntent() })).toEqual(['I12']);
});
