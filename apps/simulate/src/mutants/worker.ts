import { parentPort } from 'node:worker_threads';
import { runSeed } from '../run-seed.ts';
import type { WorkerReport } from '../worker.ts';

export interface SeedTask {
  readonly seed: number;
  /** After so many steps of the world it is taken for one that never rests; undefined for no end. */
  readonly stepsMax: number | undefined;
}

/** What a run of a seed came to, up to its first breach. */
export interface MutantReport {
  readonly report: WorkerReport;
  /** Numbers of the probes that were passed. */
  readonly passed: readonly number[];
}

/** Where probes leave their mark. */
interface Probed {
  couchestorProbes?: Set<number>;
}

// Nobody reads the stacks of the many errors that belong to the game.
Error.stackTraceLimit = 0;

/** Shorter than it usually is: what is tried hundreds of times wants many worlds rather than long ones. */
const TROUBLE_MS = 12 * 60_000;
const DEEDS = 30;

const port = parentPort;
if (port === null) throw new Error('this file is run as a worker');
const runTask = async ({ seed, stepsMax }: SeedTask): Promise<void> => {
  const probed = globalThis as Probed;
  probed.couchestorProbes = new Set();
  const { schedule: _schedule, ...report } = await runSeed(seed, {
    stopAtBreach: true,
    profile: { troubleMs: TROUBLE_MS, deeds: DEEDS },
    ...(stepsMax === undefined ? {} : { stepsMax }),
  });
  port.postMessage({ report, passed: [...probed.couchestorProbes] } satisfies MutantReport);
};
// What nobody catches ends the worker, which is an answer, too.
port.on('message', (task: SeedTask) => void runTask(task));
