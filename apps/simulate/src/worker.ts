import { parentPort } from 'node:worker_threads';
import { runSeed, type SeedReport } from './run-seed.ts';

/** What a worker says: the report of a seed, without its schedule, which may be long. */
export type WorkerReport = Omit<SeedReport, 'schedule'>;

// Nobody reads the stacks of the many errors that belong to the game; a seed that fails is run again.
Error.stackTraceLimit = 0;

/** Runs the seeds that it is given, one after the other. */
const port = parentPort;
if (port === null) throw new Error('this file is run as a worker');
let running = Promise.resolve();
port.on('message', (seed: number) => {
  running = running.then(async () => {
    const { schedule: _schedule, ...report } = await runSeed(seed);
    port.postMessage(report satisfies WorkerReport);
  });
});
