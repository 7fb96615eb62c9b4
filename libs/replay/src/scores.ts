import type { Score } from '@couchestor/shared/messages';
import { memoriesOf, twoSpeedParts, twoSpeedScore, type Memories } from '@couchestor/shared/scoring';
import type { PolicySpec } from '@couchestor/shared/policy';
import type { History } from './history.ts';

/** The score of a volume as it was known at the beginning of a step, from the steps before it alone. */
export type ScoreAt = (volume: number, step: number) => Score;

/** Parts of the window that P95 ranks. */
const SUB_WINDOWS = 12;
/** A part of which less is known is not known. */
const PART_COVERAGE_MIN = 0.5;

const UNKNOWN: Score = { kind: 'unknown', reason: 'LowCoverage' };

/** What the scorer would have computed from this history. */
export function scoresOf(history: History, spec: Pick<PolicySpec, 'scoring' | 'samplingWindowMs'>): ScoreAt {
  switch (spec.scoring.method) {
    case 'Average':
      return averages(history, spec.samplingWindowMs);
    case 'P95':
      return percentiles(history, spec.samplingWindowMs);
    case 'TwoSpeed':
      return twoSpeeds(history, memoriesOf(spec));
  }
}

function averages(history: History, windowMs: number): ScoreAt {
  const window = Math.max(1, Math.round(windowMs / history.stepMs));
  return (volume, step) => {
    const from = Math.max(0, step - window);
    const known = history.known(volume, from, step);
    if (known === 0) return UNKNOWN;
    const iops = (history.requests(volume, from, step) / (known * history.stepMs)) * 1_000;
    return { kind: 'value', iops, coverage: known / window };
  };
}

/** Of parts no shorter than the steps of the history. Between two of them as Prometheus does: linearly. */
function percentiles(history: History, windowMs: number): ScoreAt {
  const window = Math.max(1, Math.round(windowMs / history.stepMs));
  const part = Math.max(1, Math.round(window / SUB_WINDOWS));
  return (volume, step) => {
    const iops: number[] = [];
    let known = 0;
    for (let to = step; to > Math.max(0, step - window); to -= part) {
      const from = Math.max(0, to - part);
      const steps = history.known(volume, from, to);
      known += steps;
      if (steps > 0) iops.push((history.requests(volume, from, to) / (steps * history.stepMs)) * 1_000);
    }
    if (iops.length === 0) return UNKNOWN;
    return { kind: 'value', iops: percentile95(iops), coverage: Math.min(1, known / window) };
  };
}

function percentile95(values: readonly number[]): number {
  const ascending = [...values].sort((a, b) => a - b);
  const rank = 0.95 * (ascending.length - 1);
  const [below = 0, above = below] = [ascending[Math.floor(rank)], ascending[Math.ceil(rank)]];
  return below + (above - below) * (rank - Math.floor(rank));
}

function twoSpeeds(history: History, memories: Memories): ScoreAt {
  const parts = twoSpeedParts(memories);
  return (volume, step) =>
    twoSpeedScore(
      parts,
      parts.map(({ fromMs, toMs }) =>
        iopsBetween(history, volume, step - fromMs / history.stepMs, step - toMs / history.stepMs),
      ),
      memories,
    );
}

/** The mean between two moments that may lie within steps, which are taken as even. */
function iopsBetween(history: History, volume: number, from: number, to: number): number | undefined {
  const begin = Math.max(0, from);
  if (to <= begin) return undefined;
  const upTo = (read: History['known'], moment: number): number => {
    const step = Math.floor(moment);
    const rest = moment - step;
    return read(volume, 0, step) + (rest === 0 ? 0 : rest * read(volume, step, step + 1));
  };
  const known = upTo(history.known, to) - upTo(history.known, begin);
  if (known < PART_COVERAGE_MIN * (to - from)) return undefined;
  return ((upTo(history.requests, to) - upTo(history.requests, begin)) / (known * history.stepMs)) * 1_000;
}

/**
 * Two exponential averages that begin at zero, as if nothing had been before the history: each step takes the share
 * step ÷ memory of the way to what it saw. For comparison; the scorer takes no missing past for zero.
 */
export function averagesFromZero(history: History, { promoteMs, demoteMs }: Memories): ScoreAt {
  const [promoteShare, demoteShare] = [promoteMs, demoteMs].map((memoryMs) => Math.min(1, history.stepMs / memoryMs));
  const states = history.names.map(() => ({ steps: 0, promote: 0, demote: 0 }));
  return (volume, step) => {
    const state = states[volume];
    if (state === undefined) return UNKNOWN;
    for (; state.steps < step; state.steps += 1) {
      const iops = (history.requests(volume, state.steps, state.steps + 1) / history.stepMs) * 1_000;
      state.promote += (iops - state.promote) * (promoteShare ?? 1);
      state.demote += (iops - state.demote) * (demoteShare ?? 1);
    }
    return { kind: 'value', iops: state.promote, demoteIops: state.demote, coverage: 1 };
  };
}
