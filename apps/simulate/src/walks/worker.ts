import { parentPort } from 'node:worker_threads';
import { seededRandom } from '@couchestor/shared/random';
import { walk } from '../../../../services/migrator/test/small-worlds/walk.ts';
import { wideWorlds } from '../../../../services/migrator/test/small-worlds/wide-worlds.ts';

/** One way through one of the wider worlds, which the seed names. */
export interface WalkReport {
  readonly seed: number;
  readonly moves: number;
  readonly completed: number;
  readonly transitions: number;
  readonly faults: number;
  /** What must never be, with the world and the state in which it was. */
  readonly wrongs: readonly string[];
}

const MOVES = 500;
/** With so many of the chances to go wrong taken, one thing in ten that happens does. */
const FAULT_SHARE = 0.3;

const port = parentPort;
if (port === null) throw new Error('this file is run as a worker');
port.on('message', (seed: number) => {
  const world = wideWorlds[seed % wideWorlds.length];
  if (world === undefined) throw new Error('there is no wider world');
  const { ends, wrongs, ...walked } = walk(world, {
    random: seededRandom(seed),
    moves: MOVES,
    faultShare: FAULT_SHARE,
  });
  const report: WalkReport = {
    seed,
    ...walked,
    completed: ends.get('completed') ?? 0,
    wrongs: wrongs.map((what) => `${world.name}: ${what}`),
  };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a message port has no origin
  port.postMessage(report);
});
