import { Worker } from 'node:worker_threads';
import type { Breach } from '../run-seed.ts';
import type { WorkerReport } from '../worker.ts';
import type { SmallWorlds } from './small-worlds.ts';
import type { MutantReport, SeedTask, SmallWorldsReport } from './worker.ts';

/** What each seed comes to where nothing was changed. */
export type Baseline = ReadonlyMap<number, WorkerReport>;

export type Verdict =
  | {
      readonly kind: 'caught';
      /** Undefined where no simulation did. */
      readonly seed: number | undefined;
      /** `hang`: it did not come to an end, or used all memory. `small worlds`: the protocol's own, beside the simulation. */
      readonly by: Breach['invariant'] | 'hang' | 'small worlds';
      readonly what: string;
    }
  | {
      readonly kind: 'survived';
      /** Seeds that it was tried on, and those of them whose course was another than without it. */
      readonly tried: number;
      readonly differed: number;
    }
  /** It is no program any more. */
  | { readonly kind: 'unfit'; readonly why: string };

/** Of the steps that the world takes without the change. */
const STEPS_FACTOR = 20;
const STEPS_MIN = 200_000;
/** Without a step for so long it is taken for an endless loop; a busy machine is slow, too. */
const STANDSTILL_MS = 180_000;
const MEMORY_MIB = 1_500;

/** Tries the seeds, one after the other, up to the first thing that is not as it should be. */
export async function judge(
  run: (task: SeedTask) => Promise<RunResult>,
  mutant: number | undefined,
  seeds: readonly number[],
  baseline: Baseline,
): Promise<Verdict> {
  let differed = 0;
  for (const seed of seeds) {
    const usual = baseline.get(seed);
    const stepsMax = Math.max(STEPS_MIN, STEPS_FACTOR * (usual?.steps ?? 0));
    const result = await run({ seed, mutant, stepsMax });
    if (result.kind === 'stuck') return { kind: 'caught', seed, by: 'hang', what: result.why };
    if (result.kind === 'failed') return { kind: 'caught', seed, by: 'defect', what: result.why };
    if (result.report.kind !== 'seed') throw new Error('a seed was asked for');
    const { report } = result.report;
    const [breach] = report.breaches;
    if (breach !== undefined) return { kind: 'caught', seed, by: breach.invariant, what: breach.what };
    if (usual === undefined || !sameCourse(report, usual)) differed += 1;
  }
  return { kind: 'survived', tried: seeds.length, differed };
}

/** Puts a mutant of the core to the small worlds; undefined if they have nothing to say. */
export async function judgeBySmallWorlds(
  run: (task: SeedTask) => Promise<RunResult>,
  mutant: number,
  which: SmallWorlds,
): Promise<Verdict | undefined> {
  const result = await run({ seed: which, mutant, stepsMax: undefined });
  const wrong =
    result.kind !== 'ended' ? result.why : result.report.kind === 'smallWorlds' ? result.report.wrong : undefined;
  return wrong === undefined ? undefined : { kind: 'caught', seed: undefined, by: 'small worlds', what: wrong };
}

/** Two runs that differ in nothing that was counted are taken for the same. */
function sameCourse(a: WorkerReport, b: WorkerReport): boolean {
  const keys = ['steps', 'moves', 'completed', 'calls', 'faults', 'crashes', 'virtualMs'] as const;
  return keys.every((key) => a[key] === b[key]);
}

export type RunResult =
  | { readonly kind: 'ended'; readonly report: MutantReport | SmallWorldsReport }
  | { readonly kind: 'stuck'; readonly why: string }
  /** An error that nobody caught. */
  | { readonly kind: 'failed'; readonly why: string };

interface Runner extends AsyncDisposable {
  run(task: SeedTask): Promise<RunResult>;
}

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
    own.on('message', (report: MutantReport | SmallWorldsReport) => tell({ kind: 'ended', report }));
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
      const result = await new Promise<RunResult>((resolve) => {
        const why = `no end within ${STANDSTILL_MS / 1_000} s`;
        const timer = setTimeout(() => settle({ kind: 'stuck', why }), STANDSTILL_MS);
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
