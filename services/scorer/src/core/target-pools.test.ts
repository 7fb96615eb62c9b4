import { ZONE_LABEL } from '@couchestor/shared/policy';
import { GIB } from '@couchestor/shared/units';
import { describe, expect, test } from 'vitest';
import {
  anActiveMove,
  aNode,
  aPolicy,
  aPool,
  aVolume,
  decisionOf,
  NODE_NUMBERS,
  NOW_MS,
  outcomeOf,
  wished,
} from '../../test/worlds.ts';
import type { World } from './world.ts';

const policy = aPolicy({ v: 5_000, w: 4_000, x: 3_000 });
const single = aVolume('v', ['cold-1']);
const coldPools = NODE_NUMBERS.map((number) => aPool('cold', number));
const hotPools = (change: (number: number) => Parameters<typeof aPool>[2]): Partial<World> => ({
  pools: [...coldPools, ...NODE_NUMBERS.map((number) => aPool('hot', number, change(number)))],
});
const targetsOf = (world: Partial<World>, volume = single, of = policy): readonly string[] =>
  outcomeOf([volume], of, world).requests[0]?.targetPools ?? [];

describe('the pools that a request offers', () => {
  test('come with the freest first, and that of the node of the leaving replica last', () => {
    const world = hotPools((number) => ({ usedBytes: (number === 3 ? 50 : number * 100) * GIB }));
    expect(targetsOf(world)).toEqual(['hot-3', 'hot-2', 'hot-4', 'hot-1']);
  });

  test('prefer those to which nothing moves now', () => {
    const world = { ...hotPools(() => ({})), intents: new Map([['w', anActiveMove({ targetPool: 'hot-2' })]]) };
    const volumes = [single, ...['a', 'b', 'c'].map((id) => aVolume(id, ['cold-1']))];
    const [request] = outcomeOf(
      volumes,
      aPolicy(
        { v: 5_000, a: 500, b: 500, c: 500 },
        {
          limits: { maxVolumesInMotionPercent: 100 },
        },
      ),
      world,
    ).requests;
    expect(request?.targetPools).toEqual(['hot-3', 'hot-4', 'hot-2', 'hot-1']);
  });

  test('of three replicas on nodes with both tiers include those whose node comes free on the way', () => {
    const volume = aVolume('v', ['cold-1', 'cold-2', 'cold-3']);
    expect(targetsOf({}, volume)).toEqual(['hot-4', 'hot-1', 'hot-2', 'hot-3']);
  });

  test('leave out the node of a replica that stays', () => {
    expect(targetsOf({}, aVolume('v', ['hot-1', 'cold-2']))).toEqual(['hot-3', 'hot-4', 'hot-2']);
  });
});

