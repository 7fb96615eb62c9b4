/** What volumes did, step by step, with every step equally long. */
export interface History {
  readonly names: readonly string[];
  readonly startMs: number;
  readonly stepMs: number;
  readonly steps: number;
  /** Requests of a volume in the steps from `from` on, up to and without `to`; those that are not known count nothing. */
  readonly requests: (volume: number, from: number, to: number) => number;
  /** How many of these steps are known. */
  readonly known: (volume: number, from: number, to: number) => number;
  /** The history of these volumes alone. */
  readonly select: (volumes: readonly number[]) => History;
}

/** Eight bytes for each step of each volume: 30 days of half hours of 10,000 volumes are 14.4 million. */
const CELLS_MAX = 48_000_000;
const STEPS_MAX = 200_000;

export class HistoryError extends Error {
  override readonly name = 'HistoryError';
}

export interface HistoryBuilder {
  /** @throws HistoryError if the step of the volume is known already, or there is more than fits */
  add(volume: string, step: number, requests: number): void;
  /** @throws HistoryError if there is nothing */
  build(): History;
}

export interface HistoryShape {
  readonly startMs: number;
  readonly stepMs: number;
  /** What a step is that nobody told: without any request, or not known. */
  readonly missing: 'zero' | 'unknown';
}

/** Takes steps in any order, and holds them as sums from the beginning, so that any window costs the same. */
export function createHistoryBuilder({ startMs, stepMs, missing }: HistoryShape): HistoryBuilder {
  const volumes = new Map<string, Float64Array>();
  let cells = 0;
  let steps = 0;
  const roomFor = (volume: string, step: number): Float64Array => {
    const held = volumes.get(volume);
    if (held !== undefined && step < held.length) return held;
    const grown = new Float64Array(
      Math.max(step + 1, Math.ceil((held?.length ?? 0) * 1.5), Math.min(steps, STEPS_MAX)),
    );
    cells += grown.length - (held?.length ?? 0);
    if (step >= STEPS_MAX || cells > CELLS_MAX) {
      throw new HistoryError(
        `The history is longer than fits (${volumes.size} volumes, ${Math.max(steps, step + 1)} steps); replay fewer volumes, fewer days or longer steps.`,
      );
    }
    grown.fill(Number.NaN);
    if (held !== undefined) grown.set(held);
    volumes.set(volume, grown);
    return grown;
  };
  return {
    add: (volume, step, requests) => {
      const row = roomFor(volume, step);
      if (!Number.isNaN(row[step] ?? Number.NaN)) {
        throw new HistoryError(`The step ${step} of ${volume} is there twice; leave one of them out.`);
      }
      row[step] = requests;
      steps = Math.max(steps, step + 1);
    },
    build: () => {
      if (volumes.size === 0) throw new HistoryError('There is no volume in the history.');
      const names = [...volumes.keys()].sort();
      const sums: Float64Array[] = [];
      const counts: Uint32Array[] = [];
      for (const name of names) {
        const row = volumes.get(name) ?? new Float64Array();
        // One volume after the other, so that nothing is held twice.
        volumes.delete(name);
        sums.push(runningSums(row, steps));
        if (missing === 'unknown') counts.push(runningCounts(row, steps));
      }
      return historyOf({ names, startMs, stepMs, steps }, sums, missing === 'unknown' ? counts : undefined);
    },
  };
}

function historyOf(
  head: Pick<History, 'names' | 'startMs' | 'stepMs' | 'steps'>,
  sums: readonly Float64Array[],
  counts: readonly Uint32Array[] | undefined,
): History {
  const between = (row: Float64Array | Uint32Array | undefined, from: number, to: number): number =>
    (row?.[to] ?? 0) - (row?.[from] ?? 0);
  return {
    ...head,
    requests: (volume, from, to) => between(sums[volume], from, to),
    known: (volume, from, to) => (counts === undefined ? to - from : between(counts[volume], from, to)),
    select: (volumes) => {
      const of = <T>(rows: readonly T[]): T[] => volumes.flatMap((volume) => rows[volume] ?? []);
      return historyOf({ ...head, names: of(head.names) }, of(sums), counts === undefined ? undefined : of(counts));
    },
  };
}

function runningSums(row: Float64Array, steps: number): Float64Array {
  const sums = new Float64Array(steps + 1);
  for (let step = 0; step < steps; step += 1) {
    const requests = row[step] ?? Number.NaN;
    sums[step + 1] = (sums[step] ?? 0) + (Number.isNaN(requests) ? 0 : requests);
  }
  return sums;
}

function runningCounts(row: Float64Array, steps: number): Uint32Array {
  const counts = new Uint32Array(steps + 1);
  for (let step = 0; step < steps; step += 1) {
    counts[step + 1] = (counts[step] ?? 0) + (Number.isNaN(row[step] ?? Number.NaN) ? 0 : 1);
  }
  return counts;
}

/** Requests of all volumes in all of the time. */
export function totalRequests(history: History): number {
  let total = 0;
  for (let volume = 0; volume < history.names.length; volume += 1) total += history.requests(volume, 0, history.steps);
  return total;
}

/** Every nth volume, so that no more steps are left than that. */
export function thinned(history: History, cellsMax: number): History {
  const every = Math.ceil((history.names.length * history.steps) / cellsMax);
  if (every <= 1) return history;
  return history.select(history.names.flatMap((_, volume) => (volume % every === 0 ? [volume] : [])));
}
