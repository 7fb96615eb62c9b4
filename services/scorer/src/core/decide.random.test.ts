import assert from 'node:assert/strict';
import { decisionReasons, type Score } from '@couchestor/shared/messages';
import { tierOfPool } from '@couchestor/shared/policy';
import { HOUR_MS } from '@couchestor/shared/units';
import { expect, test, vi } from 'vitest';
import { randomWorld } from '../../test/random-worlds.ts';
import { anEndedMove, NOW_MS } from '../../test/worlds.ts';
import { decide, type Outcome } from './decide.ts';
import type { MoveRequest } from './decision.ts';
import type { ValidPolicy, World } from './world.ts';

/**
 * What must hold in every world, whatever it looks like. `COUCHESTOR_WORLDS=1000000` looks at as many; a world that
 * fails is named by its number, and `COUCHESTOR_FIRST_WORLD` begins there.
 */
const WORLDS = Number(process.env['COUCHESTOR_WORLDS'] ?? 4_000);
const FIRST = Number(process.env['COUCHESTOR_FIRST_WORLD'] ?? 0);
vi.setConfig({ testTimeout: 3_600_000 });

const reasons = new Set(Object.keys(decisionReasons));
const policyOf = (world: World, policyId: string): ValidPolicy | undefined =>
  world.policies.find((policy): policy is ValidPolicy => policy.policyId === policyId && policy.kind === 'valid');

function checkTotal(world: World, { decisions, requests, evaluations }: Outcome): void {
  assert.deepEqual(
    decisions.map(({ volumeId }) => volumeId),
    world.volumes.map(({ fact }) => fact.volumeId),
  );
  assert.ok(decisions.every(({ reason, message }) => reasons.has(reason) && message !== ''));
  const moving = decisions.filter(({ action }) => action === 'move').map(({ volumeId }) => volumeId);
  assert.deepEqual(requests.map(({ volumeId }) => volumeId).sort(), moving.sort());
  assert.equal(evaluations.length, world.policies.length);
}

function checkMoves(world: World, { decisions, requests }: Outcome): void {
  for (const { volumeId, policyId, toTier, targetPools, notAfterMs } of requests) {
    const policy = policyOf(world, policyId);
    const volume = world.volumes.find(({ fact }) => fact.volumeId === volumeId);
    const decision = decisions.find((one) => one.volumeId === volumeId);
    assert.ok(policy !== undefined && volume !== undefined && decision !== undefined);
    const { fact, wishes } = volume;
    assert.ok(decision.score.kind === 'value' || decision.reason === 'Pinned', 'unknown moves nothing');
    assert.ok(decision.tierNow !== toTier, 'what is where it belongs stays');
    assert.ok(policy.spec.enabled && !policy.spec.dryRun && policy.window.kind === 'open');
    assert.ok(world.cluster?.paused === false && NOW_MS >= world.graceUntilMs);
    assert.ok(wishes.hold.kind === 'none' || (wishes.hold.kind === 'until' && wishes.hold.atMs <= NOW_MS));
    assert.ok(fact.status === 'Online' && !fact.rebuilding && fact.targetNode !== undefined);
    assert.ok(policy.spec.moves.allowSnapshots || (fact.snapshotCount === 0 && !fact.fromSnapshot));
    assert.ok(world.intents.get(volumeId)?.state !== 'active', 'one move of a volume');
    assert.ok(notAfterMs >= NOW_MS && targetPools.length > 0);
    for (const name of targetPools) {
      const pool = world.pools.find((one) => one.name === name);
      assert.ok(pool !== undefined && tierOfPool(policy.spec, pool.labels) === toTier);
      assert.ok(pool.status === 'Online' && !pool.cordoned);
    }
    const isMixed = decision.tierNow === 'mixed';
    const ended = world.intents.get(volumeId);
    if (isMixed || ended?.state !== 'ended' || ended.outcome !== 'completed') continue;
    assert.ok(NOW_MS - ended.endedAtMs >= policy.spec.cooldownMs, 'a cooldown apart');
  }
}

