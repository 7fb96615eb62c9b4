import { expect, test } from 'vitest';
import { seededRandom } from '../../test/random.ts';
import { enumerate } from '../../test/small-worlds/enumerate.ts';
import type { SmallWorld } from '../../test/small-worlds/small-world.ts';
import { walk } from '../../test/small-worlds/walk.ts';

const both = (...nodes: string[]): string[] => nodes.flatMap((node) => [`nvme-${node}`, `sata-${node}`]);
const hot = (...nodes: string[]): string[] => nodes.map((node) => `nvme-${node}`);
const three = { pools: both('n1', 'n2', 'n3'), targetPools: hot('n1', 'n2', 'n3') };

const apart = {
  pools: ['sata-n1', 'nvme-n2', 'nvme-n3'],
  targetPools: hot('n2', 'n3'),
  method: 'nodeCordon',
} as const;

const worlds: readonly SmallWorld[] = [
  { ...three, name: 'one replica, and one thing that goes wrong', volumes: [['sata-n1']], trouble: 1 },
  { ...three, name: 'two replicas', volumes: [['sata-n1', 'sata-n2']], trouble: 0 },
  { ...three, name: 'a Mayastor that ignores the steer', volumes: [['sata-n1']], steers: false, trouble: 0 },
  {
    name: 'a way over a spare node, and one thing that goes wrong',
    pools: ['nvme-n1', 'sata-n1', 'sata-n2'],
    targetPools: hot('n1'),
    volumes: [['sata-n1']],
    trouble: 1,
  },
  {
    ...three,
    name: 'one replica less for a while, and one thing that goes wrong',
    volumes: [['nvme-n1', 'nvme-n2', 'sata-n3']],
    allowReducedRedundancy: true,
    trouble: 1,
  },
  { ...apart, name: 'Mayastor 2.7, where each tier has nodes of its own', volumes: [['sata-n1']], trouble: 0 },
  {
    name: 'two volumes',
    pools: both('n1', 'n2'),
    targetPools: hot('n1', 'n2'),
    volumes: [['sata-n1'], ['sata-n2']],
    trouble: 0,
  },
  { ...three, name: 'two volumes on three nodes', volumes: [['sata-n1'], ['sata-n2']], trouble: 0 },
];

/** Too many states for every run of the tests: `COUCHESTOR_SMALL_WORLDS=all` visits them too. */
const larger: readonly SmallWorld[] = [
  { ...three, name: 'two replicas, and one thing that goes wrong', volumes: [['sata-n1', 'sata-n2']], trouble: 1 },
  { ...apart, name: 'Mayastor 2.7, and one thing that goes wrong', volumes: [['sata-n1']], trouble: 1 },
];
const isAll = process.env['COUCHESTOR_SMALL_WORLDS'] === 'all';

test.each(isAll ? [...worlds, ...larger] : worlds)(
  'every state of a small world has a safe next step, and an end can be reached from it: $name',
  (world) => {
    const beganMs = performance.now();
    const { wrongs, states, transitions, ends } = enumerate(world);
    if (isAll) {
      const seconds = ((performance.now() - beganMs) / 1_000).toFixed(1);
      console.log(
        `${world.name}: ${states} states, ${transitions} transitions, ${seconds} s, ends ${[...ends].join(', ')}`,
      );
    }
    expect(wrongs.slice(0, 2)).toEqual([]);
    expect(states).toBeGreaterThan(100);
    expect(ends).toContain('completed');
  },
  600_000,
);

const four = { pools: both('n1', 'n2', 'n3', 'n4'), targetPools: hot('n1', 'n2', 'n3', 'n4'), trouble: 1 };

/** Worlds with too many states, in which moves come one after the other and things go wrong all the time. */
const wide: readonly SmallWorld[] = [
  { ...four, name: 'three volumes on four nodes', volumes: [['sata-n1'], ['sata-n2', 'sata-n3'], ['sata-n4']] },
  { ...three, name: 'two volumes on three nodes', volumes: [['sata-n1'], ['sata-n2', 'sata-n3']], trouble: 1 },
  {
    ...four,
    name: 'a Mayastor that ignores the steer',
    volumes: [['sata-n1'], ['sata-n2', 'sata-n3']],
    steers: false,
  },
  {
    ...three,
    name: 'one replica less for a while',
    volumes: [
      ['nvme-n1', 'nvme-n2', 'sata-n3'],
      ['sata-n1', 'sata-n2', 'sata-n3'],
    ],
    allowReducedRedundancy: true,
    trouble: 1,
  },
  {
    name: 'ways over a spare node',
    pools: ['nvme-n1', 'sata-n1', 'sata-n2', 'nvme-n3'],
    targetPools: hot('n1', 'n3'),
    volumes: [['sata-n1'], ['sata-n2']],
    trouble: 1,
  },
  {
    name: 'Mayastor 2.7',
    pools: ['sata-n1', 'sata-n4', 'nvme-n2', 'nvme-n3'],
    targetPools: hot('n2', 'n3'),
    method: 'nodeCordon',
    volumes: [['sata-n1'], ['sata-n4']],
    trouble: 1,
  },
];
/** `COUCHESTOR_WALKS` moves in each of them, by `COUCHESTOR_WALK_SEED`. */
const moves = Number(process.env['COUCHESTOR_WALKS'] ?? 400);
const seed = Number(process.env['COUCHESTOR_WALK_SEED'] ?? 1);

test.each(wide)(
  'on a way through a wider world nothing is wrong, and each move ends: $name',
  (world) => {
    const beganMs = performance.now();
    const walked = walk(world, { random: seededRandom(seed), moves, faultShare: 0.12 });
    if (process.env['COUCHESTOR_WALKS'] !== undefined) {
      const perSecond = Math.round((1_000 * walked.moves) / (performance.now() - beganMs));
      const share = ((100 * walked.faults) / walked.transitions).toFixed(1);
      console.log(`${world.name}: ${walked.moves} moves, ${perSecond}/s, ${share} % of what happens goes wrong`);
    }
    expect(walked.wrongs).toEqual([]);
    expect(walked.moves).toBeGreaterThanOrEqual(moves);
    expect(walked.ends.get('completed')).toBeGreaterThan(moves / 10);
  },
  3_600_000,
);