describe('a volume with a replica on every node of the tier', () => {
  const only = (...numbers: number[]) => ({
    pools: [...coldPools, ...numbers.map((number) => aPool('hot', number))],
  });

  test('moves where a replica can step aside to a spare node, which is one copy more', () => {
    expect(targetsOf(only(1))).toEqual(['hot-1']);
    expect(targetsOf(only(1, 2), aVolume('v', ['cold-1', 'cold-2']))).toEqual(['hot-1', 'hot-2']);
    // Twice 10 GiB and a little more at 1 GiB a second.
    const until = (closesAtMs: number) => ({ ...policy, window: { kind: 'open', closesAtMs } as const });
    expect(decisionOf(single, until(NOW_MS + 20_999), only(1))).toMatchObject({ reason: 'WindowClosed' });
    expect(decisionOf(single, until(NOW_MS + 21_000), only(1))).toMatchObject({ action: 'move' });
  });

  test('stays where even then not all would come to the tier, or no spare node has room', () => {
    const two = aVolume('v', ['cold-1', 'cold-2']);
    expect(decisionOf(two, policy, only(1))).toMatchObject({ reason: 'NoEligiblePool' });
    const full = [1, 2, 3, 4].map((number) => aPool('cold', number, { usedBytes: 995 * GIB }));
    expect(decisionOf(single, policy, { pools: [...full, aPool('hot', 1)] })).toMatchObject({
      reason: 'NoEligiblePool',
    });
  });

  test('without a spare node it moves only with the policy’s word, and of three or more replicas', () => {
    const nodes = [1, 2, 3].map((number) => aNode(number));
    const pools = [1, 2, 3].flatMap((number) => [aPool('hot', number), aPool('cold', number)]);
    const reasonOf = (placement: string[], allowReducedRedundancy: boolean) =>
      decisionOf(aVolume('v', placement), aPolicy({ v: 5_000 }, { moves: { allowReducedRedundancy } }), {
        nodes: nodes.slice(0, placement.length),
        pools: pools.slice(0, 2 * placement.length),
      });
    expect(reasonOf(['cold-1', 'cold-2', 'cold-3'], false)).toMatchObject({ reason: 'NoEligiblePool' });
    expect(reasonOf(['cold-1', 'cold-2', 'cold-3'], true)).toMatchObject({ action: 'move' });
    expect(reasonOf(['cold-1', 'cold-2'], true)).toMatchObject({ reason: 'NoEligiblePool' });
  });
});

describe('zones', () => {
  /** Nodes 1 to 4 by the letters of their zones, `-` for none. */
  const inZones = (zones: string, change: Partial<World> = {}): Partial<World> => ({
    nodes: zones
      .split('')
      .map((zone, index) => aNode(index + 1, zone === '-' ? {} : { labels: { [ZONE_LABEL]: zone } })),
    ...change,
  });
  const two = aVolume('v', ['cold-1', 'cold-2']);

  test('a pool that would leave the volume in fewer of them comes after those that do not', () => {
    expect(targetsOf(inZones('abab'), aVolume('v', ['hot-1', 'cold-2']))).toEqual(['hot-4', 'hot-2', 'hot-3']);
    expect(targetsOf(inZones('aaaa'), aVolume('v', ['hot-1', 'cold-2']))).toEqual(['hot-3', 'hot-4', 'hot-2']);
    // Where hot-1 and hot-2 are full, the replica in zone a goes to zone c, and the other stays in its own.
    const full = hotPools((number) => ({ usedBytes: (number < 3 ? 995 : 0) * GIB }));
    expect(targetsOf(inZones('abcb', full), two)).toEqual(['hot-3', 'hot-4']);
  });

  test('nothing begins that would end in fewer of them', () => {
    const full = hotPools((number) => ({ usedBytes: (number < 3 ? 995 : 0) * GIB }));
    expect(decisionOf(two, policy, inZones('abaa', full))).toMatchObject({
      reason: 'NoEligiblePool',
      message: expect.stringContaining(
        'lie in 2 zones; on the pools of the hot tier that could take them they would lie in 1',
      ),
    });
    for (const zones of ['abab', 'abcd', 'aaaa', 'aabb', '----', '--aa', 'a-aa']) {
      expect(decisionOf(two, policy, inZones(zones, full))).toMatchObject({ action: 'move' });
    }
    // What nobody knows the zone of is no spread.
    expect(decisionOf(two, policy, inZones('ab--', full))).toMatchObject({ reason: 'NoEligiblePool' });
  });

  test('a replica that stays counts, and so does the spare node on which one steps aside', () => {
    const mixed = aVolume('v', ['hot-1', 'cold-2']);
    const onlyLast = hotPools((number) => ({ usedBytes: (number < 4 ? 995 : 0) * GIB }));
    expect(decisionOf(mixed, policy, inZones('abcb', onlyLast))).toMatchObject({ action: 'move' });
    expect(decisionOf(mixed, policy, inZones('abca', onlyLast))).toMatchObject({ reason: 'NoEligiblePool' });
    const only12 = { pools: [...coldPools, aPool('hot', 1), aPool('hot', 2)] };
    expect(decisionOf(two, policy, inZones('abab', only12))).toMatchObject({ action: 'move' });
    expect(decisionOf(two, policy, inZones('ab--', only12))).toMatchObject({ reason: 'NoEligiblePool' });
  });
});

