import type { PolicySpec } from '@couchestor/shared/policy';
import { HOUR_MS } from '@couchestor/shared/units';
import type { Budget } from './clairvoyant.ts';
import { thinned, type History } from './history.ts';
import { replay, type Outcome, type Setting } from './replay.ts';
import { scoresOf, type ScoreAt } from './scores.ts';

/** What a policy would be set to. */
export interface Advice extends Pick<PolicySpec, 'highWatermarkIops' | 'lowWatermarkIops' | 'samplingWindowMs'> {
  readonly cooldownMs: number;
  readonly method: 'Average' | 'TwoSpeed';
}

export interface Advised {
  readonly advice: Advice;
  /** On the volumes that it was found with. */
  readonly outcome: Outcome;
}

const WINDOW_HOURS = [1, 3, 6, 12, 24] as const;
const COOLDOWN_HOURS = [6, 24, 48] as const;
const LOW_OF_HIGH = [0.1, 0.25, 0.5, 0.75] as const;
const METHODS = ['Average', 'TwoSpeed'] as const;
const HIGHS = 10;
/** Steps from the best of the grid to what is better beside it. */
const ROUNDS = 4;
/** More than this is looked at through every nth volume: watermarks need no more to be found. */
const CELLS_MAX = 300_000;

/**
 * The policy with the greatest hit of those that keep within the budget on this history; undefined if none does.
 * Everything else that the scorer does is left as it is: the cooldown doubles after regret, a score needs its coverage.
 */
export function advise(history: History, budget: Budget, holdMs: number): Advised | undefined {
  const sample = thinned(history, CELLS_MAX);
  const movesMax = (budget.moves * sample.names.length) / history.names.length;
  let best: Advised | undefined;
  const consider = (advice: Advice, scoreAt: ScoreAt): void => {
    const outcome = replay(sample, settingOf(sample, advice, scoreAt), holdMs);
    const fits = outcome.occupancy <= budget.occupancy && outcome.moves <= movesMax;
    if (fits && (best === undefined || outcome.hit > best.outcome.hit)) best = { advice, outcome };
  };
  for (const { advice, scoreAt } of candidates(sample, budget.occupancy)) consider(advice, scoreAt);
  for (let round = 0; round < ROUNDS; round += 1) {
    const from: Advised | undefined = best;
    if (from === undefined) break;
    for (const advice of neighbours(from.advice)) consider(advice, scoreAtOf(sample, advice));
    if (best === from) break;
  }
  return best;
}

/** What lies a little beside an advice: each number for itself, rounded to what people would write. */
function neighbours(advice: Advice): readonly Advice[] {
  const { highWatermarkIops: high, lowWatermarkIops: low, samplingWindowMs } = advice;
  const rounded = (value: number): number => Math.max(1, Math.round(Number(value.toPrecision(2))));
  const changes: readonly Partial<Advice>[] = [
    { highWatermarkIops: rounded(high * 0.85) },
    { highWatermarkIops: rounded(high * 1.15) },
    { lowWatermarkIops: rounded(low * 0.7) },
    { lowWatermarkIops: rounded(low * 1.4) },
    { highWatermarkIops: rounded(high * 0.85), lowWatermarkIops: rounded(low * 0.85) },
    { highWatermarkIops: rounded(high * 1.15), lowWatermarkIops: rounded(low * 1.15) },
    { samplingWindowMs: HOUR_MS * Math.max(1, Math.round((0.7 * samplingWindowMs) / HOUR_MS)) },
    { samplingWindowMs: HOUR_MS * Math.ceil((1.3 * samplingWindowMs) / HOUR_MS) },
  ];
  return changes
    .map((change) => ({ ...advice, ...change }))
    .filter(({ highWatermarkIops, lowWatermarkIops }) => lowWatermarkIops < highWatermarkIops);
}

export function settingOf(history: History, advice: Advice, scoreAt = scoreAtOf(history, advice)): Setting {
  const { highWatermarkIops, lowWatermarkIops, cooldownMs } = advice;
  return {
    name: 'advised',
    scoreAt,
    watermarks: { highWatermarkIops, lowWatermarkIops },
    cooldownMs,
    cooldownDoubles: true,
    minCoverage: MIN_COVERAGE,
  };
}

/** The policy's default. */
const MIN_COVERAGE = 0.8;

function* candidates(
  history: History,
  occupancy: number,
): Generator<{ readonly advice: Advice; readonly scoreAt: ScoreAt }> {
  const highs = highWatermarks(history, occupancy);
  for (const method of METHODS) {
    for (const hours of WINDOW_HOURS) {
      const samplingWindowMs = hours * HOUR_MS;
      const scoreAt = remembered(history, scoreAtOf(history, { method, samplingWindowMs }));
      for (const highWatermarkIops of highs) {
        for (const share of LOW_OF_HIGH) {
          const lowWatermarkIops = Math.floor(highWatermarkIops * share);
          if (lowWatermarkIops >= highWatermarkIops) continue;
          for (const cooldownHours of COOLDOWN_HOURS) {
            const cooldownMs = cooldownHours * HOUR_MS;
            yield {
              advice: { method, highWatermarkIops, lowWatermarkIops, samplingWindowMs, cooldownMs },
              scoreAt,
            };
          }
        }
      }
    }
  }
}

function scoreAtOf(
  history: History,
  { method, samplingWindowMs }: Pick<Advice, 'method' | 'samplingWindowMs'>,
): ScoreAt {
  return scoresOf(history, { scoring: { method }, samplingWindowMs });
}

/** The same scores are asked for by each pair of watermarks. */
function remembered(history: History, scoreAt: ScoreAt): ScoreAt {
  const scores = history.names.map((_, volume) =>
    Array.from({ length: history.steps }, (_, step) => scoreAt(volume, step)),
  );
  return (volume, step) => scores[volume]?.[step] ?? scoreAt(volume, step);
}

/**
 * From the IOPS that half as much of the time as fits is spent above, to what four times as much is: rounded to two
 * digits, since nobody's disks know a third.
 */
function highWatermarks(history: History, occupancy: number): readonly number[] {
  const iops: number[] = [];
  for (let volume = 0; volume < history.names.length; volume += 1) {
    for (let step = 0; step < history.steps; step += 1) {
      iops.push((history.requests(volume, step, step + 1) / history.stepMs) * 1_000);
    }
  }
  const descending = Float64Array.from(iops).sort().reverse();
  const at = (share: number): number =>
    descending[Math.min(descending.length - 1, Math.floor(share * descending.length))] ?? 0;
  const [most, least] = [at(occupancy / 8), Math.max(1, at(Math.min(1, occupancy * 3)))];
  const steps = Array.from({ length: HIGHS }, (_, n) => least * (Math.max(most, least) / least) ** (n / (HIGHS - 1)));
  return [...new Set(steps.map((value) => Math.max(1, Number(value.toPrecision(2)))))].map(Math.round);
}
