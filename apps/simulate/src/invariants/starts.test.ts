import { expect, test } from 'vitest';
import { aRequest, anIntent, aWorld, MINUTE_MS, said, scored, VOLUME } from './testing.ts';
import { requestOutOfTurn } from '../out-of-turn.ts';
import { startsTooSoon } from './starts.ts';
import { seededRandom } from '@couchestor/shared/random';
import { putPolicy, type World } from '../world/world.ts';

/** Both who asks for a move and who takes it up have to look; each is told apart from the other here. */

const first = (world: World) => {
  const [policy] = world.profile.policies;
  if (policy === undefined) throw new Error('a world has a policy');
  return policy;
};

test('I5: a move is asked for without a score, or by one that was made of old samples', async () => {
  const world = aWorld();
  expect(said(world, { request: aRequest() })).toEqual(['I5']);
  await scored(world, 5_000);
  expect(said(world, { request: aRequest() })).toEqual([]);
});

test('I6: more moves of a policy begin within an hour than it allows', async () => {
  const world = aWorld();
  await scored(world, 5_000);
  const most = first(world).spec.limits.maxMovesPerHour;
  const begin = (id: string): void => void world.truth.accepted.set(id, { policyId: 'policy-1', atMs: 0, zones: 0 });
  for (let number = 0; number < most; number += 1) begin(`move-${number}`);
  expect(said(world, { intent: anIntent() })).toEqual([]);
  begin('one more');
  expect(said(world, { intent: anIntent() })).toEqual(['I6']);
});

test('I7: a move is asked for within the cooldown, once it must be known that the last one has ended', async () => {
  const world = aWorld();
  world.truth.completedAtMs.set(VOLUME, 0);
  await world.clock.advance(MINUTE_MS);
  await scored(world, 5_000);
  expect(said(world, { request: aRequest() })).toEqual([]);
  await world.clock.advance(MINUTE_MS);
  await scored(world, 5_000);
  expect(said(world, { request: aRequest() })).toEqual(['I7']);
});

test('I7: a volume whose moves failed moves again before its pause is over', async () => {
  const world = aWorld();
  world.truth.failures.set(VOLUME, { inRow: 3, atMs: 0, untilMs: 4 * MINUTE_MS });
  await world.clock.advance(3 * MINUTE_MS);
  expect(startsTooSoon(anIntent(), world, 0)).toMatch('after it failed 3 times in a row');
  await world.clock.advance(MINUTE_MS);
  expect(startsTooSoon(anIntent(), world, 0)).toBeUndefined();
});

test('I10: a volume that another policy selects', async () => {
  const world = aWorld({}, { volumeSelector: { matchLabels: { group: 'even' } } });
  await scored(world, 5_000);
  world.kubernetes.putPersistentVolume(VOLUME, { labels: { group: 'even' } });
  expect(said(world, { request: aRequest() })).toEqual([]);
  world.kubernetes.putPersistentVolume(VOLUME, { labels: { group: 'odd' } });
  expect(said(world, { request: aRequest() })).toEqual(['I10']);
});

test('I12: a start of what a person holds, pins or only tries, and by a version of the policy that is no more', async () => {
  const at = async (world: World): Promise<readonly string[]> => {
    await world.clock.advance(2 * MINUTE_MS);
    await scored(world, 5_000);
    return said(world, { intent: anIntent() });
  };
  const annotated = async (change: object): Promise<readonly string[]> => {
    const world = aWorld();
    world.kubernetes.putPersistentVolume(VOLUME, change);
    world.truth.annotatedAtMs.set(VOLUME, 0);
    await scored(world, 5_000);
    expect(said(world, { intent: anIntent() })).toEqual([]);
    return at(world);
  };
  expect(await at(aWorld())).toEqual([]);
  expect(await annotated({ hold: 'true' })).toEqual(['I12']);
  expect(await annotated({ pinTier: 'cold' })).toEqual(['I12']);
  expect(await annotated({ pinTier: 'hot' })).toEqual([]);
  for (const change of [{ dryRun: true }, { cooldownPeriod: '11m' }]) {
    const world = aWorld();
    const { id, spec } = first(world);
    putPolicy(world, id, { ...spec, ...change });
    expect(await at(world)).toEqual(['I12']);
  }
});

test('a scorer that is behind asks for a move that says of the volume what is true', () => {
  const world = aWorld();
  requestOutOfTurn(world, seededRandom(1));
  const [request] = world.bus.pendingRequests();
  expect(request?.data).toMatchObject({ fromTier: 'cold', toTier: 'hot', policyGeneration: 1, replicaCount: 2 });
  expect(request?.data.targetPools).toEqual(['hot-n1', 'hot-n2', 'hot-n3', 'hot-n4']);
  expect(world.truth.outOfTurn).toEqual(new Set([request?.data.migrationId]));
});
