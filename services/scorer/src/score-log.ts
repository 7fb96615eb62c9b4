import type { Clock } from '@couchestor/shared/clock';
import { createStandingLines, type Logger } from '@couchestor/shared/service';
import type { Decision } from './core/decision.ts';
import type { Steps } from './core/steps.ts';

/** As many volumes as are looked at in one step. */
const STEP = 500;
/** Up to so many volumes each has its line every few minutes; beyond that only changes are written. */
const VOLUMES_WITH_STANDING_LINES = 500;
const REPEAT_MS = 300_000;
/** A score that wanders is written again at most this often. */
const WANDER_MS = 10_000;
/** Less than this of itself, and of the high watermark, is noise. */
const NOISE_OF_SCORE = 0.2;
const NOISE_OF_WATERMARK = 0.05;

export interface ScoreLog {
  /** Told all decisions of a pass; writes what an operator greps for. */
  writing(decisions: readonly Decision[]): Steps<void>;
  /** Told after each measurement whether Prometheus answered. */
  connection(problem: string | undefined): void;
}

interface Written {
  readonly band: string;
  readonly iops: number;
  readonly atMs: number;
}

/** The lines `heat score`, `DRY-RUN` and `Prometheus connection`. */
export function createScoreLog(logger: Logger, clock: Clock): ScoreLog {
  const standing = createStandingLines(clock, REPEAT_MS);
  const heat = new Map<string, Written>();
  /** Of many volumes only the band counts, so those of one band share what is known of them. */
  const bands = new Map<string, Written>();
  const dryRuns = new Set<string>();

  const sharedBy = (band: string): Written => {
    const known = bands.get(band) ?? { band, iops: Number.NaN, atMs: -Infinity };
    bands.set(band, known);
    return known;
  };
  const writeHeat = (decision: Decision, all: boolean): void => {
    const { volumeId, volumeName: volume, policy, score, tierNow: tier } = decision;
    const atMs = clock.monotonicMs();
    const iops = score.kind === 'value' ? score.iops : -1;
    const band = bandOf(decision);
    const last = heat.get(volumeId);
    const sinceMs = last === undefined ? Infinity : atMs - last.atMs;
    const moved = last !== undefined && isMoreThanNoise(last.iops, iops, decision.comparedWith?.highIops ?? 0);
    const due = last?.band !== band || (all && ((moved && sinceMs >= WANDER_MS) || sinceMs >= REPEAT_MS));
    if (!due) return;
    heat.set(volumeId, all ? { band, iops, atMs } : sharedBy(band));
    // The first sight of a large fleet is no change of any of its volumes.
    if (last === undefined && !all) return;
    const value =
      score.kind === 'value'
        ? { iops: Math.round(score.iops * 10) / 10, coverage: Math.round(score.coverage * 100) / 100 }
        : { unknown: score.reason };
    logger.info({ volume, volumeId, policy: policy?.name, ...value, tier }, 'heat score');
  };
  const writeDryRun = ({ volumeId, volumeName: volume, policy, score, ...decision }: Decision): void => {
    const { tierNow: from, tierWanted: to, message: reason } = decision;
    dryRuns.add(volumeId);
    standing.say(volumeId, `${from} ${to} ${policy?.policyId}`, () => {
      const iops = score.kind === 'value' ? Math.round(score.iops * 10) / 10 : undefined;
      logger.info({ volume, volumeId, policy: policy?.name, from, to, score: iops, reason }, 'DRY-RUN: would move');
    });
  };

  return {
    writing: function* (decisions) {
      const all = decisions.length <= VOLUMES_WITH_STANDING_LINES;
      let looked = 0;
      let governed = 0;
      for (const decision of decisions) {
        if (looked++ % STEP === 0) yield;
        if (decision.policy === undefined) continue;
        governed += 1;
        writeHeat(decision, all);
        if (decision.reason === 'DryRun') writeDryRun(decision);
        else if (dryRuns.delete(decision.volumeId)) standing.forget(decision.volumeId);
      }
      // Each of these has been written of. Where no other was, there is nothing to forget.
      if (heat.size === governed) return;
      const present = new Set<string>();
      for (const { volumeId, policy } of decisions) {
        if (looked++ % STEP === 0) yield;
        if (policy !== undefined) present.add(volumeId);
      }
      for (const volumeId of heat.keys()) {
        if (looked++ % STEP === 0) yield;
        if (present.has(volumeId)) continue;
        heat.delete(volumeId);
        dryRuns.delete(volumeId);
        standing.forget(volumeId);
      }
    },
    connection: (problem) => {
      // The problem itself varies too much to be the state.
      standing.say('connection', problem === undefined ? 'healthy' : 'lost', () => {
        if (problem === undefined) logger.info('Prometheus connection healthy');
        else logger.warn({ problem }, 'Prometheus connection lost');
      });
    },
  };
}

function bandOf({ score, comparedWith }: Decision): string {
  if (score.kind === 'unknown') return score.reason;
  if (comparedWith === undefined) return 'unclaimed';
  const { highIops, lowIops, warmIops = highIops } = comparedWith;
  if (score.iops >= highIops) return 'hot';
  if (score.iops <= lowIops) return 'cold';
  return score.iops >= warmIops ? 'warm' : 'between';
}

function isMoreThanNoise(before: number, now: number, highIops: number): boolean {
  return Math.abs(now - before) > Math.max(NOISE_OF_SCORE * before, NOISE_OF_WATERMARK * highIops);
}
