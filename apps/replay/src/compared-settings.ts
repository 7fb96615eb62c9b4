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

/** Averages of a day and cooldowns that are worth a try for a hot tier that is given by rank. */
const SCORINGS = [
  { method: 'Average', samplingWindowMs: 24 * HOUR_MS },
  { method: 'Average', samplingWindowMs: 48 * HOUR_MS },
  { method: 'TwoSpeed', samplingWindowMs: 18 * HOUR_MS },
  { method: 'TwoSpeed', samplingWindowMs: 24 * HOUR_MS },
  { method: 'TwoSpeed', samplingWindowMs: 36 * HOUR_MS },
] as const;
const COOLDOWN_HOURS = [2, 6, 24] as const;

/**
 * Rules that say how much can be won on a history: plain watermarks, from hasty to slow, and two exponential averages.
 * They are as plain as they can be: no score before the window is full, a cooldown that never doubles, no limit.
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
  return [...plain, twoAverages];
}

/**
 * CoucheStor's own: places on the hot tier by rank, and watermarks that follow the fleet. The history is all that there
 * is, so a score counts from its first step on. The cooldown doubles, as it does in the scorer.
 */
export function rankedSettings(history: History, hotShare: number): readonly Setting[] {
  return SCORINGS.flatMap(({ method, samplingWindowMs }) => {
    // Both memories alike: what promotes a volume keeps it.
    const memories = { promoteMemoryMs: samplingWindowMs, demoteMemoryMs: samplingWindowMs };
    const scoring = method === 'TwoSpeed' ? { method, ...memories } : { method };
    return COOLDOWN_HOURS.map((cooldownHours): Setting => {
      const cooldownMs = cooldownHours * HOUR_MS;
      const average = method === 'TwoSpeed' ? 'memory' : 'window';
      return {
        name: `hottest ${hotShare * 100} %, ${average} ${formatDuration(samplingWindowMs)}, cooldown ${formatDuration(cooldownMs)}`,
        scoreAt: scoresOf(history, { scoring, samplingWindowMs }),
        watermarks: { highWatermarkIops: 1, lowWatermarkIops: 0 },
        cooldownMs,
        cooldownDoubles: true,
        minCoverage: 0,
        hotShare,
      };
    });
  });
}
