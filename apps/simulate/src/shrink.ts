import type { Breach } from './run-seed.ts';

export interface Shrunken {
  /** Nothing but these has to go wrong. */
  readonly schedule: readonly string[];
  readonly breach: Breach;
  readonly runs: number;
}

/** One run in which nothing but these faults comes about, up to its first breach; undefined for all faults. */
export type Run = (
  only: ReadonlySet<string> | undefined,
) => Promise<{ readonly schedule: readonly string[]; readonly breaches: readonly Breach[] }>;

/**
 * Leaves out faults and deeds for as long as the same invariant breaks without them: halves first, then smaller and
 * smaller parts. What is left may not be the least there is, but nothing of it can be left out alone, if there were runs
 * enough. Undefined if the run does not fail at all.
 */
export async function shrink(
  run: Run,
  { runsMax, onProgress }: { readonly runsMax: number; readonly onProgress: (left: number, runs: number) => void },
): Promise<Shrunken | undefined> {
  let runs = 0;
  const mayRun = (): boolean => runs < runsMax;
  let target: Breach['invariant'] | undefined;
  const failing = async (only: ReadonlySet<string> | undefined): Promise<Shrunken | undefined> => {
    runs += 1;
    const { breaches, schedule } = await run(only);
    const breach = breaches.find(({ invariant }) => target === undefined || invariant === target);
    return breach === undefined ? undefined : { schedule, breach, runs };
  };
  let found = await failing(undefined);
  if (found === undefined) return undefined;
  target = found.breach.invariant;
  let parts = 1;
  while (found.schedule.length > 0 && mayRun()) {
    const { schedule } = found;
    const size = Math.ceil(schedule.length / parts);
    let smaller: Shrunken | undefined;
    for (let from = 0; from < schedule.length && smaller === undefined && mayRun(); from += size) {
      // What does not come about this time is left out too.
      smaller = await failing(new Set([...schedule.slice(0, from), ...schedule.slice(from + size)]));
    }
    if (smaller !== undefined) {
      found = smaller;
      onProgress(found.schedule.length, runs);
      parts = Math.max(1, Math.min(parts - 1, found.schedule.length));
    } else if (size === 1) break;
    else parts = Math.min(schedule.length, 2 * parts);
  }
  return { ...found, runs };
}
