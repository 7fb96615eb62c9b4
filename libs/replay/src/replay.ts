import type { Score } from '@couchestor/shared/messages';
import type { PolicySpec, Tier } from '@couchestor/shared/policy';
import {
  bandOf,
  cooldownOf,
  rankOf,
  undoneTooSoon,
  scoreForPlaces,
  watermarksByRank,
  type Band,
  type MoveReason,
} from '@couchestor/shared/scoring';
import { HOUR_MS } from '@couchestor/shared/units';
import { totalRequests, type History } from './history.ts';
import type { ScoreAt } from './scores.ts';

type Watermarks = Pick<PolicySpec, 'highWatermarkIops' | 'lowWatermarkIops' | 'warmWatermarkIops'>;

/** A rule to replay. */
export interface Setting {
  readonly name: string;
  readonly scoreAt: ScoreAt;
  readonly watermarks: Watermarks;
  /**
   * Share of the volumes, 0 to 1, that the hot tier holds: those with the highest scores above the low watermark. The
   * watermarks then follow the fleet.
   */
  readonly hotShare?: number;
  readonly cooldownMs: number;
  /** Whether the cooldown doubles after each move in a row that undid the one before too soon, as the scorer's does. */
  readonly cooldownDoubles: boolean;
  /** Share of its samples that a score needs, 0 to 1. */
  readonly minCoverage: number;
  readonly maxMovesPerHour?: number;
}

export interface Outcome {
  /** Share of all requests that fell while their volume was on the hot tier. */
  readonly hit: number;
  /** Mean share of the volumes on the hot tier. */
  readonly occupancy: number;
  readonly moves: number;
  /** Moves that were undone within the hold time. */
  readonly regrets: number;
  /** Mean share of the volumes on the hot tier in each hour, or in each step where steps are longer. */
  readonly occupancyByHour: readonly number[];
}

interface Place {
  tier: Tier;
  movedAtMs: number;
  movedFrom: Tier;
  regretsInRow: number;
}

type ScoreValue = Extract<Score, { kind: 'value' }>;

/** A volume that may move, by its cooldown and by what is known of it. */
interface Free {
  readonly volume: number;
  readonly place: Place;
  readonly score: ScoreValue;
  /** As it counts for the tier. */
  readonly heard: ScoreValue;
}

interface Candidate {
  readonly place: Place;
  readonly to: Tier;
  readonly rank: number;
  readonly volume: number;
}

/**
 * Lets a rule decide at the beginning of each step from the steps before it; it cannot see the one it decides for. All
 * volumes begin cold, and a move takes no time. The tier that a score deserves, the cooldown and the rank are the
 * scorer's own.
 */
export function replay(history: History, setting: Setting, holdMs: number): Outcome {
  const { names, steps, stepMs, startMs } = history;
  const places = names.map((): Place => ({ tier: 'cold', movedAtMs: -Infinity, movedFrom: 'cold', regretsInRow: 0 }));
  const gate = createGate(setting, history);
  const tally = { hit: 0, hotSteps: 0, moves: 0, regrets: 0, hot: 0 };
  const byHour = createHours(history);

  const move = (place: Place, to: Tier, nowMs: number): void => {
    const restedMs = nowMs - place.movedAtMs;
    const back = place.movedFrom === to && place.movedAtMs > -Infinity;
    tally.moves += 1;
    if (back && restedMs <= holdMs) tally.regrets += 1;
    if (place.tier === 'hot') tally.hot -= 1;
    if (to === 'hot') tally.hot += 1;
    const soon = setting.cooldownDoubles && back && undoneTooSoon(restedMs, setting.cooldownMs, place.regretsInRow);
    place.regretsInRow = soon ? place.regretsInRow + 1 : 0;
    [place.movedFrom, place.tier, place.movedAtMs] = [place.tier, to, nowMs];
  };

  for (let step = 0; step < steps; step += 1) {
    const nowMs = startMs + step * stepMs;
    const free: Free[] = [];
    for (const [volume, place] of places.entries()) {
      if (nowMs - place.movedAtMs < cooldownOf(setting.cooldownMs, place.regretsInRow)) continue;
      const score = setting.scoreAt(volume, step);
      if (score.kind !== 'value' || score.coverage < setting.minCoverage) continue;
      free.push({ volume, place, score, heard: setting.hotShare === undefined ? score : scoreForPlaces(score) });
    }
    const watermarks = watermarksOf(setting, free, tally.hot, names.length);
    const candidates: Candidate[] = [];
    for (const { volume, place, score, heard } of free) {
      const wanted = wantedOf(bandOf(heard, watermarks));
      if (wanted === undefined || wanted.tier === place.tier) continue;
      const rank = rankOf({ spec: watermarks, score, reason: wanted.reason, from: place.tier, copiedGib: 0 });
      candidates.push({ place, to: wanted.tier, rank, volume });
    }
    gate.begin(nowMs);
    for (const { place, to } of candidates.sort(byRank)) if (gate.admits(to, tally.hot)) move(place, to, nowMs);
    for (const [volume, place] of places.entries()) {
      if (place.tier === 'hot') tally.hit += history.requests(volume, step, step + 1);
    }
    tally.hotSteps += tally.hot;
    byHour.add(step, tally.hot);
  }
  const total = totalRequests(history);
  return {
    hit: total === 0 ? 0 : tally.hit / total,
    occupancy: tally.hotSteps / (names.length * steps),
    moves: tally.moves,
    regrets: tally.regrets,
    occupancyByHour: byHour.means(),
  };
}

