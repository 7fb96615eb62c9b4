import { parentPort, workerData } from 'node:worker_threads';
import { runOf, type Population } from './population.ts';
import type { SeedReport } from './run-seed.ts';

/** What a worker says: the report of a seed, without its schedule, which may be long. */
export type WorkerReport = Omit<SeedReport, 'schedule'>;

// Nobody reads the stacks of the many errors that belong to the game; a seed that fails is run again.
Error.stackTraceLimit = 0;

/** Runs the seeds that it is given, one after the other. */
const port = parentPort;
if (port === null) throw new Error('this file is run as a worker');
const run = runOf(workerData as Population);
let running = Promise.resolve();
port.on('message', (seed: number) => {
  running = running.then(async () => {
    const { schedule: _schedule, ...report } = await run(seed);
    port.postMessage(report satisfies WorkerReport);
  });
});
