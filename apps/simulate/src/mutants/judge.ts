import { writeFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { Breach } from '../run-seed.ts';
import type { WorkerReport } from '../worker.ts';
import type { MutantReport, SeedTask } from './worker.ts';

/** What each seed comes to where nothing was changed. */
export type Baseline = ReadonlyMap<number, WorkerReport>;

export type Verdict =
  | {
      readonly kind: 'caught';
      readonly seed: number;
      /** `hang`: it did not come to an end, or used all memory. */
      readonly by: Breach['invariant'] | 'hang';
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
const STEPS_MIN = 2_000_000;
/** Without a step for so long it is taken for an endless loop; a busy machine is slow, too. */
const STANDSTILL_MS = 180_000;
const MEMORY_MIB = 1_500;

/** Runs the bundle on the seeds, one after the other, up to the first thing that is not as it should be. */
export async function judge(
  bundle: { readonly path: string; readonly contents: Uint8Array },
  seeds: readonly number[],
  baseline: Baseline,
): Promise<Verdict> {
  await writeFile(bundle.path, bundle.contents);
  await using runner = startRunner(bundle.path);
  let differed = 0;
  for (const seed of seeds) {
    const usual = baseline.get(seed);
    const stepsMax = usual === undefined ? STEPS_MIN : Math.max(STEPS_MIN, STEPS_FACTOR * usual.steps);
    const result = await runner.run({ seed, stepsMax });
    if (result.kind === 'stuck') return { kind: 'caught', seed, by: 'hang', what: result.why };
    if (result.kind === 'failed') return { kind: 'caught', seed, by: 'defect', what: result.why };
    const { report } = result.report;
    const [breach] = report.breaches;
    if (breach !== undefined) return { kind: 'caught', seed, by: breach.invariant, what: breach.what };
    if (usual === undefined || !sameCourse(report, usual)) differed += 1;
  }
  return { kind: 'survived', tried: seeds.length, differed };
}

/** Two runs that differ in nothing that was counted are taken for the same. */
function sameCourse(a: WorkerReport, b: WorkerReport): boolean {
  const keys = ['steps', 'moves', 'completed', 'calls', 'faults', 'crashes', 'virtualMs'] as const;
  return keys.every((key) => a[key] === b[key]);
}

type RunResult =
  | { readonly kind: 'ended'; readonly report: MutantReport }
  | { readonly kind: 'stuck'; readonly why: string }
  /** An error that nobody caught. */
  | { readonly kind: 'failed'; readonly why: string };

interface Runner extends AsyncDisposable {
  /** After anything but `ended` nothing more can be run. */
  run(task: SeedTask): Promise<RunResult>;
}

export function startRunner(path: string): Runner {
  const worker = new Worker(path, { resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB } });
  /** Whatever comes while nothing runs belongs to a run that has been judged. */
  let settle: (result: RunResult) => void = () => undefined;
  worker.on('message', (report: MutantReport) => settle({ kind: 'ended', report }));
  worker.on('exit', (code) => settle({ kind: 'failed', why: `the worker ended with ${code}` }));
  worker.on('error', (error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    const isFull = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    settle({ kind: isFull ? 'stuck' : 'failed', why });
  });
  return {
    run: (task) =>
      new Promise((resolve) => {
        const why = `no end within ${STANDSTILL_MS / 1_000} s`;
        const timer = setTimeout(() => settle({ kind: 'stuck', why }), STANDSTILL_MS);
        settle = (result) => {
          clearTimeout(timer);
          settle = () => undefined;
          resolve(result);
        };
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
        worker.postMessage(task);
      }),
    [Symbol.asyncDispose]: async () => {
      await worker.terminate();
    },
  };
}
