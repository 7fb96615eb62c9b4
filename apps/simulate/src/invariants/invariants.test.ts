import type { MigrationEvent } from '@couchestor/shared/bus';
import type { ActiveIntent } from '@couchestor/shared/messages';
import { expect, test } from 'vitest';
import { invariantIds, invariants, type InvariantId } from './invariants.ts';
import {
  anEnd,
  anIntent,
  aRequest,
  aRound,
  aWorld,
  growCall,
  MINUTE_MS,
  processOf,
  said,
  scored,
  shrinkCall,
  store,
  VOLUME,
} from './testing.ts';
import { GIB, volumeIdOf, type Profile } from '../world/profile.ts';
import { DRAIN, PERSON, putPolicy, type World } from '../world/world.ts';

/** Worlds in which one thing is wrong, and the invariant that has to say so. In the twin without it none says a word. */

const atRest = (world: World): InvariantId[] =>
  invariants.flatMap(({ id, atRest: ask }) => (ask?.(world).length ? [id] : []));

const grow = async (world: World): Promise<void> => {
  const answer = world.model.handle({ method: 'PUT', path: `/v0${growCall.path}` });
  await world.clock.advance(5_000);
  expect((await answer).status).toBe(200);
  world.truth.heartbeatAtMs = world.clock.monotonicMs();
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
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
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  store(world, anIntent({ round: aRound({ replicasBefore: before }) }));
  expect(said(world, { call: shrinkCall })).toEqual([]);
  // One that was there before is to be mended, and is no newcomer that may go.
  store(world, anIntent({ round: aRound({ replicasBefore: allBefore }) }));
  expect(said(world, { call: shrinkCall })).toEqual(['I2']);
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

test('I2: a shrink while the node of a replica that stays has been cordoned for a while', async () => {
  const world = aWorld();
  await grow(world);
  await world.clock.advance(3 * MINUTE_MS);
  const replicas = world.model.volume(VOLUME)?.replicas ?? [];
  const source = replicas.find(({ pool }) => pool === 'cold-n2');
  const steer = { kind: 'nodeCordon', node: 'n2', victimReplicaId: source?.uuid ?? '' } as const;
  store(world, anIntent({ round: aRound({ steer }) }));
  for (const path of ['/v0/nodes/n2/cordon/couchestor-move-1', `/v0/nodes/n1/cordon/${PERSON}`]) {
    const cordon = world.model.handle({ method: 'PUT', path });
    await world.clock.advance(1_000);
    await cordon;
  }
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  world.truth.cordonedAtMs.set('n1', world.clock.monotonicMs());
  expect(said(world, { call: shrinkCall })).toEqual([]);
  world.truth.cordonedAtMs.set('n1', world.clock.monotonicMs() - MINUTE_MS);
  expect(said(world, { call: shrinkCall })).toEqual(['I2']);
});

test('I2: a shrink while the pool of a replica that stays has been cordoned for a while', async () => {
  const world = aWorld();
  await grow(world);
  await world.clock.advance(3 * MINUTE_MS);
  const replicas = world.model.volume(VOLUME)?.replicas ?? [];
  const source = replicas.find(({ pool }) => pool === 'cold-n2');
  const steer = { kind: 'nodeCordon', node: 'n2', victimReplicaId: source?.uuid ?? '' } as const;
  store(world, anIntent({ round: aRound({ steer }) }));
  const body = { replicas: true, snapshots: false, restores: false, import: false };
  const cordon = async (path: string): Promise<void> => {
    const done = world.model.handle({
      method: 'PUT',
      path: `/v0${path}`,
      ...(path.startsWith('/pools') ? { body } : {}),
    });
    await world.clock.advance(1_000);
    await done;
    world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  };
  await cordon('/nodes/n2/cordon/couchestor-move-1');
  await cordon('/pools/cold-n2/cordon');
  await world.clock.advance(MINUTE_MS);
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  expect(said(world, { call: shrinkCall })).toEqual([]);
  await cordon('/pools/cold-n1/cordon');
  expect(said(world, { call: shrinkCall })).toEqual([]);
  await world.clock.advance(20_000);
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  expect(said(world, { call: shrinkCall })).toEqual(['I2']);
});

test('I2: a call that rests on a read of long ago', async () => {
  const world = aWorld();
  store(world, anIntent({ round: aRound() }));
  await world.clock.advance(10_000);
  expect(said(world, { call: { ...growCall, readAgoMs: 5_000 } })).toEqual([]);
  expect(said(world, { call: { ...growCall, readAgoMs: 6_000 } })).toEqual(['I2']);
});

test('I2: a replica is called filled as soon as it is', async () => {
  const world = aWorld({ rebuildMs: 20_000, cachePeriodMs: 5_000 });
  await grow(world);
  const isFilled = (): boolean => world.model.volume(VOLUME)?.replicas.every(({ synced }) => synced) === true;
  expect(await world.clock.runUntil(isFilled, MINUTE_MS)).toBe(true);
  const check = invariants.find(({ id }) => id === 'I2')?.onIntent;
  const filled = anIntent({ round: aRound({ syncedAt: '2026-01-01T00:00:30Z' }) });
  expect(check?.(filled, anIntent({ round: aRound() }), world, processOf(world))).toMatch('is called filled');
  expect(check?.(filled, filled, world, processOf(world))).toBeUndefined();
  await world.clock.advance(5_000);
  expect(check?.(filled, anIntent({ round: aRound() }), world, processOf(world))).toBeUndefined();
});

test('I2: a replica is said to have gone', () => {
  const world = aWorld();
  const [replica] = world.model.volume(VOLUME)?.replicas ?? [];
  const { migrationId, volumeName, policyId, policyName } = anIntent();
  const removed = (replicaId: string): MigrationEvent => ({
    name: 'migration.replica-removed',
    subject: '',
    id: '',
    source: 'migrator-1',
    time: '2026-01-01T00:00:00Z',
    data: { migrationId, volumeId: VOLUME, volumeName, policyId, policyName, replicaId, pool: 'cold-n1', node: 'n1' },
  });
  expect(said(world, { event: removed('another') })).toEqual([]);
  expect(said(world, { event: removed(replica?.uuid ?? '') })).toEqual(['I2']);
});

test('I11: a move makes more than one copy in vain, where nobody else does anything', () => {
  const { migrationId, volumeName, policyId, policyName } = anIntent();
  const added = (id: string): MigrationEvent => ({
    name: 'migration.replica-added',
    subject: '',
    id,
    source: 'migrator-1',
    time: '2026-01-01T00:00:00Z',
    data: {
      migrationId,
      volumeId: VOLUME,
      volumeName,
      policyId,
      policyName,
      replicaId: id,
      pool: 'hot-n3',
      node: 'n3',
    },
  });
  const worldAfter = (events: readonly MigrationEvent[], change: Partial<Profile> = {}): World => {
    const world = aWorld({ deeds: 0, ...change });
    store(world, anIntent());
    (world.bus.events as MigrationEvent[]).push(...events);
    return world;
  };
  const three = ['1', '2', '3'].map(added);
  expect(said(worldAfter(three), { event: added('3') })).toEqual([]);
  // What is told again is no other copy.
  expect(said(worldAfter([...three, added('3')]), { event: added('3') })).toEqual([]);
  const four = [...three, added('4')];
  expect(said(worldAfter(four), { event: added('4') })).toEqual(['I11']);
  expect(said(worldAfter(four, { deeds: 3 }), { event: added('4') })).toEqual([]);
});

test('I3: a call for a volume that moves for somebody else, or not at all; and a second move of a volume', () => {
  const world = aWorld();
  expect(said(world, { call: growCall })).toEqual(['I3']);
  store(world, anIntent({ owner: 'migrator-2', round: aRound() }));
  expect(said(world, { call: growCall })).toEqual(['I3']);
  const check = invariants.find(({ id }) => id === 'I3')?.onIntent;
  expect(check?.(anIntent({ migrationId: 'move-2' }), anIntent(), world, processOf(world))).toMatch(
    'move-2 began while move-1',
  );
});

test('I3: the cordon of a node that a move of another lists is removed, and none that came too late', () => {
  const world = aWorld();
  const steer = { kind: 'nodeCordon', node: 'n2', victimReplicaId: 'r' } as const;
  const uncordon = (node: string) => ({ method: 'DELETE', path: `/nodes/${node}/cordon/couchestor-move-1` }) as const;
  store(world, anIntent({ owner: 'migrator-2', round: aRound({ steer }) }));
  expect(said(world, { call: uncordon('n2') })).toEqual(['I3']);
  expect(said(world, { call: uncordon('n3') })).toEqual([]);
  const fence = { kind: 'node' as const, ours: ['n3'], foreign: ['n4'] };
  store(world, anIntent({ owner: 'migrator-2', round: aRound({ fence }) }));
  expect(said(world, { call: uncordon('n3') })).toEqual(['I3']);
  expect(said(world, { call: uncordon('n4') })).toEqual([]);
  store(world, anIntent({ owner: 'migrator-1', round: aRound({ steer }) }));
  expect(said(world, { call: uncordon('n2') })).toEqual([]);
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
  endless.truth.accepted.set('move-1', { policyId: 'policy-1', atMs: 0, zones: 0 });
  expect(atRest(endless)).toContain('I4');
});

test('I4: a count that a late call changed, unless who sent it died', async () => {
  const world = aWorld();
  await grow(world);
  await world.clock.advance(3 * MINUTE_MS);
  world.truth.latePaths.set(growCall.path, processOf(world));
  expect(atRest(world)).toContain('I4');
  world.truth.lostCalls = [growCall.path];
  expect(atRest(world)).not.toContain('I4');
});

test('I4: a cordon of a pool that a late call set, unless who sent it died', async () => {
  const world = aWorld();
  const body = { replicas: true, snapshots: false, restores: false, import: false };
  const cordon = world.model.handle({ method: 'PUT', path: '/v0/pools/hot-n2/cordon', body });
  await world.clock.advance(1_000);
  await cordon;
  expect(atRest(world)).toContain('I4');
  world.truth.lostCalls = ['/pools/cold-n1/cordon'];
  expect(atRest(world)).toContain('I4');
  world.truth.lostCalls = ['/pools/hot-n2/cordon'];
  expect(atRest(world)).not.toContain('I4');
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
  world.truth.latePaths.set(growCall.path, processOf(world));
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

test('I9: a growth that would leave the volume in fewer zones than it lay in', () => {
  // Its replicas are on n1 and n2, the one on n2 goes to n3.
  const inZones = (zones: Readonly<Record<string, string>>): World => aWorld({ zoneOf: (node) => zones[node] });
  for (const [zones, wrong] of [
    [{ n1: 'a', n2: 'b', n3: 'b' }, false],
    [{ n1: 'a', n2: 'b', n3: 'c' }, false],
    [{ n1: 'a', n2: 'a', n3: 'a' }, false],
    [{ n1: 'a', n2: 'b', n3: 'a' }, true],
    [{ n1: 'a', n2: 'b' }, true],
  ] as const) {
    const world = inZones(zones);
    const source = world.model.volume(VOLUME)?.replicas.find(({ pool }) => pool === 'cold-n2');
    store(world, anIntent({ round: aRound({ sourceReplicaId: source?.uuid ?? '' }) }));
    expect(said(world, { call: growCall })).toEqual(wrong ? ['I9'] : []);
  }
});

test('I9: a growth while another pool than the target could be chosen', async () => {
  const world = aWorld();
  store(world, anIntent({ round: aRound({ fence: { kind: 'pool', ours: ['hot-n4'], foreign: [] } }) }));
  expect(said(world, { call: growCall })).toEqual(['I9']);
  const body = { replicas: true, snapshots: false, restores: false, import: false };
  const set = async (method: 'PUT' | 'DELETE'): Promise<void> => {
    const done = world.model.handle({ method, path: '/v0/pools/hot-n4/cordon', body });
    await world.clock.advance(1_000);
    await done;
  };
  await set('PUT');
  expect(said(world, { call: growCall })).toEqual([]);
  await set('DELETE');
  expect(said(world, { call: growCall })).toEqual(['I9']);
  // A person opens it, which takes a while to be seen.
  world.truth.poolOpenedAtMs.set('hot-n4', world.clock.monotonicMs());
  expect(said(world, { call: growCall })).toEqual([]);
  await world.clock.advance(7_000);
  expect(said(world, { call: growCall })).toEqual(['I9']);
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
  const drain = drained.model.handle({ method: 'PUT', path: `/v0/nodes/n2/drain/${DRAIN}` });
  await drained.clock.advance(1_000);
  await drain;
  drained.truth.drainedSinceMs.set('n2', 0);
  await scored(drained, 5_000);
  expect(said(drained, { intent: anIntent() })).toEqual([]);
  await drained.clock.advance(2 * MINUTE_MS);
  await scored(drained, 5_000);
  expect(said(drained, { intent: anIntent() })).toEqual(['I10']);
  store(drained, anIntent({ round: aRound() }));
  drained.truth.openHeartbeatAtMs = drained.clock.monotonicMs();
  expect(said(drained, { call: growCall })).toEqual(['I10']);
});

test('I10: that a volume moves already is no excuse but for the new replica of that move, and while it is news', async () => {
  const world = aWorld({ rebuildMs: 6_000_000 });
  await grow(world);
  await world.clock.advance(2 * MINUTE_MS);
  await scored(world, 5_000);
  const placeOf = ({ uuid, pool, node }: { uuid: string; pool: string; node: string }) => ({
    replicaId: uuid,
    pool,
    node,
  });
  const replicas = world.model.volume(VOLUME)?.replicas ?? [];
  const all = replicas.map(placeOf);
  const before = replicas.filter(({ synced }) => synced).map(placeOf);
  const began = (agoMs: number, replicasBefore: typeof all): void => {
    store(world, anIntent({ migrationId: 'move-0', round: aRound({ replicasBefore }) }));
    const atMs = world.clock.monotonicMs() - agoMs;
    world.truth.accepted.set('move-0', { policyId: 'policy-1', atMs, zones: 0 });
  };
  began(80_000, before);
  expect(said(world, { request: aRequest() })).toEqual([]);
  began(80_000, all);
  expect(said(world, { request: aRequest() })).toEqual(['I10']);
  began(100_000, before);
  expect(said(world, { request: aRequest() })).toEqual(['I10']);
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
  for (const id of ['move-1', 'move-2']) world.truth.accepted.set(id, { policyId: 'policy-1', atMs: 0, zones: 0 });
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

test('I11: a move is completed with a replica off the tier', async () => {
  const world = aWorld();
  await world.clock.advance(MINUTE_MS);
  expect(said(world, { ended: anEnd() })).toEqual(['I11']);
  expect(said(world, { ended: anEnd({ toTier: 'cold' }) })).toEqual([]);
});

test('I12: a heartbeat that permits to act, and a request, though all was paused', async () => {
  const world = aWorld();
  const heartbeat = { leader: 'watcher-1', sentAt: '2026-01-01T00:00:00Z', paused: false };
  world.truth.pausedAtMs = 0;
  expect(said(world, { heartbeat })).toEqual([]);
  await world.clock.advance(6_000);
  expect(said(world, { heartbeat })).toEqual(['I12']);
  expect(said(world, { heartbeat: { ...heartbeat, paused: true } })).toEqual([]);
  await world.clock.advance(2 * MINUTE_MS);
  await scored(world, 5_000);
  expect(said(world, { request: aRequest() })).toEqual(['I12']);
});

test('I12: a move is completed though a person aborted it', async () => {
  const world = aWorld();
  world.truth.abortAskedAtMs.set('move-1', 0);
  await world.clock.advance(MINUTE_MS);
  expect(said(world, { ended: anEnd({ toTier: 'cold' }) })).toEqual([]);
  await world.clock.advance(MINUTE_MS);
  expect(said(world, { ended: anEnd({ toTier: 'cold' }) })).toEqual(['I12']);
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
