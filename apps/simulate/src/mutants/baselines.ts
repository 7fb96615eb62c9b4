import type { Tally } from '../tally.ts';
import type { WorkerReport } from '../worker.ts';
import type { Baseline } from './judge.ts';
import type { RunTask } from './runner.ts';
import { trialName, type Trial } from './trial.ts';

/** What worlds come to where nothing was changed, each run once, and when it is first asked for. */
export interface Baselines {
  with(run: RunTask): Baseline;
  /** Whether the core alone comes to the mutant with this number in such a trial, where nothing was changed. */
  coreReaches(run: RunTask, trial: Trial, mutant: number): Promise<boolean>;
  /** Seeds, of those that have been run, in which the mutant with this number would make a difference. */
  reaching(mutant: number): readonly number[];
}

export function createBaselines(tally: Tally, say: (line: string) => void): Baselines {
  const known = new Map<string, Promise<WorkerReport | undefined>>();
  const reached = new Map<number, number[]>();
  const first = async (run: RunTask, trial: Trial): Promise<WorkerReport | undefined> => {
    const result = await run({ trial, mutant: undefined, stepsMax: undefined, restWithinMs: undefined });
    if (result.kind !== 'ended') throw new Error(`${trialName(trial)} where nothing was changed: ${result.why}`);
    if (result.report.kind !== 'world') throw new Error('a world was asked for');
    const { report, passed } = result.report;
    tally.add(report);
    const [breach] = report.breaches;
    if (breach !== undefined) {
      say(`${trialName(trial)} is left out, for it ends badly as it is: ${breach.invariant} ${breach.what}`);
      return undefined;
    }
    if (trial.kind === 'seed')
      for (const number of passed) reached.set(number, [...(reached.get(number) ?? []), trial.seed]);
    return report;
  };
  const ofCore = new Map<string, Promise<ReadonlySet<number>>>();
  const firstOfCore = async (run: RunTask, trial: Trial): Promise<ReadonlySet<number>> => {
    const result = await run({ trial, mutant: undefined, stepsMax: undefined, restWithinMs: undefined });
    if (result.kind !== 'ended') throw new Error(`${trialName(trial)} where nothing was changed: ${result.why}`);
    if (result.report.kind !== 'core') throw new Error('the core alone was asked for');
    const { wrong, passed } = result.report;
    if (wrong !== undefined) throw new Error(`${trialName(trial)} where nothing was changed: ${wrong}`);
    return new Set(passed);
  };
  return {
    coreReaches: async (run, trial, mutant) => {
      const name = trialName(trial);
      const asked = ofCore.get(name) ?? firstOfCore(run, trial);
      ofCore.set(name, asked);
      return (await asked).has(mutant);
    },
    with: (run) => (trial) => {
      const name = trialName(trial);
      const asked = known.get(name) ?? first(run, trial);
      known.set(name, asked);
      return asked;
    },
    reaching: (mutant) => reached.get(mutant) ?? [],
  };
}
