import { expect, test } from 'vitest';
import { seededRandom } from '@couchestor/shared/random';
import { enumerate } from '../../test/small-worlds/enumerate.ts';
import type { SmallWorld } from '../../test/small-worlds/small-world.ts';
import { walk } from '../../test/small-worlds/walk.ts';
import { wideWorlds } from '../../test/small-worlds/wide-worlds.ts';

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

const MOVES = 400;

test.each(wideWorlds)('on a way through a wider world nothing is wrong, and each move ends: $name', (world) => {
  const { wrongs, moves, ends } = walk(world, { random: seededRandom(1), moves: MOVES, faultShare: 0.12 });
  expect(wrongs).toEqual([]);
  expect(moves).toBeGreaterThanOrEqual(MOVES);
  expect(ends.get('completed')).toBeGreaterThan(MOVES / 10);
});