describe('no pool can take it', () => {
  test.each<[string, Parameters<typeof hotPools>[0], string]>([
    ['offline', () => ({ status: 'Offline' }), 'not online'],
    ['cordoned', () => ({ cordoned: true }), 'cordoned'],
    ['smaller than the volume', () => ({ capacityBytes: 10 * GIB }), 'smaller'],
    ['full', () => ({ usedBytes: 995 * GIB }), 'space'],
  ])('when all are %s', (_, change, text) => {
    expect(decisionOf(single, policy, hotPools(change))).toMatchObject({
      reason: 'NoEligiblePool',
      message: expect.stringContaining(text),
    });
  });

  test('beyond maxPoolUsedPercent, and any below', () => {
    // A thick volume of 10 GiB and 8 MiB on a pool of 1,000 GiB of which 85 % may be used.
    const filled = (usedGib: number) => hotPools(() => ({ usedBytes: Math.ceil(usedGib * GIB) }));
    expect(decisionOf(single, policy, filled(839.99))).toMatchObject({ action: 'move' });
    expect(decisionOf(single, policy, filled(840))).toMatchObject({ reason: 'NoEligiblePool' });
  });

  test('where moves in flight will take the space', () => {
    const world = hotPools((number) => (number === 2 ? { usedBytes: 830 * GIB } : { cordoned: true }));
    expect(decisionOf(single, policy, world)).toMatchObject({ action: 'move' });
    const intents = new Map([['w', anActiveMove({ targetPool: 'hot-2' })]]);
    const roomy = aPolicy({ v: 5_000 }, { limits: { perPool: 20, perNode: 20, maxVolumesInMotionPercent: 100 } });
    const others = ['w', 'x'].map((id) => aVolume(id, ['cold-1']));
    const reasons = outcomeOf([single, ...others], { ...roomy, scores: policy.scores }, { ...world, intents });
    expect(reasons.decisions[0]).toMatchObject({ reason: 'NoEligiblePool' });
  });

  test('where thin volumes are committed too far', () => {
    const thin = { ...single, fact: { ...single.fact, thin: true } };
    expect(
      decisionOf(
        thin,
        policy,
        hotPools(() => ({ committedBytes: 2_400 * GIB })),
      ),
    ).toMatchObject({ action: 'move' });
    expect(
      decisionOf(
        thin,
        policy,
        hotPools(() => ({ committedBytes: 2_495 * GIB })),
      ),
    ).toMatchObject({
      reason: 'NoEligiblePool',
    });
  });

  test('an encrypted volume needs an encrypted pool', () => {
    const encrypted = { ...single, fact: { ...single.fact, encrypted: true } };
    expect(decisionOf(encrypted, policy)).toMatchObject({ reason: 'NoEligiblePool' });
    expect(
      decisionOf(
        encrypted,
        policy,
        hotPools(() => ({ encrypted: true })),
      ),
    ).toMatchObject({ action: 'move' });
  });

  test('when every node holds a replica already', () => {
    const everywhere = aVolume('v', ['cold-1', 'cold-2', 'cold-3', 'cold-4']);
    expect(decisionOf(everywhere, policy)).toMatchObject({ reason: 'NoEligiblePool' });
  });

  test('when only some of its replicas would find one: it would stay on two tiers', () => {
    const two = aVolume('v', ['cold-1', 'cold-2']);
    const only = (...numbers: number[]) => ({
      pools: [...coldPools, ...numbers.map((number) => aPool('hot', number))],
    });
    expect(decisionOf(two, policy, only(3))).toMatchObject({ reason: 'NoEligiblePool' });
    expect(decisionOf(two, policy, only(3, 4))).toMatchObject({ action: 'move' });
    expect(decisionOf(two, policy, only(3, 1))).toMatchObject({ action: 'move' });
  });

  test('no pool with the labels is another matter, and so is one with the labels of two tiers', () => {
    expect(decisionOf(single, policy, { pools: coldPools })).toMatchObject({
      reason: 'TargetPoolMissing',
      message: expect.stringContaining('Target pool not found'),
    });
  });

  test('a topology that excludes every pool of the tier', () => {
    const pinnedDown = (topology: object) => ({ ...single, fact: { ...single.fact, topology } });
    for (const topology of [{ poolInclusion: { media: 'sata' } }, { allowedNodes: ['node-9'] }]) {
      expect(decisionOf(pinnedDown(topology), policy)).toMatchObject({ reason: 'TopologyExcludesTier' });
    }
    const any = pinnedDown({ poolInclusion: { 'openebs.io/created-by': '' } });
    expect(decisionOf(any, policy)).toMatchObject({ action: 'move' });
  });

  test('the nodes of its affinity group are taken', () => {
    const nodes = [aNode(1), aNode(2)];
    const member = (id: string, pool: string) => aVolume(id, [pool], { affinityGroup: 'db' });
    const world = { nodes, pools: [1, 2].flatMap((number) => [aPool('hot', number), aPool('cold', number)]) };
    expect(outcomeOf([member('v', 'cold-1'), member('y', 'cold-2')], policy, world).decisions[0]).toMatchObject({
      reason: 'NoEligiblePool',
    });
    expect(outcomeOf([member('v', 'cold-1')], policy, world).decisions[0]).toMatchObject({ action: 'move' });
  });
});

