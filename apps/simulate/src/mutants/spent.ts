import type { RunTask } from './runner.ts';
import type { Trial } from './trial.ts';

/** Where the time of a run goes, by who was asked. */
export interface Spent {
  on<T>(what: string, work: () => Promise<T>): Promise<T>;
  /** Counts what each trial takes by its kind. */
  timing(run: RunTask): RunTask;
  line(): string;
}

const kinds: Readonly<Record<Trial['kind'], string>> = {
  seed: 'seeds',
  aimed: 'worlds made by hand',
  smallWorlds: 'small worlds',
  walks: 'walks',
};

export function createSpent(nowMs: () => number): Spent {
  const spentMs = new Map<string, number>();
  const on = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const fromMs = nowMs();
    try {
      return await work();
    } finally {
      spentMs.set(what, (spentMs.get(what) ?? 0) + nowMs() - fromMs);
    }
  };
  return {
    on,
    timing: (run) => (task) => on(kinds[task.trial.kind], () => run(task)),
    line: () =>
      [...spentMs]
        .sort(([, a], [, b]) => b - a)
        .map(([what, ms]) => `${what} ${(ms / 1_000).toFixed(0)} s`)
        .join(', '),
  };
}
