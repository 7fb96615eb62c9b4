import {
  awaitedScores,
  createCronerCalendar,
  createRefusalRecord,
  createWorldBuilder,
  decide,
  decisionIdentity,
  evaluationIdentity,
  jumpedScores,
  outdatedScores,
  readIntent,
  toDecisionMade,
  toMigrationRequested,
  toPolicyEvaluated,
  unknownScores,
  type IntentState,
  type MoveStart,
  type ObservedWorld,
  type ScoreTable,
} from '@couchestor/scorer/core-parts';
import { BusUnavailableError } from '@couchestor/shared/bus';
import { RedisUnavailableError } from '@couchestor/shared/leases';
import { subjectToken, type StateName } from '@couchestor/shared/messages';
import type { PolicySpec } from '@couchestor/shared/policy';
import { HOUR_MS, parseTimestampMs } from '@couchestor/shared/units';
import type { Service } from '../services/surroundings.ts';
import { SIZE_BYTES } from '../world/profile.ts';
import { createHeldFacts, createHeardFacts, TOMBSTONE } from './facts.ts';
import { createRedis } from './leases.ts';
import { begin, sleep, type Task } from './task.ts';

const LEADER_TTL_MS = 10_000;
const TRY_MS = 2_000;
const STARTUP_GRACE_MS = 10_000;
const LOOK_MS = 1_500;
const PUBLISH_TIMEOUT_MS = 5_000;
const REQUEST_LIFE_CYCLES = 2;
const REQUEST_AGAIN_MS = 5_000;
const CLOCK_SKEW_MAX_MS = 30_000;
const names: readonly StateName[] = [
  'policy.observed',
  'volume.observed',
  'pool.observed',
  'node.observed',
  'cluster.observed',
  'mover.observed',
];
const written: readonly StateName[] = ['decision.made', 'policy.evaluated'];
const calendar = createCronerCalendar();