function wantedOf(band: Band): { readonly tier: Tier; readonly reason: MoveReason } | undefined {
  switch (band) {
    case 'hot':
      return { tier: 'hot', reason: 'AboveHighWatermark' };
    case 'warm':
      return { tier: 'warm', reason: 'AboveWarmWatermark' };
    case 'cold':
      return { tier: 'cold', reason: 'BelowLowWatermark' };
    case 'betweenLowAndHigh':
    case 'betweenLowAndWarm':
      return undefined;
  }
}

/** Those that cannot move keep their places on the hot tier. */
function watermarksOf(
  { watermarks, hotShare }: Setting,
  free: readonly Free[],
  hot: number,
  volumes: number,
): Watermarks {
  if (hotShare === undefined) return watermarks;
  const standings = free.map(({ place, heard: { iops, demoteIops = iops } }) => ({
    onHot: place.tier === 'hot',
    iops,
    demoteIops,
  }));
  const staying = hot - standings.filter(({ onHot }) => onHot).length;
  const places = placesOf(hotShare, volumes) - staying;
  return watermarksByRank({ standings, places, floorIops: watermarks.lowWatermarkIops });
}

const placesOf = (hotShare: number, volumes: number): number => Math.floor(hotShare * volumes + 1e-9);

/** Volumes count as equally large, since a history does not say how large they are. What leaves the hot tier goes first. */
function byRank(a: Candidate, b: Candidate): number {
  return Number(b.place.tier === 'hot') - Number(a.place.tier === 'hot') || b.rank - a.rank || a.volume - b.volume;
}

interface Gate {
  begin(nowMs: number): void;
  admits(to: Tier, hot: number): boolean;
}

function createGate({ maxMovesPerHour = Infinity, hotShare }: Setting, { names, stepMs }: History): Gate {
  const hotMax = hotShare === undefined ? Infinity : placesOf(hotShare, names.length);
  const starts: number[] = [];
  // A step longer than an hour stands for all of its hours.
  const movesMax = maxMovesPerHour * Math.max(1, stepMs / HOUR_MS);
  let now = 0;
  return {
    begin: (nowMs) => {
      now = nowMs;
      while (starts[0] !== undefined && starts[0] <= nowMs - Math.max(HOUR_MS, stepMs)) starts.shift();
    },
    admits: (to, hot) => {
      if (starts.length >= movesMax || (to === 'hot' && hot >= hotMax)) return false;
      if (movesMax < Infinity) starts.push(now);
      return true;
    },
  };
}

function createHours({ names, stepMs, steps }: History): { add(step: number, hot: number): void; means(): number[] } {
  const stepsPerHour = Math.max(1, Math.round(HOUR_MS / stepMs));
  const sums = new Float64Array(Math.ceil(steps / stepsPerHour));
  return {
    add: (step, hot) => {
      const hour = Math.floor(step / stepsPerHour);
      sums[hour] = (sums[hour] ?? 0) + hot;
    },
    means: () =>
      [...sums].map((sum, hour) => sum / (names.length * Math.min(stepsPerHour, steps - hour * stepsPerHour))),
  };
}
