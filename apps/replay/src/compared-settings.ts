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

const COOLDOWN_HOURS = [2, 6, 24] as const;

/**
 * CoucheStor's own: places on the hot tier by rank, and watermarks that follow the fleet. The average is one of a day,
 * since days repeat themselves; only the cooldown is left to choose, and it doubles, as it does in the scorer. The history
 * is all that there is, so a score counts from its first step on.
 */
export function rankedSettings(history: History, hotShare: number): readonly Setting[] {
  const samplingWindowMs = 24 * HOUR_MS;
  const scoreAt = scoresOf(history, { scoring: { method: 'Average' }, samplingWindowMs });
  const share = Number((hotShare * 100).toPrecision(3));
  return COOLDOWN_HOURS.map((cooldownHours) => ({
    name: `hottest ${share} %, window 24h, cooldown ${cooldownHours}h`,
    scoreAt,
    watermarks: { highWatermarkIops: 1, lowWatermarkIops: 0 },
    cooldownMs: cooldownHours * HOUR_MS,
    cooldownDoubles: true,
    minCoverage: 0,
    hotShare,
  }));
}