/** The scorer's core, with as little around it as lets it do what it does in the service. */
export const runCoreScorer: Service = async (process, surroundings, signal) => {
  const { profile, bus: server, leaseServer, prometheus, core } = surroundings;
  const { clock, name: instance } = process;
  const { direct } = server;
  const ways = core.waysOf(process);
  const redis = createRedis(ways, leaseServer);
  const facts = createHeardFacts(ways, direct, names);
  const builder = createWorldBuilder(calendar);
  const refusals = createRefusalRecord();
  const intents = new Map<string, IntentState>();
  const starts = new Map<string, MoveStart>();
  const outstanding = new Map<
    string,
    { readonly migrationId: string; readonly policyId: string; readonly sentAtMs: number; readonly notAfterMs: number }
  >();
  const sent = new Map<string, { readonly migrationId: string; readonly atMs: number }>();
  const startedAtMs = clock.nowMs();
  let completeSinceMs = startedAtMs;
  let leadingSinceMs = startedAtMs;
  let lease: { readonly token: number; readonly untilMs: number } | undefined;
  let published: ReturnType<typeof createHeldFacts> | undefined;
  let intentsTo: number | undefined;
  let eventsTo = server.events.length;
  let isChanged = true;
  let measured:
    | { readonly atMs: number; readonly aheadMs: number; readonly isSkewed: boolean; readonly table: ScoreTable }
    | undefined;

  const isLeader = (): boolean => lease !== undefined && clock.monotonicMs() < lease.untilMs;
  const aheadMs = (): number => clock.nowMs() - clock.monotonicMs();

  const takeIntent = (volumeId: string, stored: (typeof direct.intentLog)[number]['record']): void => {
    isChanged = true;
    if (stored === undefined) return void intents.delete(volumeId);
    const before = intents.get(volumeId);
    const intent = readIntent(stored.intent);
    if (intent.state === 'active') refusals.moved(volumeId);
    intents.set(volumeId, intent);
    starts.set(intent.migrationId, intent);
    // They are the same in each record of a move.
    if (before?.migrationId === intent.migrationId) return;
    for (const { migrationId, startedAt } of stored.intent.startsBefore ?? [])
      starts.set(migrationId, { migrationId, policyId: intent.policyId, startedAtMs: parseTimestampMs(startedAt) });
  };
  const hear = (): void => {
    const wasSynced = facts.isSynced();
    if (facts.hear()) isChanged = true;
    if (!wasSynced && facts.isSynced()) completeSinceMs = clock.nowMs();
    if (intentsTo !== direct.intentLog.length && ways.hears('intents')) {
      if (intentsTo === undefined) for (const [volumeId, record] of direct.intents) takeIntent(volumeId, record);
      else for (const { volumeId, record } of direct.intentLog.slice(intentsTo)) takeIntent(volumeId, record);
      intentsTo = direct.intentLog.length;
    }
    if (eventsTo === server.events.length || !ways.hears('events')) return;
    for (; eventsTo < server.events.length; eventsTo += 1) {
      const event = server.events[eventsTo];
      if (event?.name !== 'migration.refused') continue;
      refusals.refused(event.data, clock.nowMs());
      isChanged = true;
    }
  };
  const observed = (): ObservedWorld | undefined => {
    if (!facts.isSynced() || intentsTo === undefined) return undefined;
    const all = <N extends StateName>(name: N) => [...facts.of(name).values()].map(({ data }) => data);
    const sinceMs = clock.nowMs() - HOUR_MS;
    for (const [id, { startedAtMs: atMs }] of starts) if (atMs <= sinceMs) starts.delete(id);
    return {
      completeSinceMs,
      policies: all('policy.observed'),
      volumes: facts.of('volume.observed'),
      pools: all('pool.observed'),
      nodes: all('node.observed'),
      cluster: all('cluster.observed')[0],
      movers: all('mover.observed'),
      intents,
      recentStarts: [...starts.values()],
      refusals: refusals.read(clock.nowMs()),
    };
  };

  function* campaign(): Task {
    while (!signal.aborted) {
      const sentMs = clock.monotonicMs();
      const head = { kind: 'leader' as const, name: 'scorer', holder: instance };
      try {
        if (lease !== undefined) {
          const renewed = yield* redis.ask('renewLease', { ...head, token: lease.token, ttlMs: LEADER_TTL_MS });
          lease = renewed ? { token: lease.token, untilMs: sentMs + LEADER_TTL_MS } : undefined;
        }
        if (lease === undefined) {
          const answer = yield* redis.ask('acquireLease', { ...head, ttlMs: LEADER_TTL_MS, lifeMs: LEADER_TTL_MS });
          if (answer.kind === 'granted') {
            lease = { token: answer.token, untilMs: sentMs + LEADER_TTL_MS };
            leadingSinceMs = clock.nowMs();
            published = createHeldFacts(direct, written);
            measured = undefined;
          }
        }
      } catch (error) {
        if (!(error instanceof RedisUnavailableError)) throw error;
      }
      yield* sleep(process, TRY_MS);
    }
    if (lease === undefined) return;
    const { token } = lease;
    lease = undefined;
    try {
      yield* redis.ask('releaseLease', { kind: 'leader', name: 'scorer', holder: instance, token });
    } catch (error) {
      // It lapses.
      if (!(error instanceof RedisUnavailableError)) throw error;
    }
  }

  /** Each of the answers may be missing, or leave volumes out. */
  function* measure(): Task {
    const beganMs = clock.monotonicMs();
    const beganAheadMs = aheadMs();
    const told = yield* prometheus.tell(ways);
    const skewMs = Math.abs(clock.nowMs() - surroundings.clock.nowMs());
    const table: ScoreTable =
      told === undefined
        ? unknownScores('PrometheusUnavailable', {
            available: false,
            reason: 'PrometheusUnavailable',
            message: 'Prometheus did not answer.',
          })
        : {
            metrics:
              skewMs > CLOCK_SKEW_MAX_MS
                ? { available: true, reason: 'ClockSkew', message: 'The clocks differ.', source: 'MayastorCounters' }
                : { available: true, reason: 'MetricsAvailable', message: 'There are.', source: 'MayastorCounters' },
            scores: told,
            absent: 'NoSeries',
          };
    measured = { atMs: beganMs, aheadMs: beganAheadMs, isSkewed: skewMs > CLOCK_SKEW_MAX_MS, table };
    isChanged = true;
  }
  const tableOf = (_spec: PolicySpec): ScoreTable => {
    if (measured === undefined) return awaitedScores();
    if (Math.abs(aheadMs() - measured.aheadMs) > CLOCK_SKEW_MAX_MS) return jumpedScores();
    return clock.monotonicMs() - measured.atMs <= REQUEST_LIFE_CYCLES * profile.cycleMs
      ? measured.table
      : outdatedScores();
  };

  function* publish(name: 'decision.made' | 'policy.evaluated', id: string, identity: string, data: unknown): Task {
    if (published === undefined || published.holds(name, id, identity)) return;
    const token = subjectToken(id);
    yield* ways.ask(
      `publish ${name}`,
      PUBLISH_TIMEOUT_MS,
      () => direct.setFact(name, token, data as never, identity, process, undefined),
      () => new BusUnavailableError(name),
    );
  }
  function* decideOnce(): Task {
    const seen = observed();
    if (seen === undefined || measured === undefined || !isLeader() || published === undefined) return;
    const nowMs = clock.nowMs();
    for (const [volumeId, { notAfterMs }] of outstanding) if (notAfterMs < nowMs) outstanding.delete(volumeId);
    for (const volumeId of sent.keys()) if (!outstanding.has(volumeId)) sent.delete(volumeId);
    const requestLifeMs = REQUEST_LIFE_CYCLES * profile.cycleMs;
    const building = builder.building({
      observed: seen,
      tableOf,
      outstanding,
      graceUntilMs: Math.max(
        startedAtMs + STARTUP_GRACE_MS,
        completeSinceMs + STARTUP_GRACE_MS,
        leadingSinceMs + requestLifeMs,
      ),
      requestLifeMs,
      rebuildBytesPerSecond: Math.ceil(SIZE_BYTES / (profile.rebuildMs / 1_000)),
      nowMs,
    });
    let built = building.next();
    while (built.done !== true) built = building.next();
    const { decisions, evaluations, requests } = decide(built.value, nowMs);
    published.follow(() => undefined);
    for (const decision of decisions)
      yield* publish('decision.made', decision.volumeId, decisionIdentity(decision), toDecisionMade(decision));
    for (const evaluation of evaluations)
      yield* publish(
        'policy.evaluated',
        evaluation.policyId,
        evaluationIdentity(toPolicyEvaluated(evaluation)),
        toPolicyEvaluated(evaluation),
      );
    const present = new Set([
      ...decisions.map(({ volumeId }) => volumeId),
      ...evaluations.map(({ policyId }) => policyId),
    ]);
    for (const name of written)
      for (const id of published?.ids(name) ?? [])
        if (!present.has(id)) yield* publish(name as 'decision.made', id, TOMBSTONE, undefined);
    for (const request of requests) {
      if (!isLeader()) return;
      const { volumeId, migrationId, policyId, notAfterMs } = request;
      const before = sent.get(volumeId);
      const atMs = clock.monotonicMs();
      if (before?.migrationId === migrationId && atMs - before.atMs < Math.min(profile.cycleMs, REQUEST_AGAIN_MS))
        continue;
      // Counted before it is sent: an answer may be lost, a request that counts for nothing may not be.
      outstanding.set(volumeId, { migrationId, policyId, sentAtMs: clock.nowMs(), notAfterMs });
      sent.set(volumeId, { migrationId, atMs });
      yield* ways.ask(
        'publish request',
        PUBLISH_TIMEOUT_MS,
        () => direct.tell('migration.requested', migrationId, toMigrationRequested(request), process, undefined),
        () => new BusUnavailableError('migration.requested'),
      );
    }
  }
  function* lookAround(): Task {
    let measuredAtMs = Number.NEGATIVE_INFINITY;
    let decidedAtMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      hear();
      try {
        if (isLeader() && (measured === undefined || clock.monotonicMs() - measuredAtMs >= profile.cycleMs)) {
          measuredAtMs = clock.monotonicMs();
          yield* measure();
        }
        const sinceMs = clock.monotonicMs() - decidedAtMs;
        if ((isChanged && sinceMs >= profile.debounceMs) || sinceMs >= profile.cycleMs) {
          decidedAtMs = clock.monotonicMs();
          isChanged = false;
          yield* decideOnce();
        }
      } catch (error) {
        if (!(error instanceof BusUnavailableError)) throw error;
        isChanged = true;
      }
      yield* sleep(process, LOOK_MS);
    }
  }
  await new Promise<void>((resolve, reject) => {
    let running = 2;
    const ended = function* (task: Task): Task {
      yield* task;
      running -= 1;
      if (running === 0) resolve();
    };
    begin(ended(campaign()), reject);
    begin(ended(lookAround()), reject);
  });
};