/** What was asked for before cannot be taken back; it only must not become more. */
function checkLimits(world: World, { requests }: Outcome): void {
  for (const policy of world.policies) {
    if (policy.kind === 'invalid') continue;
    const { limits, maxConcurrentMigrations } = policy.spec;
    const own = (one: { readonly policyId: string }): boolean => one.policyId === policy.policyId;
    const records = [...world.intents.values()].filter(own);
    const active = records.filter((record) => record.state === 'active' && record.attention === undefined).length;
    const before = [...world.outstanding].filter(([, request]) => own(request)).map(([volumeId]) => volumeId);
    const claims = new Set([...before, ...requests.filter(own).map(({ volumeId }) => volumeId)]).size;
    // Among the starts are such that another record of the same move tells again.
    const lately = new Set(
      [...world.recentStarts, ...records]
        .filter((start) => own(start) && start.startedAtMs > NOW_MS - HOUR_MS)
        .map(({ migrationId }) => migrationId),
    ).size;
    const atMost = (most: number): void => {
      assert.ok(claims <= Math.max(before.length, most), `${claims} of ${most}`);
    };
    atMost(Math.max(0, maxConcurrentMigrations - active) + 2 + before.length);
    atMost(limits.maxMovesPerHour - lately + before.length);
    atMost(Math.max(1, Math.floor((world.volumes.length * limits.maxVolumesInMotionPercent) / 100)) + before.length);
  }
}

/** Nobody comes to a hot tier that has places for a share of the volumes before somebody has left. */
function checkPlaces(world: World, { decisions, requests }: Outcome): void {
  for (const policy of world.policies) {
    const share = policy.kind === 'valid' ? policy.spec.scoring.hotSharePercent : undefined;
    if (policy.kind === 'invalid' || share === undefined) continue;
    const own = decisions.flatMap(({ volumeId, policy: by }) => (by?.policyId === policy.policyId ? [volumeId] : []));
    const taken = own.filter((volumeId) => {
      const intent = world.intents.get(volumeId);
      if (intent?.state === 'active') return intent.toTier === 'hot';
      const volume = world.volumes.find(({ fact }) => fact.volumeId === volumeId);
      return volume?.fact.replicas.some(({ pool }) => {
        const known = world.pools.find(({ name }) => name === pool);
        return known !== undefined && tierOfPool(policy.spec, known.labels) === 'hot';
      });
    });
    const coming = requests.filter(
      ({ policyId, volumeId, reason }) =>
        policyId === policy.policyId && reason === 'AboveHighWatermark' && !taken.includes(volumeId),
    );
    const places = Math.max(1, Math.floor((own.length * share) / 100));
    assert.ok(coming.length <= Math.max(0, places - taken.length), `${coming.length} come to ${places} places`);
  }
}

const heat: Readonly<Record<string, number>> = { cold: 0, warm: 1, hot: 2 };

/** The world after the move: its replicas on pools of that tier, the record ended, nothing else new. */
function moved(
  world: World,
  { volumeId, policyId, fromTier, toTier }: MoveRequest,
  endedAtMs: number,
): World | undefined {
  const policy = policyOf(world, policyId);
  const pools = world.pools.filter((pool) => policy !== undefined && tierOfPool(policy.spec, pool.labels) === toTier);
  const perNode = [...new Map(pools.map((pool) => [pool.node, pool])).values()];
  const volume = world.volumes.find(({ fact }) => fact.volumeId === volumeId);
  if (volume === undefined || perNode.length < volume.fact.replicas.length) return undefined;
  const replicas = volume.fact.replicas.map((replica, index) => {
    const { name = '', node = '' } = perNode[index] ?? {};
    return { ...replica, replicaId: `${replica.replicaId}-moved`, pool: name, node };
  });
  const there = { ...volume, observedAtMs: endedAtMs, fact: { ...volume.fact, replicas } };
  const ended = anEndedMove({ policyId, fromTier, toTier, endedAtMs, startedAtMs: NOW_MS });
  return {
    ...world,
    volumes: world.volumes.map((one) => (one === volume ? there : one)),
    intents: new Map([...world.intents, [volumeId, ended]]),
    outstanding: new Map(),
    refusals: new Map(),
  };
}

function checkRest(world: World, { requests }: Outcome): number {
  let looked = 0;
  for (const request of requests) {
    const endedAtMs = NOW_MS + 600_000;
    const after = moved(world, request, endedAtMs);
    if (after === undefined) continue;
    for (const laterMs of [0, 3_600_000, 10 * 3_600_000]) {
      looked += 1;
      const again = decide(after, endedAtMs + laterMs);
      const back = again.requests.find(({ volumeId }) => volumeId === request.volumeId);
      if (back !== undefined && othersMayMoveNow(world, request, again, endedAtMs + laterMs)) continue;
      assert.equal(back, undefined, `moved to ${request.toTier}, then to ${back?.toTier} with nothing new`);
    }
  }
  return looked;
}

