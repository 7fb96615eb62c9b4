import { averagesFromZero, scoresOf, type History, type Setting } from '@couchestor/replay';
import { formatDuration, HOUR_MS } from '@couchestor/shared/units';

/** Watermarks, window and cooldown in hours. */
const WATERMARKS: readonly (readonly [high: number, low: number, windowHours: number, cooldownHours: number])[] = [
  [5000, 500, 0.5, 0],
  [5000, 500, 1, 0],
  [5000, 500, 1, 24],
  [5000, 500, 6, 24],
  [2000, 200, 1, 24],
  [2000, 200, 1, 6],
  [1000, 100, 0.5, 0],
  [1000, 100, 1, 24],
  [1000, 100, 1, 6],
  [1000, 100, 6, 6],
];

type Scoring = { readonly method: 'Average' | 'TwoSpeed'; readonly samplingWindowMs: number };

/** Averages of about a day, and cooldowns, that are worth a try for a hot tier that is given by rank. */
const SCORINGS: readonly Scoring[] = [
  { method: 'Average', samplingWindowMs: 24 * HOUR_MS },
  { method: 'Average', samplingWindowMs: 48 * HOUR_MS },
  { method: 'TwoSpeed', samplingWindowMs: 18 * HOUR_MS },
  { method: 'TwoSpeed', samplingWindowMs: 24 * HOUR_MS },
  { method: 'TwoSpeed', samplingWindowMs: 36 * HOUR_MS },
];
const COOLDOWN_HOURS = [2, 6, 24] as const;

/**
 * Rules that say how much can be won on a history: plain watermarks, from hasty to slow, two exponential averages, and the
 * naive one that acts on each sample. They are as plain as they can be: no score before the window is full, a cooldown that never doubles, no limit.
 */
export function comparedSettings(history: History): readonly Setting[] {
  const plain = WATERMARKS.map(([high, low, windowHours, cooldownHours]): Setting => {
    const [samplingWindowMs, cooldownMs] = [windowHours * HOUR_MS, cooldownHours * HOUR_MS];
    const cooldown = cooldownMs === 0 ? 'none' : formatDuration(cooldownMs);
    return {
      name: `${high} / ${low}, window ${formatDuration(samplingWindowMs)}, cooldown ${cooldown}`,
      scoreAt: scoresOf(history, { scoring: { method: 'Average' }, samplingWindowMs }),
      watermarks: { highWatermarkIops: high, lowWatermarkIops: low },
      cooldownMs,
      cooldownDoubles: false,
      minCoverage: 1,
    };
  });
  const memories = { promoteMs: 6 * HOUR_MS, demoteMs: 8 * HOUR_MS };
  const twoAverages: Setting = {
    name: '700 / 350, averages of 6h and 8h that begin at zero',
    scoreAt: averagesFromZero(history, memories),
    watermarks: { highWatermarkIops: 700, lowWatermarkIops: 350 },
    cooldownMs: 0,
    cooldownDoubles: false,
    minCoverage: 1,
  };
  const naive: Setting = {
    name: '1000, each sample',
    scoreAt: scoresOf(history, { scoring: { method: 'Average' }, samplingWindowMs: history.stepMs }),
    watermarks: { highWatermarkIops: 1_000, lowWatermarkIops: 999 },
    cooldownMs: 0,
    cooldownDoubles: false,
    minCoverage: 1,
  };
  return [...plain, twoAverages, naive];
}

/** CoucheStor's own, as it would be recommended: a day's average, and a cooldown of six hours or of a day. */
export function recommendedSettings(history: History, hotShare: number): readonly Setting[] {
  const scoring: Scoring = { method: 'Average', samplingWindowMs: 24 * HOUR_MS };
  return [6, 24].map((cooldownHours) => rankedSetting(history, hotShare, scoring, cooldownHours));
}

/** All of them, to choose from. */
export function rankedSettings(history: History, hotShare: number): readonly Setting[] {
  return SCORINGS.flatMap((scoring) =>
    COOLDOWN_HOURS.map((cooldownHours) => rankedSetting(history, hotShare, scoring, cooldownHours)),
  );
}

/**
 * Places on the hot tier by rank, and watermarks that follow the fleet. The history is all that there is, so a score
 * counts from its first step on. The cooldown doubles, as it does in the scorer.
 */
function rankedSetting(
  history: History,
  hotShare: number,
  { method, samplingWindowMs }: Scoring,
  cooldownHours: number,
): Setting {
  // Both memories alike: what promotes a volume keeps it.
  const memories = { promoteMemoryMs: samplingWindowMs, demoteMemoryMs: samplingWindowMs };
  const scoring = method === 'TwoSpeed' ? { method, ...memories } : { method };
  const cooldownMs = cooldownHours * HOUR_MS;
  const average = method === 'TwoSpeed' ? 'memory' : 'window';
  const share = Number((hotShare * 100).toPrecision(3));
  return {
    name: `hottest ${share} %, ${average} ${formatDuration(samplingWindowMs)}, cooldown ${formatDuration(cooldownMs)}`,
    scoreAt: scoresOf(history, { scoring, samplingWindowMs }),
    watermarks: { highWatermarkIops: 1, lowWatermarkIops: 0 },
    cooldownMs,
    cooldownDoubles: true,
    minCoverage: 0,
    hotShare,
  };
}
