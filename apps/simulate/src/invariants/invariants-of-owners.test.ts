import type { EndedIntent } from '@couchestor/shared/messages';
import { expect, test } from 'vitest';
import { invariants, type InvariantId } from './invariants.ts';
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
import { GIB, volumeIdOf } from '../world/profile.ts';
import type { World } from '../world/world.ts';

/** Who may act, and what was there before, each with a twin in which nothing is wrong. */

async function done(world: World, answer: Promise<unknown>): Promise<void> {
  await world.clock.advance(5_000);
  await answer;
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  world.truth.heartbeatAtMs = world.clock.monotonicMs();
}
const send = (world: World, method: string, path: string): Promise<void> =>
  done(world, world.model.handle({ method, path: `/v0${path}` }));

/** As Redis sees it once its epoch is open. */
async function lease(world: World, name: string, holder: string): Promise<void> {
  const lifeMs = 15_000;
  const begin = { intents: [], ttlMs: lifeMs, lifeMs, epoch: 'begin', recovery: undefined } as const;
  const { recovery } = await world.leaseServer.register(begin);
  await world.clock.advance(2 * lifeMs);
  await world.leaseServer.register({ ...begin, epoch: 'commit', recovery });
  await world.leaseServer.acquireLease({ kind: 'owner', name, holder, ttlMs: lifeMs, lifeMs });
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
}

const fenceOf = (migrationId: string) => ({ migrationId, token: 1, order: 1, ttlMs: 15_000, lifeMs: 15_000 });

test('I3: a count is changed under the lease of another', async () => {
  const own = aWorld();
  store(own, anIntent({ round: aRound() }));
  await lease(own, VOLUME, 'migrator-1');
  await own.leaseServer.acquireFence(fenceOf('move-1'));
  expect(said(own, { call: growCall })).toEqual([]);
  const other = aWorld();
  store(other, anIntent({ round: aRound() }));
  await lease(other, VOLUME, 'migrator-2');
  expect(said(other, { call: growCall })).toEqual(['I3']);
  // A Redis that forgot something may give to two what one has.
  other.truth.redisShakenAtMs = other.clock.monotonicMs();
  expect(said(other, { call: growCall })).toEqual([]);
});

test('I3: a growth while another move has the fence', async () => {
  const world = aWorld();
  store(world, anIntent({ round: aRound() }));
  await lease(world, VOLUME, 'migrator-1');
  await world.leaseServer.acquireFence(fenceOf('move-2'));
  expect(said(world, { call: growCall })).toEqual(['I3']);
  await world.leaseServer.releaseFence({ migrationId: 'move-2', token: 1, order: 2 });
  await world.leaseServer.acquireFence(fenceOf('move-1'));
  expect(said(world, { call: growCall })).toEqual([]);
});

test('I3: a growth that the lease of its fence does not outlast, or without a fence', async () => {
  const world = aWorld();
  store(world, anIntent({ round: aRound() }));
  await lease(world, VOLUME, 'migrator-1');
  expect(said(world, { call: growCall })).toEqual(['I3']);
  await world.leaseServer.acquireFence({ ...fenceOf('move-1'), ttlMs: 7_000 });
  expect(said(world, { call: growCall })).toEqual([]);
  await world.clock.advance(3_000);
  expect(said(world, { call: growCall })).toEqual(['I3']);
});

test('I6: the room of a move in flight is given back by an owner of before', () => {
  const world = aWorld();
  store(world, anIntent({ ownerToken: 5 }));
  const check = invariants.find(({ id }) => id === 'I6')?.onRoomBack;
  expect(check?.({ migrationId: 'move-1', token: 4 }, world)).toMatch('by an owner of before');
  expect(check?.({ migrationId: 'move-1', token: 5 }, world)).toBeUndefined();
  expect(check?.({ migrationId: 'move-2', token: 4 }, world)).toBeUndefined();
  world.truth.redisShakenAtMs = world.clock.monotonicMs();
  expect(check?.({ migrationId: 'move-1', token: 4 }, world)).toBeUndefined();
});

