import { pause, type Breathe, type Clock } from '@couchestor/shared/clock';
import {
  childSpan,
  formatTraceparent,
  parseTraceparent,
  startTrace,
  type RandomHex,
  type Trace,
} from '@couchestor/shared/messages';
import type { PolicySpec } from '@couchestor/shared/policy';
import { messageOf, type Logger } from '@couchestor/shared/service';
import { awaitedScores, createWorldBuilder, jumpedScores, outdatedScores } from './build-world.ts';
import { deciding, type Outcome } from './core/decide.ts';
import type { MoveRequest } from './core/decision.ts';
import type { OutstandingRequest } from './core/world.ts';
import { inSteps } from './in-steps.ts';
import { CLOCK_SKEW_MAX_MS, measureScores, type Measurement } from './measure-scores.ts';
import type { Announcements, Leadership, MetricsServer, ObservedWorld, Observations, WindowCalendar } from './ports.ts';
import { toMigrationRequested, toPolicyEvaluated } from './present-decision.ts';
import type { ScoreLog } from './score-log.ts';
import type { ScorerMetrics } from './scorer-metrics.ts';
import { createSignalFlag } from './signal-flag.ts';
import { namingVolumes } from './volume-names.ts';

interface ScorerSettings {
  readonly cycleMs: number;
  /** Changes come in bursts: what else happens within this time, or that of the last pass, is decided on together. */
  readonly debounceMs: number;
  readonly startupGraceMs: number;
  readonly rebuildBytesPerSecond: number;
}

export interface ScorerParts {
  readonly observations: Observations;
  readonly announcements: Announcements;
  readonly server: MetricsServer;
  readonly calendar: WindowCalendar;
  readonly leadership: Leadership;
  readonly log: ScoreLog;
  readonly metrics: ScorerMetrics;
  readonly clock: Clock;
  readonly breathe: Breathe;
  readonly logger: Logger;
  readonly randomHex: RandomHex;
  readonly settings: ScorerSettings;
}

export interface Scorer {
  /** Resolves when the signal is aborted and what was being sent is sent or given up. */
  run(signal: AbortSignal): Promise<void>;
  /** The last pass; undefined before the first, and while another scorer leads. */
  latest(): LatestPass | undefined;
  /** Why there are no scores; undefined while there are. */
  metricsProblem(): string | undefined;
}

export interface LatestPass {
  readonly outcome: Outcome;
  readonly decidedAtMs: number;
}

const PASS_REST_MAX_MS = 2_000;
/** A policy that asks for something new waits so long for its scores before it is shown without. */
const NEW_SCORES_WAIT_MS = 2_000;
/** The same request is not repeated sooner, whatever changes meanwhile. */
const REQUEST_AGAIN_MS = 5_000;
const AFTER_ERROR_MS = 1_000;
/** Requests of a scorer that ended, or leads no more, may be taken up for so many cycles. */
const REQUEST_LIFE_CYCLES = 2;
/** Of a cycle, as much may be spent on asking; what costs more makes the cycle longer. */
const COST_SHARE = 0.5;

/**
 * Two loops. One asks Prometheus each cycle, however long that takes. The other decides after each answer, and at once
 * when a fact changes, by the scores that it has while these are fresh: so an edited policy is in force without a wait
 * for Prometheus.
 */
