import { enumerate } from '../../../../services/migrator/test/small-worlds/enumerate.ts';
import type { SmallWorld } from '../../../../services/migrator/test/small-worlds/small-world.ts';
import { walk } from '../../../../services/migrator/test/small-worlds/walk.ts';
import { wideWorlds } from '../../../../services/migrator/test/small-worlds/wide-worlds.ts';
import { seededRandom } from '@couchestor/shared/random';

/** Worlds with few enough states to be visited for each mutant of the core. */

const hot = (...nodes: readonly string[]): string[] => nodes.map((node) => `nvme-${node}`);
const both = (...nodes: readonly string[]): string[] => nodes.flatMap((node) => [`nvme-${node}`, `sata-${node}`]);
const three = { pools: both('n1', 'n2', 'n3'), targetPools: hot('n1', 'n2', 'n3') };
const two = { pools: both('n1', 'n2'), targetPools: hot('n1', 'n2') };

/** Hundreds of states each, in which nothing goes wrong. */
const calm: readonly SmallWorld[] = [
  { ...three, name: 'one replica', volumes: [['sata-n1']], trouble: 0 },
  { ...three, name: 'two replicas', volumes: [['sata-n1', 'sata-n2']], trouble: 0 },
  { ...three, name: 'a Mayastor that ignores the steer', volumes: [['sata-n1']], steers: false, trouble: 0 },
  {
    ...three,
    name: 'one replica less for a while',
    volumes: [['nvme-n1', 'nvme-n2', 'sata-n3']],
    allowReducedRedundancy: true,
    trouble: 0,
  },
  {
    name: 'Mayastor 2.7',
    pools: ['sata-n1', 'nvme-n2', 'nvme-n3'],
    targetPools: hot('n2', 'n3'),
    method: 'nodeCordon',
    volumes: [['sata-n1']],
    trouble: 0,
  },
];
/** Tens of thousands. */
const troubled: readonly SmallWorld[] = [
  { ...two, name: 'one thing that goes wrong', volumes: [['sata-n1']], trouble: 1 },
];
type SmallWorlds = 'calm' | 'troubled';
const worlds: Readonly<Record<SmallWorlds, readonly SmallWorld[]>> = { calm, troubled };

/** Many times what the largest of them has. */
const STATES_MAX = 400_000;

/** What is wrong in one of the small worlds, as their own test sees it; undefined if nothing is. */
export function wrongInSmallWorlds(which: SmallWorlds): string | undefined {
  for (const world of worlds[which]) {
    try {
      const { wrongs, ends } = enumerate(world, STATES_MAX);
      const [wrong = ends.has('completed') ? undefined : 'no move completes'] = wrongs;
      if (wrong !== undefined) return `${world.name}: ${wrong}`;
    } catch (error) {
      return `${world.name}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return undefined;
}

/** In each of the wide worlds. */
const WALK_MOVES = 300;
const FAULT_SHARE = 0.12;

/** What is wrong on one way through each of the wide worlds, in which much goes wrong; undefined if nothing is. */
export function wrongOnWalks(): string | undefined {
  for (const world of wideWorlds) {
    const { wrongs, ends } = walk(world, { random: seededRandom(1), moves: WALK_MOVES, faultShare: FAULT_SHARE });
    const few = (ends.get('completed') ?? 0) < WALK_MOVES / 20 ? 'hardly a move completes' : undefined;
    const [wrong = few] = wrongs;
    if (wrong !== undefined) return `${world.name}: ${wrong}`;
  }
  return undefined;
}