test('I3: a record is written by another than its owner, or taken over too soon, or its move taken up again', async () => {
  const world = aWorld();
  await scored(world, 5_000);
  expect(said(world, { intent: anIntent() })).toEqual([]);
  expect(said(world, { intent: anIntent({ owner: 'migrator-2' }) })).toEqual(['I3']);
  const check = invariants.find(({ id }) => id === 'I3')?.onIntent;
  const taken = anIntent({ ownerToken: world.clock.nowMs() });
  const former = anIntent({ owner: 'migrator-0', ownerToken: 2 });
  expect(check?.(taken, former, world, processOf(world))).toMatch('takes a move over');
  expect(check?.({ ...taken, ownerToken: 2 }, former, world, processOf(world))).toMatch('without a greater token');
  await world.clock.advance(15_000);
  expect(check?.(taken, former, world, processOf(world))).toBeUndefined();
  world.truth.takenUpAgain.add('move-1');
  expect(said(world, { intent: anIntent() })).toEqual(['I3']);
});

test('I3: a process takes away the cordon that steers the move of another', () => {
  const world = aWorld();
  const call = { method: 'DELETE', path: '/nodes/n2/cordon/couchestor-move-1' } as const;
  const steer = { kind: 'nodeCordon', node: 'n2', victimReplicaId: 'r' } as const;
  store(world, anIntent({ round: aRound({ steer }) }));
  expect(said(world, { call })).toEqual([]);
  store(world, anIntent({ owner: 'migrator-2', round: aRound({ steer }) }));
  expect(said(world, { call })).toEqual(['I3']);
  store(world, anIntent({ owner: 'migrator-2', round: aRound() }));
  expect(said(world, { call })).toEqual([]);
});

test('I3: a process takes the cordon of a pool away while the move of another has the fence', async () => {
  const world = aWorld();
  const call = { method: 'DELETE', path: '/pools/hot-n4/cordon' } as const;
  const fenced = aRound({ fence: { kind: 'pool', ours: ['hot-n1'], foreign: ['hot-n4'] } });
  store(world, anIntent({ owner: 'migrator-2', round: fenced }));
  await lease(world, VOLUME, 'migrator-2');
  world.truth.heartbeatAtMs = world.clock.monotonicMs();
  expect(said(world, { call })).toEqual([]);
  await world.leaseServer.acquireFence({ migrationId: 'move-1', token: 1, order: 1, ttlMs: 15_000, lifeMs: 15_000 });
  expect(said(world, { call })).toEqual(['I3']);
  expect(said(world, { call: { ...call, path: '/pools/hot-n3/cordon' } })).toEqual([]);
  store(world, anIntent({ round: fenced }));
  expect(said(world, { call })).toEqual([]);
});

test('I2: a shrink while an old target still owns the replicas', async () => {
  const world = aWorld({ rebuildMs: 1_000 });
  await send(world, 'PUT', growCall.path);
  await world.clock.advance(MINUTE_MS);
  const replicas = world.model.volume(VOLUME)?.replicas ?? [];
  const steer = { kind: 'nodeCordon', node: 'n2', victimReplicaId: replicas[1]?.uuid ?? '' } as const;
  store(world, anIntent({ round: aRound({ steer }) }));
  await send(world, 'PUT', '/nodes/n2/cordon/couchestor-move-1');
  const knowing = (): void => {
    const nexus = world.model.volume(VOLUME)?.target?.nexus;
    world.truth.targetRead.set(`migrator-1/${VOLUME}`, { nexus, times: 2 });
  };
  knowing();
  expect(said(world, { call: shrinkCall })).toEqual([]);
  await send(world, 'PUT', '/nodes/n1/drain/replacement');
  expect(said(world, { call: shrinkCall })).toEqual([]);
  knowing();
  expect(said(world, { call: shrinkCall })).toEqual(['I2']);
  await world.clock.advance(20_000);
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  expect(said(world, { call: shrinkCall })).toEqual([]);
});

