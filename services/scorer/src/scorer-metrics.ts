import { decisionReasons, unknownReasons, type DecisionReason, type UnknownReason } from '@couchestor/shared/messages';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Decision } from './core/decision.ts';
import type { Steps } from './core/steps.ts';

export interface ScorerMetrics {
  /** Volumes by the reasons of their decisions. */
  counting(decisions: readonly Decision[]): Steps<void>;
  decided(seconds: number): void;
  /** Decided, and what changed is published. */
  passed(seconds: number): void;
  measured(seconds: number, periodMs: number): void;
  queried(seconds: number): void;
  requested(request: { readonly repeated: boolean; readonly regretsInRow: number }): void;
}

/** As many decisions as are counted in one step. */
const STEP = 500;

const BUCKETS_SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60];

/** What the scorer counts. Every series is there from the start, at 0. */
export function createScorerMetrics(registry: Registry): ScorerMetrics {
  const registers = [registry];
  const reconciles = new Counter({
    name: 'storage_operator_reconcile_total',
    help: 'Passes in which all volumes were decided on.',
    registers,
  });
  const volumes = new Gauge({
    name: 'couchestor_scorer_volumes',
    help: 'Volumes by the reason of their decision.',
    labelNames: ['reason'],
    registers,
  });
  const unknown = new Gauge({
    name: 'couchestor_scorer_unknown_volumes',
    help: 'Volumes without a score, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const decideSeconds = new Histogram({
    name: 'couchestor_scorer_decide_seconds',
    help: 'Time to decide on all volumes once.',
    buckets: BUCKETS_SECONDS,
    registers,
  });
  const passSeconds = new Histogram({
    name: 'couchestor_scorer_pass_seconds',
    help: 'Time to decide on all volumes once and to publish what changed.',
    buckets: BUCKETS_SECONDS,
    registers,
  });
  const cycleSeconds = new Histogram({
    name: 'couchestor_scorer_cycle_seconds',
    help: 'Time to ask Prometheus for all scores once.',
    buckets: BUCKETS_SECONDS,
    registers,
  });
  const period = new Gauge({
    name: 'couchestor_scorer_cycle_period_seconds',
    help: 'Time from the start of one cycle to the next, as lengthened by what a cycle costs.',
    registers,
  });
  const querySeconds = new Histogram({
    name: 'couchestor_scorer_query_seconds',
    help: 'Time of one query to Prometheus.',
    buckets: BUCKETS_SECONDS,
    registers,
  });
  const requests = new Counter({
    name: 'couchestor_scorer_requests_total',
    help: 'Requests sent to the migrators, repeats included.',
    registers,
  });
  const regrets = new Counter({
    name: 'couchestor_scorer_regrets_total',
    help: 'Moves asked for that undo the one before too soon.',
    registers,
  });
  const setAll = <R extends string>(gauge: Gauge<'reason'>, reasons: readonly R[], counts: ReadonlyMap<R, number>) => {
    for (const reason of reasons) gauge.set({ reason }, counts.get(reason) ?? 0);
  };
  const counting: ScorerMetrics['counting'] = function* (decisions) {
    const byReason = new Map<DecisionReason, number>();
    const byUnknown = new Map<UnknownReason, number>();
    let looked = 0;
    for (const { reason, score } of decisions) {
      if (looked++ % STEP === 0) yield;
      byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
      if (score.kind === 'unknown') byUnknown.set(score.reason, (byUnknown.get(score.reason) ?? 0) + 1);
    }
    setAll(volumes, Object.keys(decisionReasons) as DecisionReason[], byReason);
    setAll(unknown, unknownReasons, byUnknown);
  };
  setAll(volumes, Object.keys(decisionReasons) as DecisionReason[], new Map());
  setAll(unknown, unknownReasons, new Map());
  return {
    counting,
    decided: (seconds) => {
      decideSeconds.observe(seconds);
      reconciles.inc();
    },
    passed: (seconds) => passSeconds.observe(seconds),
    measured: (seconds, periodMs) => {
      cycleSeconds.observe(seconds);
      period.set(periodMs / 1_000);
    },
    queried: (seconds) => querySeconds.observe(seconds),
    requested: ({ repeated, regretsInRow }) => {
      requests.inc();
      if (!repeated && regretsInRow > 0) regrets.inc();
    },
  };
}
