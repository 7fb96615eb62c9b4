import { Worker } from 'node:worker_threads';
import type { CoreReport, TrialTask, WorldReport } from './worker.ts';

export type RunResult =
  | { readonly kind: 'ended'; readonly report: WorldReport | CoreReport }
  | { readonly kind: 'stuck'; readonly why: string }
  /** An error that nobody caught. */
  | { readonly kind: 'failed'; readonly why: string };

export type RunTask = (task: TrialTask) => Promise<RunResult>;

export interface Runner extends AsyncDisposable {
  readonly run: RunTask;
}

/** Without an end for so long it is taken for an endless loop; a busy machine is slow, too. */
const STANDSTILL_MS = 180_000;
/** The core alone is done within seconds. */
const STANDSTILL_OF_CORE_MS = 120_000;
const MEMORY_MIB = 1_500;

/** Runs the bundle at this path in a worker, and in another one after each that ended badly. */
export function createRunner(path: string): Runner {
  let worker: Worker | undefined;
  /** Whatever comes while nothing runs belongs to a run that has been judged. */
  let settle: (result: RunResult) => void = () => undefined;
  const start = (): Worker => {
    const own = new Worker(path, { resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB } });
    const tell = (result: RunResult): void => {
      if (own === worker) settle(result);
    };
    own.on('message', (report: WorldReport | CoreReport) => tell({ kind: 'ended', report }));
    own.on('exit', (code) => tell({ kind: 'failed', why: `the worker ended with ${code}` }));
    own.on('error', (error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      const isFull = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      tell({ kind: isFull ? 'stuck' : 'failed', why });
    });
    return own;
  };
  const end = async (): Promise<void> => {
    const own = worker;
    worker = undefined;
    await own?.terminate();
  };
  return {
    run: async (task) => {
      worker ??= start();
      const own = worker;
      const isOfCore = task.trial.kind === 'smallWorlds' || task.trial.kind === 'walks';
      const standstillMs = isOfCore ? STANDSTILL_OF_CORE_MS : STANDSTILL_MS;
      const result = await new Promise<RunResult>((resolve) => {
        const why = `no end within ${standstillMs / 1_000} s`;
        const timer = setTimeout(() => settle({ kind: 'stuck', why }), standstillMs);
        settle = (answer) => {
          clearTimeout(timer);
          settle = () => undefined;
          resolve(answer);
        };
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
        own.postMessage(task);
      });
      if (result.kind !== 'ended') await end();
      return result;
    },
    [Symbol.asyncDispose]: end,
  };
}