test('I2: a shrink while the node of the replica that would go is down', async () => {
  const world = aWorld({ rebuildMs: 10 * MINUTE_MS });
  const before = (world.model.volume(VOLUME)?.replicas ?? []).map(({ uuid, pool, node }) => ({
    replicaId: uuid,
    pool,
    node,
  }));
  await send(world, 'PUT', growCall.path);
  store(world, anIntent({ round: aRound({ replicasBefore: before }) }));
  const newcomer = world.model.volume(VOLUME)?.replicas.find(({ synced }) => !synced);
  expect(said(world, { call: shrinkCall })).toEqual([]);
  // Mayastor has just looked, and looks again every half minute, and then replaces it.
  await world.clock.advance(26_000);
  world.model.faults.nodeDown(newcomer?.node ?? '', { graceful: true });
  await world.clock.advance(10_000);
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  expect(said(world, { call: shrinkCall })).toEqual([]);
  await world.clock.advance(15_000);
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  expect(said(world, { call: shrinkCall })).toEqual(['I2']);
});

test('I5: a request that ran out, and one while Prometheus says nothing of too many volumes', async () => {
  const world = aWorld({}, { metrics: { maxUnknownPercent: 20 } });
  await scored(world, 5_000);
  world.truth.notAfterMs.set('move-1', world.clock.nowMs() - 40_000);
  expect(said(world, { intent: anIntent() })).toEqual([]);
  world.truth.notAfterMs.set('move-1', world.clock.nowMs() - 43_000);
  expect(said(world, { intent: anIntent() })).toEqual(['I5']);
  expect(said(world, { request: aRequest() })).toEqual([]);
  world.truth.unseen = { volumes: new Set([2, 3].map(volumeIdOf)), sinceMs: world.clock.monotonicMs() };
  expect(said(world, { request: aRequest() })).toEqual([]);
  await world.clock.advance(4 * MINUTE_MS);
  await scored(world, 5_000);
  expect(said(world, { request: aRequest() })).toEqual(['I5']);
  world.truth.unseen = { ...world.truth.unseen, volumes: new Set([volumeIdOf(2)]) };
  expect(said(world, { request: aRequest() })).toEqual([]);
});

test('I6: a request after moves of the policy failed in a row', async () => {
  const limits = { maxVolumesInMotionPercent: 100, maxMovesPerHour: 100, maxConsecutiveFailures: 2 };
  const world = aWorld({}, { limits: { perPool: 1, perNode: 1, ...limits } });
  const row = { volumes: new Set([1, 2].map(volumeIdOf)), completedAtMs: Number.NEGATIVE_INFINITY, lastAtMs: 0 };
  world.truth.failedInRow.set('policy-1', row);
  await scored(world, 5_000);
  expect(said(world, { request: aRequest() })).toEqual([]);
  await world.clock.advance(2 * MINUTE_MS);
  await scored(world, 5_000);
  expect(said(world, { request: aRequest() })).toEqual(['I6']);
  row.volumes.delete(volumeIdOf(1));
  expect(said(world, { request: aRequest() })).toEqual([]);
});

test('I8: a start by a clock that has long been another than that of the watcher', async () => {
  const world = aWorld();
  await scored(world, 5_000);
  expect(said(world, { intent: anIntent() }, 35_000)).toEqual([]);
  expect(said(world, { intent: anIntent() }, 40_000)).toEqual(['I8']);
  world.truth.heartbeatJumpedAtMs = world.clock.monotonicMs();
  expect(said(world, { intent: anIntent() }, 40_000)).toEqual([]);
});

