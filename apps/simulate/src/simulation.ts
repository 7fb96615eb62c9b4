import { Worker } from 'node:worker_threads';

export interface SimulationOptions<R> {
  /** Of a worker that answers each seed with a report. */
  readonly bundle: string;
  /** For the workers to know what they are to run. */
  readonly workerData?: unknown;
  readonly workers: number;
  readonly firstSeed: number;
  /** Seeds are run until so many moves were taken up; and no more than `seeds` of them. */
  readonly moves: number;
  readonly seeds: number;
  /** Told of each seed as it ends; false ends the simulation. */
  readonly onReport: (report: R) => boolean;
}

/** What a world makes is soon forgotten: with little room for the new it would be copied before that, again and again. */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 192 };

/** Runs seeds on all workers. Resolves when every seed that was begun has ended. */
export async function simulate<R extends { readonly moves: number }>(options: SimulationOptions<R>): Promise<void> {
  const { bundle, firstSeed, seeds, onReport } = options;
  let next = firstSeed;
  let moves = 0;
  let isWanted = true;
  const mayBegin = (): boolean => isWanted && moves < options.moves && next < firstSeed + seeds;

  const runWorker = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(bundle, { workerData: options.workerData, resourceLimits: RESOURCE_LIMITS });
      const begin = (): void => {
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
        if (mayBegin()) worker.postMessage(next++);
        else worker.terminate().then(() => resolve(), reject);
      };
      worker.on('message', (report: R) => {
        moves += report.moves;
        isWanted = onReport(report) && isWanted;
        begin();
      });
      worker.on('error', reject);
      begin();
    });
  await Promise.all(Array.from({ length: options.workers }, runWorker));
}
