import type { Breach } from '../run-seed.ts';
import type { WorkerReport } from '../worker.ts';
import type { RunResult, RunTask } from './runner.ts';
import { trialName, type Trial } from './trial.ts';

export type Verdict =
  | {
      readonly kind: 'caught';
      readonly trial: Trial;
      /** `hang`: it did not come to an end, or used all memory. `core`: what is looked at beside the simulation. */
      readonly by: Breach['invariant'] | 'hang' | 'core';
      readonly what: string;
    }
  | {
      readonly kind: 'survived';
      /** Trials, and those of them whose course was another than without it. */
      readonly tried: number;
      readonly differed: number;
    }
  /** It is no program any more. */
  | { readonly kind: 'unfit'; readonly why: string };

/** What a world comes to where nothing was changed; undefined if it ends badly even so. */
export type Baseline = (trial: Trial) => Promise<WorkerReport | undefined>;

/** Of the steps that the world takes without the change. */
const STEPS_FACTOR = 20;
const STEPS_MIN = 200_000;
/** Most worlds rest sooner where nothing is wrong. One that does not has as long as it takes then. */
const REST_WITHIN_MS = 45 * 60_000;

/** Puts a change to trial after trial, up to the first thing that is not as it should be. */
export async function judge(
  run: RunTask,
  mutant: number | undefined,
  trials: Iterable<Trial>,
  baseline: Baseline,
): Promise<Verdict> {
  let tried = 0;
  let differed = 0;
  for (const trial of trials) {
    const isWorld = trial.kind === 'seed' || trial.kind === 'aimed';
    const usual = isWorld ? await baseline(trial) : undefined;
    if (isWorld && usual === undefined) continue;
    const stepsMax = Math.max(STEPS_MIN, STEPS_FACTOR * (usual?.steps ?? 0));
    const restWithinMs = Math.max(REST_WITHIN_MS, usual?.virtualMs ?? 0);
    const found = findingOf(await run({ trial, mutant, stepsMax, restWithinMs }), usual);
    if (found.kind === 'wrong') return { kind: 'caught', trial, by: found.by, what: found.what };
    tried += 1;
    if (found.differs) differed += 1;
  }
  return { kind: 'survived', tried, differed };
}

type Finding =
  | { readonly kind: 'wrong'; readonly by: Extract<Verdict, { kind: 'caught' }>['by']; readonly what: string }
  | { readonly kind: 'nothing'; readonly differs: boolean };

function findingOf(result: RunResult, usual: WorkerReport | undefined): Finding {
  if (result.kind === 'stuck') return { kind: 'wrong', by: 'hang', what: result.why };
  if (result.kind === 'failed') return { kind: 'wrong', by: 'defect', what: result.why };
  if (result.report.kind === 'core') {
    const { wrong } = result.report;
    return wrong === undefined ? { kind: 'nothing', differs: false } : { kind: 'wrong', by: 'core', what: wrong };
  }
  const { report } = result.report;
  const [breach] = report.breaches;
  if (breach !== undefined) return { kind: 'wrong', by: breach.invariant, what: breach.what };
  return { kind: 'nothing', differs: usual === undefined || !sameCourse(report, usual) };
}

/** Two runs that differ in nothing that was counted are taken for the same. */
function sameCourse(a: WorkerReport, b: WorkerReport): boolean {
  const keys = ['steps', 'moves', 'completed', 'calls', 'faults', 'crashes', 'virtualMs'] as const;
  return keys.every((key) => a[key] === b[key]);
}

export function told(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'caught':
      return `caught by ${verdict.by} in ${trialName(verdict.trial)}`;
    case 'survived':
      return `SURVIVED ${verdict.tried} trials, ${verdict.differed} of them another way`;
    case 'unfit':
      return `UNFIT ${verdict.why}`;
  }
}