test('I10: a start from replicas that are long gone', async () => {
  const world = aWorld();
  await world.clock.advance(MINUTE_MS);
  await scored(world, 5_000);
  const places = (world.model.volume(VOLUME)?.replicas ?? []).map(({ uuid, pool, node }) => ({
    replicaId: uuid,
    pool,
    node,
  }));
  const startedAt = new Date(world.clock.nowMs()).toISOString();
  expect(said(world, { intent: anIntent({ replicas: places, startedAt }) })).toEqual([]);
  const gone = { replicaId: 'gone', pool: 'cold-n1', node: 'n1' };
  expect(said(world, { intent: anIntent({ replicas: [...places, gone], startedAt }) })).toEqual(['I10']);
  const before = new Date(world.clock.nowMs() - MINUTE_MS).toISOString();
  expect(said(world, { intent: anIntent({ replicas: [...places, gone], startedAt: before }) })).toEqual([]);
});

test('I11: a move fails without a cause once all is repaired', () => {
  const ended: EndedIntent = anEnd({ outcome: 'failed', reason: 'Unsettled', message: 'still not there' });
  // Where a copy is as quick as a call, nothing can be taken out for the time of one.
  for (const rebuildMs of [5_000, 6_000]) {
    const old = aWorld({ standstillMaxMs: 0, version: '2.7.1', rebuildMs });
    old.truth.repairedAtMs = 0;
    old.truth.accepted.set('move-1', { policyId: 'policy-1', atMs: 2 * MINUTE_MS, zones: 0 });
    expect(said(old, { ended })).toEqual(rebuildMs < 5_500 ? [] : ['I11']);
  }
  const world = aWorld({ standstillMaxMs: 0 });
  expect(said(world, { ended })).toEqual([]);
  world.truth.repairedAtMs = 0;
  const begun = (atMs: number) => world.truth.accepted.set('move-1', { policyId: 'policy-1', atMs, zones: 0 });
  begun(MINUTE_MS);
  expect(said(world, { ended })).toEqual([]);
  begun(2 * MINUTE_MS);
  expect(said(world, { ended })).toEqual(['I11']);
  expect(said(world, { ended: { ...ended, reason: 'NoPlacement' } })).toEqual([]);
});

test('I12: a replica that was there before goes, though the move is rolled back', async () => {
  const world = aWorld({ rebuildMs: 1_000 });
  const before = (world.model.volume(VOLUME)?.replicas ?? []).map(({ uuid, pool, node }) => ({
    replicaId: uuid,
    pool,
    node,
  }));
  await send(world, 'PUT', growCall.path);
  await world.clock.advance(MINUTE_MS);
  const shrinking = async (node: string, victimReplicaId: string): Promise<InvariantId[]> => {
    const round = aRound({ replicasBefore: before, steer: { kind: 'nodeCordon', node, victimReplicaId } });
    const rollback = { outcome: 'aborted', reason: 'AbortRequested', message: '' } as const;
    store(world, anIntent({ round, rollback }));
    await send(world, 'PUT', `/nodes/${node}/cordon/couchestor-move-1`);
    return said(world, { call: shrinkCall });
  };
  const newcomer = world.model
    .volume(VOLUME)
    ?.replicas.find(({ uuid }) => !before.some(({ replicaId }) => replicaId === uuid));
  expect(await shrinking(newcomer?.node ?? '', newcomer?.uuid ?? '')).toEqual([]);
  expect(await shrinking('n2', before.find(({ node }) => node === 'n2')?.replicaId ?? '')).toEqual(['I12']);
});

test('I4: a count while Mayastor is busy with one that had no answer', async () => {
  const world = aWorld();
  store(world, anIntent({ round: aRound() }));
  world.model.faults.onEngineCall(() => 12_000);
  const answer = world.model.handle({ method: 'PUT', path: `/v0${growCall.path}` });
  await world.clock.advance(4_000);
  expect(said(world, { call: growCall })).toEqual([]);
  await world.clock.advance(4_000);
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  expect(said(world, { call: growCall })).toEqual(['I4']);
  await world.clock.advance(MINUTE_MS);
  await answer;
  world.truth.openHeartbeatAtMs = world.clock.monotonicMs();
  expect(said(world, { call: growCall })).toEqual([]);
});