export function createScorer(parts: ScorerParts): Scorer {
  const { observations, leadership, clock, breathe, logger, settings } = parts;
  const builder = createWorldBuilder(parts.calendar);
  const changed = createSignalFlag(clock);
  const measureNow = createSignalFlag(clock);
  const measured = createSignalFlag(clock);
  const outstanding = new Map<string, OutstandingRequest>();
  const sent = new Map<string, { readonly migrationId: string; readonly atMs: number }>();
  const partings = new Map<string, number>();
  const startedAtMs = clock.nowMs();
  let leadingSinceMs = startedAtMs;
  let periodMs = settings.cycleMs;
  /** For how long an earlier leader's requests may be taken up: its cycles cost what the first one here does. */
  let leadGraceMs: number | undefined;
  let measurement: (Measurement & { readonly atMs: number; readonly wallAheadMs: number }) | undefined;
  let latest: LatestPass | undefined;
  let tookOver = false;

  observations.onChange(() => changed.raise());
  leadership.onChange((leading) => {
    if (leading) leadingSinceMs = clock.nowMs();
    else latest = undefined;
    tookOver ||= leading;
    leadGraceMs = undefined;
    measurement = undefined;
    measureNow.raise();
  });

  const specsOf = (observed: ObservedWorld): PolicySpec[] =>
    builder.policies(observed).flatMap((policy) => (policy.kind === 'valid' ? [policy.spec] : []));

  const measureOnce = async (observed: ObservedWorld, signal: AbortSignal): Promise<void> => {
    const beganMs = clock.monotonicMs();
    const beganAheadMs = wallAheadMs();
    const volumeIdOf = await inSteps(namingVolumes(observed.volumes), breathe);
    const found = await measureScores({
      server: parts.server,
      specs: specsOf(observed),
      volumeIdOf,
      partings,
      breathe,
      nowMs: () => clock.nowMs(),
      signal,
    });
    const tookMs = clock.monotonicMs() - beganMs;
    periodMs = Math.max(settings.cycleMs, Math.ceil(tookMs / COST_SHARE));
    leadGraceMs ??= REQUEST_LIFE_CYCLES * periodMs;
    // As old as its question: an answer may have taken minutes.
    measurement = { ...found, atMs: beganMs, wallAheadMs: beganAheadMs };
    parts.metrics.measured(tookMs / 1_000, periodMs);
    measured.raise();
    changed.raise();
  };

  const keepMeasuring = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const beganMs = clock.monotonicMs();
      measureNow.take();
      const observed = leadership.isLeader() ? observations.read() : undefined;
      if (observed === undefined) {
        await measureNow.raisedOrAfter(Math.min(settings.cycleMs, AFTER_ERROR_MS), signal);
        continue;
      }
      await guarded('scores could not be taken', signal, () => measureOnce(observed, signal));
      // What it asked for in an earlier cycle is over.
      const restMs = measurement !== undefined && measurement.atMs >= beganMs ? measurement.restMs : 0;
      if (!(await pause(clock, restMs, signal))) return;
      await measureNow.raisedOrAfter(Math.max(0, beganMs + periodMs - clock.monotonicMs()), signal);
    }
  };

  const keepDeciding = async (signal: AbortSignal): Promise<void> => {
    let passMs = 0;
    while (!signal.aborted) {
      await changed.raisedOrAfter(periodMs, signal);
      if (!(await pause(clock, Math.max(settings.debounceMs, passMs), signal))) return;
      changed.take();
      const beganMs = clock.monotonicMs();
      await guarded('a pass of decisions failed', signal, () => decideOnce(signal));
      passMs = Math.min(clock.monotonicMs() - beganMs, PASS_REST_MAX_MS);
    }
  };

  /** What is decided by is read after the wait, for in the meantime a policy may have been disabled, or the lead lost. */
  const newScores = async (signal: AbortSignal): Promise<void> => {
    const observed = observations.read();
    if (observed === undefined || measurement === undefined || !leadership.isLeader()) return;
    if (specsOf(observed).every((spec) => measurement?.tableOf(spec) !== undefined)) return;
    measured.take();
    measureNow.raise();
    await measured.raisedOrAfter(NEW_SCORES_WAIT_MS, signal);
  };

  const decideOnce = async (signal: AbortSignal): Promise<void> => {
    await newScores(signal);
    const observed = observations.read();
    if (observed === undefined || measurement === undefined || !leadership.isLeader()) return;
    const { problem } = measurement;
    const beganMs = clock.monotonicMs();
    const nowMs = clock.nowMs();
    forgetExpired(outstanding, nowMs);
    for (const volumeId of sent.keys()) if (!outstanding.has(volumeId)) sent.delete(volumeId);
    const requestLifeMs = REQUEST_LIFE_CYCLES * periodMs;
    const world = await inSteps(
      builder.building({
        observed,
        tableOf,
        outstanding,
        // What an earlier leader asked for is not known here, and has run out by the end of the grace.
        graceUntilMs: Math.max(
          startedAtMs + settings.startupGraceMs,
          observed.completeSinceMs + settings.startupGraceMs,
          leadingSinceMs + (leadGraceMs ?? requestLifeMs),
        ),
        requestLifeMs,
        rebuildBytesPerSecond: settings.rebuildBytesPerSecond,
        nowMs,
      }),
      breathe,
    );
    const outcome = await inSteps(deciding(world, nowMs), breathe);
    // It may have ended meanwhile, and then the pass is nobody's.
    if (!leadership.isLeader()) return;
    latest = { outcome, decidedAtMs: nowMs };
    await inSteps(parts.metrics.counting(outcome.decisions), breathe);
    parts.metrics.decided((clock.monotonicMs() - beganMs) / 1_000);
    await inSteps(parts.log.writing(outcome.decisions), breathe);
    // After the lines of many volumes, so that it is among the newest few.
    parts.log.connection(problem);
    await announce(outcome, observed, signal);
    parts.metrics.passed((clock.monotonicMs() - beganMs) / 1_000);
  };

  /** By how much the wall clock is ahead of the monotonic one: what was found of it holds until that changes. */
  const wallAheadMs = (): number => clock.nowMs() - clock.monotonicMs();

  const tableOf = (spec: PolicySpec) => {
    if (measurement !== undefined && Math.abs(wallAheadMs() - measurement.wallAheadMs) > CLOCK_SKEW_MAX_MS) {
      measureNow.raise();
      return jumpedScores();
    }
    const fresh = measurement !== undefined && clock.monotonicMs() - measurement.atMs <= REQUEST_LIFE_CYCLES * periodMs;
    return fresh ? (measurement?.tableOf(spec) ?? awaitedScores()) : outdatedScores();
  };

  const announce = async (outcome: Outcome, observed: ObservedWorld, signal: AbortSignal): Promise<void> => {
    const traces = new Map<string, Trace>();
    const traceOf = (volumeId: string): Trace => {
      const parent = parseTraceparent(observed.volumes.get(volumeId)?.traceparent);
      const known = traces.get(volumeId);
      const trace = known ?? (parent === undefined ? startTrace(parts.randomHex) : childSpan(parent, parts.randomHex));
      traces.set(volumeId, trace);
      return trace;
    };
    const traceparentOf = (volumeId: string): string => formatTraceparent(traceOf(volumeId));
    if (tookOver) {
      await parts.announcements.forget();
      tookOver = false;
    }
    await parts.announcements.decisions(outcome.decisions, traceparentOf, signal);
    await parts.announcements.evaluations(outcome.evaluations.map(toPolicyEvaluated), signal);
    for (const request of outcome.requests) {
      // Leading may have ended while decisions were sent.
      if (!leadership.isLeader()) return;
      await send(request, formatTraceparent(childSpan(traceOf(request.volumeId), parts.randomHex)), signal);
    }
  };

  const send = async (request: MoveRequest, traceparent: string, signal: AbortSignal): Promise<void> => {
    const { volumeId, migrationId, policyId, notAfterMs } = request;
    const atMs = clock.monotonicMs();
    const before = sent.get(volumeId);
    if (before?.migrationId === migrationId && atMs - before.atMs < Math.min(periodMs, REQUEST_AGAIN_MS)) return;
    // Counted before it is sent: an answer may be lost, a request that counts for nothing may not be.
    outstanding.set(volumeId, { migrationId, policyId, sentAtMs: clock.nowMs(), notAfterMs });
    sent.set(volumeId, { migrationId, atMs });
    await parts.announcements.request(toMigrationRequested(request), traceparent, signal);
    const repeated = before?.migrationId === migrationId;
    parts.metrics.requested({ repeated, regretsInRow: request.regretsInRow });
    if (repeated) return;
    const { volumeName: volume, policyName: policy, fromTier: from, toTier: to, reason } = request;
    logger.info({ volume, volumeId, policy, from, to, reason, migrationId }, 'move requested');
  };

  /** What fails in one round is tried again in the next; the process ends only for what nobody foresaw. */
  const guarded = async (message: string, signal: AbortSignal, run: () => Promise<void>): Promise<void> => {
    try {
      await run();
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Error && error.name === 'AssertionError') throw error;
      logger.error({ err: error, problem: messageOf(error) }, message);
      await pause(clock, AFTER_ERROR_MS, signal);
    }
  };

  return {
    run: async (signal) => {
      await Promise.all([keepMeasuring(signal), keepDeciding(signal)]);
    },
    latest: () => latest,
    metricsProblem: () => {
      if (!leadership.isLeader()) return undefined;
      return measurement === undefined ? 'Prometheus was not asked yet' : measurement.problem;
    },
  };
}

function forgetExpired(outstanding: Map<string, OutstandingRequest>, nowMs: number): void {
  for (const [volumeId, { notAfterMs }] of outstanding) if (notAfterMs < nowMs) outstanding.delete(volumeId);
}