/**
 * Where places are given by rank, it is news for all that somebody else is held no longer: because time has passed, or
 * because the move left a node to another volume of its affinity group.
 */
function othersMayMoveNow(
  world: World,
  { volumeId, policyId, toTier }: MoveRequest,
  { decisions: now }: Outcome,
  laterMs: number,
): boolean {
  if (policyOf(world, policyId)?.spec.scoring.hotSharePercent === undefined) return false;
  const unmoved = { ...world, outstanding: new Map(), refusals: new Map() };
  const { decisions } = decide(unmoved, laterMs);
  const hasPool = decisions.some(
    ({ reason, ...other }, index) =>
      other.volumeId !== volumeId && reason === 'NoEligiblePool' && now[index]?.reason !== 'NoEligiblePool',
  );
  return hasPool || decisions.find((one) => one.volumeId === volumeId)?.tierWanted !== toTier;
}

/**
 * With more IOPS, and nothing else other, a volume is never wanted on a colder tier: whether it alone has more, or, where
 * watermarks do not follow the fleet, all have.
 */
function checkMonotone(world: World, { decisions }: Outcome, who: 'all' | 'one', seed: number): void {
  const only = who === 'one' ? world.volumes[seed % world.volumes.length]?.fact.volumeId : undefined;
  const policies = world.policies.map((policy) => {
    if (policy.kind === 'invalid') return policy;
    const scores = new Map(
      [...policy.scores.scores].map(([id, score]) => [id, (only ?? id) === id ? busier(score) : score]),
    );
    return { ...policy, scores: { ...policy.scores, scores } };
  });
  const others = decide({ ...world, policies }, NOW_MS).decisions;
  for (const [index, { tierNow, tierWanted, reason, volumeId, policy }] of decisions.entries()) {
    const other = others[index];
    assert.equal(other?.volumeId, volumeId);
    const isRanked = policyOf(world, policy?.policyId ?? '')?.spec.scoring.hotSharePercent !== undefined;
    if (only === undefined ? isRanked : only !== volumeId) continue;
    // What stays between two watermarks, or only finishes a mixed volume, is wanted where it is, whatever it does.
    const follows = tierNow === 'mixed' || [reason, other?.reason].includes('BetweenWatermarks');
    const [less, more] = [heat[tierWanted ?? ''], heat[other?.tierWanted ?? '']];
    assert.ok(follows || less === undefined || more === undefined || more >= less, `${volumeId} is wanted colder`);
  }
}

function busier(score: Score): Score {
  if (score.kind === 'unknown') return score;
  const { iops, demoteIops } = score;
  return { ...score, iops: iops + 450, ...(demoteIops === undefined ? {} : { demoteIops: demoteIops + 450 }) };
}

function checkOrder(world: World, outcome: Outcome): void {
  const reversed: World = {
    ...world,
    policies: world.policies.toReversed(),
    volumes: world.volumes.toReversed(),
    pools: world.pools.toReversed(),
    nodes: world.nodes.toReversed(),
    movers: world.movers.toReversed(),
    recentStarts: world.recentStarts.toReversed(),
    intents: new Map([...world.intents].reverse()),
    outstanding: new Map([...world.outstanding].reverse()),
    refusals: new Map([...world.refusals].reverse()),
  };
  const { decisions, ...rest } = decide(reversed, NOW_MS);
  assert.deepEqual({ ...rest, decisions: decisions.toReversed() }, { ...outcome });
}

test(`${WORLDS} random worlds: one decision for each volume, no limit exceeded, nothing moved on a guess, or back`, () => {
  let requests = 0;
  let rested = 0;
  for (let seed = FIRST; seed < FIRST + WORLDS; seed += 1) {
    const world = randomWorld(seed);
    try {
      const outcome = decide(world, NOW_MS);
      requests += outcome.requests.length;
      checkTotal(world, outcome);
      checkMoves(world, outcome);
      checkLimits(world, outcome);
      checkPlaces(world, outcome);
      rested += checkRest(world, outcome);
      if (seed % 4 === 0) checkMonotone(world, outcome, 'all', seed);
      if (seed % 4 === 2) checkMonotone(world, outcome, 'one', seed >> 2);
      if (seed % 4 === 1) checkOrder(world, outcome);
    } catch (error) {
      throw new Error(`world ${seed}`, { cause: error });
    }
  }
  expect(requests).toBeGreaterThan(WORLDS / 20);
  expect(rested).toBeGreaterThan(WORLDS / 20);
});