test('I9: a pool that moves have filled beyond its limit, seen when all is at rest', () => {
  const full = (hot: number): World =>
    aWorld({
      isThin: false,
      deeds: 0,
      poolBytes: { hot: hot * GIB, cold: 400 * GIB },
      volumes: [1, 2].map((number) => ({
        id: volumeIdOf(number),
        placement: ['hot-n1'],
        publishedOn: 'n1',
        snapshots: 0,
        labels: {},
      })),
    });
  const check = invariants.find(({ id }) => id === 'I9')?.atRest;
  const added = { name: 'migration.replica-added', data: { pool: 'hot-n1' } };
  const filled = (world: World): World => ({ ...world, bus: { ...world.bus, events: [added] } }) as unknown as World;
  // That is how they were placed at first.
  expect(check?.(full(11))).toEqual([]);
  expect(check?.(filled(full(11)))).toEqual(['moves filled hot-n1 to 90.9 %']);
  expect(check?.(filled(full(12)))).toEqual([]);
});

test('I3: a volume, or room for a round, is given by a Redis that has just lost its data', async () => {
  const world = aWorld();
  const check = invariants.find(({ id }) => id === 'I3')?.onIntent;
  const judge = (tokenAgoMs: number): string | undefined =>
    check?.(anIntent({ ownerToken: world.clock.nowMs() - tokenAgoMs }), undefined, world, processOf(world));
  await world.clock.advance(MINUTE_MS);
  world.truth.redisLostAtMs = world.clock.monotonicMs() - 20_000;
  expect(judge(21_000)).toBeUndefined();
  expect(judge(10_000)).toMatch('10000 ms after Redis lost its data');
  const started = check?.(anIntent({ round: aRound() }), anIntent(), world, processOf(world));
  expect(started).toMatch('was given room');
  world.truth.redisLostAtMs = world.clock.monotonicMs() - 40_000;
  expect(judge(10_000)).toBeUndefined();
  expect(check?.(anIntent({ round: aRound() }), anIntent(), world, processOf(world))).toBeUndefined();
});

test('I4: the record of a volume that moved has gone', () => {
  const world = aWorld();
  const check = invariants.find(({ id }) => id === 'I4')?.onIntent;
  expect(check?.(anIntent(), undefined, world, processOf(world))).toBeUndefined();
  const events = [{ name: 'migration.accepted', data: { volumeId: VOLUME } }];
  const moved = { ...world, bus: { ...world.bus, events } } as unknown as World;
  expect(check?.(anIntent(), undefined, moved, processOf(world))).toMatch('had gone');
  expect(check?.(anIntent(), anIntent(), moved, processOf(world))).toBeUndefined();
});

test('I11: a move is asked for to where the volume has long been', async () => {
  const world = aWorld();
  await scored(world, 10);
  const there = aRequest({ fromTier: 'hot', toTier: 'cold' });
  expect(said(world, { request: there })).toEqual([]);
  await world.clock.advance(2 * MINUTE_MS);
  await scored(world, 10);
  expect(said(world, { request: there })).toEqual(['I11']);
  // Where a person has given the pools of that tier other labels, it is there no more.
  world.truth.relabelledAtMs.set(there.toTier, Number.POSITIVE_INFINITY);
  expect(said(world, { request: there })).toEqual([]);
  world.truth.relabelledAtMs.set(there.toTier, 0);
  expect(said(world, { request: there })).toEqual(['I11']);
  await scored(world, 5_000);
  expect(said(world, { request: aRequest() })).toEqual([]);
});
