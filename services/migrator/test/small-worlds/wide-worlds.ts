import type { SmallWorld } from './small-world.ts';

const both = (...nodes: readonly string[]): string[] => nodes.flatMap((node) => [`nvme-${node}`, `sata-${node}`]);
const hot = (...nodes: readonly string[]): string[] => nodes.map((node) => `nvme-${node}`);
const three = { pools: both('n1', 'n2', 'n3'), targetPools: hot('n1', 'n2', 'n3'), trouble: 1 };
const four = { pools: both('n1', 'n2', 'n3', 'n4'), targetPools: hot('n1', 'n2', 'n3', 'n4'), trouble: 1 };

/** Worlds with too many states to be visited, in which moves follow one another and things go wrong all the time. */
export const wideWorlds: readonly SmallWorld[] = [
  { ...four, name: 'three volumes on four nodes', volumes: [['sata-n1'], ['sata-n2', 'sata-n3'], ['sata-n4']] },
  { ...three, name: 'two volumes on three nodes', volumes: [['sata-n1'], ['sata-n2', 'sata-n3']] },
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
