import type { Breach } from './run-seed.ts';
import type { WorkerReport } from './worker.ts';

/** What all seeds come to. */
interface Summary {
  readonly seeds: number;
  readonly moves: number;
  readonly completed: number;
  readonly seconds: number;
  readonly movesPerSecond: number;
  readonly calls: number;
  readonly faults: number;
  readonly crashes: number;
  readonly violations: readonly {
    readonly seed: number;
    readonly invariant: Breach['invariant'];
    readonly step: number;
  }[];
  readonly unsettled: number;
  readonly leftovers: number;
}

export interface Tally {
  add(report: WorkerReport): void;
  summary(): Summary;
  line(): string;
}

export function createTally(nowMs: () => number): Tally {
  const beganMs = nowMs();
  const sums = { seeds: 0, moves: 0, completed: 0, calls: 0, faults: 0, crashes: 0, unsettled: 0, leftovers: 0 };
  const violations: Summary['violations'][number][] = [];
  const summary = (): Summary => {
    const seconds = (nowMs() - beganMs) / 1_000;
    const { seeds, moves, completed, calls, faults, crashes, unsettled, leftovers } = sums;
    const movesPerSecond = Math.round((10 * moves) / seconds) / 10;
    return {
      seeds,
      moves,
      completed,
      seconds: Math.round(10 * seconds) / 10,
      movesPerSecond,
      calls,
      faults,
      crashes,
      violations,
      unsettled,
      leftovers,
    };
  };
  return {
    add: ({ seed, breaches, ...report }) => {
      sums.seeds += 1;
      for (const key of ['moves', 'completed', 'calls', 'faults', 'crashes', 'unsettled', 'leftovers'] as const) {
        sums[key] += report[key];
      }
      for (const { invariant, step } of breaches) violations.push({ seed, invariant, step });
    },
    summary,
    line: () => {
      const { seeds, moves, completed, seconds, movesPerSecond, calls, faults, crashes } = summary();
      return (
        `${seeds} seeds, ${moves} moves (${completed} completed) in ${seconds} s, ${movesPerSecond}/s; ` +
        `${calls} calls, ${((100 * faults) / Math.max(1, calls)).toFixed(1)} % of them faulty, ${crashes} crashes; ` +
        `${violations.length} broken invariants`
      );
    },
  };
}