test('pools that receive as many moves as their limit allows hold the next one back for a while', () => {
  const world = hotPools((number) => (number === 2 ? {} : { cordoned: true }));
  const intents = new Map([['w', anActiveMove({ targetPool: 'hot-2' })]]);
  const volumes = [single, aVolume('w', ['cold-3']), aVolume('x', ['cold-4'])];
  const of = (perPool: number) =>
    aPolicy({ v: 5_000, w: 4_000, x: 500 }, { limits: { perPool, perNode: 20, maxVolumesInMotionPercent: 100 } });
  expect(outcomeOf(volumes, of(1), { ...world, intents }).decisions[0]).toMatchObject({ reason: 'BrakePool' });
  expect(outcomeOf(volumes, of(2), { ...world, intents }).decisions[0]).toMatchObject({ action: 'move' });
  expect(decisionOf(wished(single, {}), of(1), world)).toMatchObject({ action: 'move' });
});

test('what Mayastor repairs by itself comes first: nothing starts to or from its nodes, a move of ours aside', () => {
  const ill = (...pools: string[]) => aVolume('ill', pools, { rebuilding: true });
  const both = aPolicy({ v: 5_000, ill: 1_000 }, { limits: { maxVolumesInMotionPercent: 100 } });
  expect(decisionOf(single, both, {})).toMatchObject({ action: 'move' });
  const decide = (other: ReturnType<typeof ill>, intents: World['intents'] = new Map()) =>
    outcomeOf([other, single], both, { intents }).decisions.find(({ volumeId }) => volumeId === 'v');
  // From node 1, where it lies; and to nodes 2 to 4, which are all that could take it.
  expect(decide(ill('cold-1'))).toMatchObject({ reason: 'BrakePool', message: expect.stringContaining('repairs') });
  expect(decide(ill('cold-2', 'cold-3', 'cold-4'))).toMatchObject({ reason: 'BrakePool' });
  expect(decide(ill('cold-2', 'cold-3'))).toMatchObject({ action: 'move' });
  const ours = new Map([['ill', anActiveMove({ targetPool: 'hot-3' })]]);
  expect(decide(ill('cold-2'), ours)).toMatchObject({ action: 'move' });
});
