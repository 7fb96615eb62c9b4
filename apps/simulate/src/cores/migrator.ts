import {
  changes,
  createLateCallList,
  createPermission,
  holdsOf,
  isDependencyError,
  isWhole,
  judgeLateCall,
  judgeRequest,
  watchIntents,
  type Capabilities,
} from '@couchestor/migrator/core-parts';
import { BusUnavailableError, ConflictError, type Disposition, type Request } from '@couchestor/shared/bus';
import {
  cordonLabelOf,
  isOurCordonLabel,
  subjectToken,
  type ActiveIntent,
  type Intent,
  type RefusalReason,
} from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import { FAILURE_BACKOFF_MS, FLEET_BYTES } from '../services/migrator.ts';
import { CALL_TIMEOUT_MS, type Service } from '../services/surroundings.ts';
import { LEASE_TTL_MS } from '../world/leases.ts';
import { createHeardFacts, TOMBSTONE } from './facts.ts';
import { createRedis, hold, HOLD_TTL_MS, keepLease, releaseHolds, RENEW_EVERY_MS, type CoreLease } from './leases.ts';
import { createMayastorCalls } from './mayastor-calls.ts';
import { walkMove, type CoreMoveParts } from './move.ts';
import { createStore } from './record.ts';
import { begin, sleep, type Task } from './task.ts';

const LEAD_MS = CALL_TIMEOUT_MS + 2_000;
const HEAR_EVERY_MS = 2_000;
/** A connection that is silent for longer is given up. */
const PERMIT_LATE_MAX_MS = 2_000;
const ADOPT_EVERY_MS = 2_000;
const LATE_CALL_EVERY_MS = 5_000;
const OUTBOX_PATIENCE_MS = 15_000;
const LIMITS_FRESH_MS = 60_000;
const SWEEP_EVERY_MS = 60_000;
const FORGOTTEN_MS = 5 * 60_000;
const ELSEWHERE_TRIES = 5;
const BUS_RETRY_MS = 1_000;

const names = ['policy.observed', 'volume.observed', 'pool.observed', 'cluster.observed'] as const;

/** The migrator's cores, with as little around them as lets them do what they do in the service. */
export const runCoreMigrator: Service = async (process, surroundings, signal) => {
  const { profile, bus: server, leaseServer, onHeard, core } = surroundings;
  const { clock, name: instance } = process;
  const bus = server.connect(process);
  const ways = core.waysOf(process);
  const calls = createMayastorCalls({
    ...core,
    ways,
    standstillShare: profile.standstillShare,
    standstillMaxMs: profile.standstillMaxMs,
  });
  const redis = createRedis(ways, leaseServer, () => {
    for (const wake of Array.from(core.fenceWaiters)) wake();
  });
  const store = createStore(ways, server.direct);
  const permission = createPermission(clock);
  const ending = new AbortController();
  const defect = Promise.withResolvers<never>();
  defect.promise.catch(() => undefined);
  const onDefect = (error: unknown): void => defect.reject(error);
  const wakers = new Set<() => void>();
  const wakeAll = (): void => {
    for (const wake of Array.from(wakers)) wake();
  };
  const isStopping = (): boolean => signal.aborted;
  signal.addEventListener('abort', wakeAll, { once: true });

  const facts = createHeardFacts(ways, server.direct, names);
  const world = {
    policy: (policyId: string) => facts.of('policy.observed').get(policyId)?.data,
    volume: (volumeId: string) => facts.of('volume.observed').get(volumeId)?.data,
    pools: () => [...facts.of('pool.observed').values()].map(({ data }) => data),
    cluster: () => facts.of('cluster.observed').get('cluster')?.data,
    synced: () => facts.isSynced(),
  };
  let take: (volumeId: string, record: (typeof server.direct.intentLog)[number]['record']) => void = () => undefined;
  const board = watchIntents(
    {
      watchAll: ({ onChange }: { onChange: typeof take }) => {
        take = onChange;
        return { synced: Promise.resolve(), ended: Promise.resolve() };
      },
    } as never,
    ending.signal,
    () => undefined,
  );
  let beatsTo: number | undefined;
  const hearPermit = (): void => {
    const { permit } = server.direct;
    if (permit.revision === beatsTo || !ways.hears('permit', PERMIT_LATE_MAX_MS)) return;
    // What was there before, and what is told after the connection broke, may be old.
    const isFirst = beatsTo === undefined || ways.reconnects('permit');
    beatsTo = permit.revision;
    const couldAct = permission.mayAct(LEAD_MS);
    const { heartbeat } = permit;
    if (heartbeat === undefined) permission.onCleared();
    else {
      permission.onHeartbeat({ paused: heartbeat.paused, sentAtMs: parseTimestampMs(heartbeat.sentAt) }, isFirst);
      onHeard(process, heartbeat.paused);
    }
    if (couldAct !== permission.mayAct(LEAD_MS)) wakeAll();
  };
  let heardTo = 0;
  let isSynced = false;
  const hear = (): void => {
    facts.hear();
    hearPermit();
    const { intentLog } = server.direct;
    if (!isSynced) {
      if (!ways.hears('intents')) return;
      for (const [volumeId, record] of server.direct.intents) take(volumeId, record);
      heardTo = intentLog.length;
      isSynced = true;
    }
    if (heardTo === intentLog.length || !ways.hears('intents')) return;
    for (; heardTo < intentLog.length; heardTo += 1) {
      const news = intentLog[heardTo];
      if (news !== undefined) take(news.volumeId, news.record);
    }
  };

  const method = profile.version === '2.7.1' ? ('nodeCordon' as const) : ('poolCordon' as const);
  const capabilities: Capabilities = { method, cachePeriodMs: profile.cachePeriodMs };
  const fleet = { migrations: profile.fleetMax, bytes: FLEET_BYTES };
  const running = new Set<string>();
  const lateCalls = createLateCallList();
  let limitsKnownAtMs = Number.NEGATIVE_INFINITY;
  const parts: CoreMoveParts = {
    calls,
    redis,
    store,
    permission,
    board,
    hear,
    capabilities,
    fleet,
    backoff: { baseMs: FAILURE_BACKOFF_MS },
    fenceQueue: new Set(),
    fenceWaiters: core.fenceWaiters,
    wakers,
    isStopping,
    abortRequested: (intent) => world.volume(intent.volumeId)?.persistentVolume?.abort === intent.migrationId,
    onLateCall: (intent, replicaCount) => lateCalls.note(intent, replicaCount, clock.nowMs()),
    onDefect,
  };

  const heldBy = (intent: ActiveIntent) => (intent.attention === undefined ? holdsOf(intent, intent.round, fleet) : []);
  const listed = (intent: ActiveIntent) => ({
    migrationId: intent.migrationId,
    ownerToken: intent.ownerToken,
    holds: heldBy(intent),
  });
  const registration = { ttlMs: HOLD_TTL_MS, lifeMs: LEASE_TTL_MS };
  function* renewLimits(): Task {
    const own = [...board.active().values()].map(({ intent }) => listed(intent));
    const { epoch } = yield* redis.ask('register', {
      intents: own,
      ...registration,
      epoch: 'leave',
      recovery: undefined,
    });
    if (epoch.kind === 'open') {
      limitsKnownAtMs = clock.monotonicMs();
      return;
    }
    const all = [...(yield* store.list()).values()].flatMap(({ intent }) =>
      intent.state === 'active' ? [intent] : [],
    );
    yield* redis.ask('register', { intents: all.map(listed), ...registration, epoch: 'commit', recovery: undefined });
  }
  const areLimitsKnown = (): boolean => clock.monotonicMs() - limitsKnownAtMs < LIMITS_FRESH_MS;

  function* own(
    volumeId: string,
  ): Task<{ readonly lease: CoreLease; readonly token: number } | { readonly leftMs: number }> {
    const sentMs = clock.monotonicMs();
    const answer = yield* redis.ask('acquireLease', {
      kind: 'owner',
      name: volumeId,
      holder: instance,
      ttlMs: LEASE_TTL_MS,
      lifeMs: LEASE_TTL_MS,
    });
    if (answer.kind !== 'granted') return { leftMs: answer.kind === 'held' ? answer.leftMs : 0 };
    const { token } = answer;
    const lease = { kind: 'owner' as const, name: volumeId, holder: instance, token };
    return {
      token,
      lease: keepLease(
        redis,
        sentMs,
        () => redis.ask('renewLease', { ...lease, ttlMs: LEASE_TTL_MS }),
        () => redis.ask('releaseLease', lease),
        onDefect,
      ),
    };
  }
  /** Left to lapse where it cannot be given back. */
  function* leniently(task: Task<unknown>): Task {
    try {
      yield* task;
    } catch (error) {
      if (!isDependencyError(error)) throw error;
    }
  }
  function* work(intent: ActiveIntent, revision: number, lease: CoreLease, token: number): Task {
    yield* walkMove(parts, { intent, revision }, lease, token);
    yield* leniently(lease.release());
    running.delete(intent.volumeId);
  }

  const adoptableFromMs = new Map<string, number>();
  function* adopt(volumeId: string): Task {
    let lease: CoreLease | undefined;
    try {
      const owned = yield* own(volumeId);
      if ('leftMs' in owned) {
        if (owned.leftMs > 0) adoptableFromMs.set(volumeId, clock.monotonicMs() + owned.leftMs);
      } else {
        ({ lease } = owned);
        yield* goOn(volumeId, lease, owned.token);
      }
    } catch (error) {
      if (!(error instanceof ConflictError) && !isDependencyError(error)) throw error;
    }
    if (lease !== undefined) yield* leniently(lease.release());
    running.delete(volumeId);
  }
  /** Waits until no call of the old owner can be under way, and goes on. */
  function* goOn(volumeId: string, lease: CoreLease, token: number): Task {
    yield* sleep(process, LEASE_TTL_MS);
    const stored = isStopping() ? undefined : yield* store.get(volumeId);
    if (stored?.intent.state !== 'active' || lease.lost) return;
    const intent = changes.withOwner(stored.intent, { instance, token });
    const intents = [{ ...listed(intent), ownerToken: token }];
    yield* redis.ask('register', { intents, ...registration, epoch: 'leave', recovery: undefined });
    const revision = yield* store.put(intent, stored.revision);
    yield* walkMove(parts, { intent, revision }, lease, token);
  }
  const adoptAll = (): void => {
    hear();
    if (!areLimitsKnown() || isStopping()) return;
    for (const volumeId of board.active().keys()) {
      if (running.has(volumeId) || clock.monotonicMs() < (adoptableFromMs.get(volumeId) ?? 0)) continue;
      running.add(volumeId);
      begin(adopt(volumeId), onDefect);
    }
  };

  function* refuse({ data, traceparent }: Request, reason: RefusalReason, message: string): Task {
    const { migrationId, volumeId, volumeName, policyId, policyName, notAfter } = data;
    yield* store.tell(
      {
        name: 'migration.refused',
        messageId: `${migrationId}/migration.refused/${reason}/${notAfter}`,
        data: { migrationId, volumeId, volumeName, policyId, policyName, reason, message },
      },
      traceparent,
    );
  }
  function* later(request: Request, reason: RefusalReason, message: string): Task<Disposition> {
    const remainsMs = parseTimestampMs(request.data.notAfter) - clock.nowMs();
    if (remainsMs > 0) return { kind: 'nak', delayMs: Math.min(5_000, Math.max(250, remainsMs / 4)) };
    yield* refuse(request, reason, message);
    return { kind: 'ack' };
  }
  function* judge(request: Request, deliveryCount: number): Task<Disposition> {
    const { data, traceparent } = request;
    const { volumeId, migrationId } = data;
    hear();
    if (!isSynced || !world.synced()) return yield* later(request, 'Expired', 'the migrator is still loading');
    const stored = yield* store.get(volumeId);
    const verdict = judgeRequest(data, {
      nowMs: clock.nowMs(),
      watcherNowMs: permission.watcherNowMs(),
      record: stored?.intent,
      policy: world.policy(data.policyId),
      volume: world.volume(volumeId),
      pools: world.pools(),
      cluster: world.cluster(),
      method,
      mayAct: permission.mayAct(LEAD_MS),
    });
    switch (verdict.kind) {
      case 'refuse':
        if (verdict.reason !== 'AlreadySeen') yield* refuse(request, verdict.reason, verdict.message);
        return { kind: 'ack' };
      case 'elsewhere':
        if (deliveryCount < ELSEWHERE_TRIES) return { kind: 'nak', delayMs: 500 };
        yield* refuse(request, verdict.reason, verdict.message);
        return { kind: 'ack' };
      case 'later':
        return yield* later(request, verdict.reason, verdict.message);
      case 'accept':
        break;
    }
    if (running.has(volumeId)) return yield* later(request, 'AlreadyMoving', 'the last move has just ended');
    if (!areLimitsKnown()) return yield* later(request, 'NoSlot', 'the limits are not registered yet');
    running.add(volumeId);
    let owned: Awaited<ReturnType<typeof own> extends Task<infer R> ? R : never>;
    try {
      owned = yield* own(volumeId);
    } catch (error) {
      running.delete(volumeId);
      throw error;
    }
    if ('leftMs' in owned) {
      running.delete(volumeId);
      return yield* later(request, 'NoSlot', 'no lease');
    }
    const { lease, token } = owned;
    let isTaken = false;
    try {
      const room = yield* takeRoom(verdict.intent, token);
      if (room !== undefined) return yield* later(request, 'NoSlot', room);
      if (!(yield* isStillAsRequested(request, token))) {
        yield* refuse(request, 'VolumeChanged', 'Mayastor shows other replicas than the decision saw');
        return { kind: 'ack' };
      }
      if (stored !== undefined) yield* tellFormer(stored.intent, migrationId, token);
      const tierPools = new Set(verdict.intent.targetPools);
      const intent = changes.accepted(
        { ...verdict.intent, ...(traceparent === undefined ? {} : { traceparent }) },
        { instance, token },
        data.replicas.filter((replica) => !tierPools.has(replica.pool)).length,
      );
      let revision: number;
      try {
        revision = yield* firstPut(intent, stored?.revision);
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        yield* releaseHolds(redis, migrationId, token);
        return { kind: 'nak', delayMs: 250 };
      }
      isTaken = true;
      begin(work(intent, revision, lease, token), onDefect);
      return { kind: 'ack' };
    } finally {
      if (!isTaken && !process.isDead) {
        running.delete(volumeId);
        begin(leniently(lease.release()), onDefect);
      }
    }
  }
  /** As the bus does it. */
  function* untilAnswered<T>(ask: () => Task<T>): Task<T> {
    for (;;) {
      try {
        return yield* ask();
      } catch (error) {
        if (!(error instanceof BusUnavailableError) || isStopping()) throw error;
      }
      yield* sleep(process, BUS_RETRY_MS);
    }
  }
  /** Without an answer it might come when its room was given back. */
  function* firstPut(intent: ActiveIntent, expected: number | undefined): Task<number> {
    try {
      return yield* untilAnswered(() => store.put(intent, expected));
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      const stored = yield* untilAnswered(() => store.get(intent.volumeId));
      if (stored?.intent.state === 'active' && stored.intent.ownerToken === intent.ownerToken) return stored.revision;
      throw error;
    }
  }
  function* tellUntold({ outbox, traceparent }: Intent): Task {
    for (const entry of outbox) yield* store.tell(entry, traceparent);
  }
  function* tellFormer(former: Intent, migrationId: string, token: number): Task {
    try {
      yield* tellUntold(former);
    } catch (error) {
      yield* releaseHolds(redis, migrationId, token);
      throw error;
    }
  }
  /** Takes what the limits allow; else says why not. */
  function* takeRoom(
    intent: Parameters<typeof holdsOf>[0] & { readonly migrationId: string },
    token: number,
  ): Task<string | undefined> {
    try {
      const answer = yield* hold(redis, 'add', intent.migrationId, token, holdsOf(intent, undefined, fleet));
      return answer.kind === 'granted' ? undefined : answer.kind;
    } catch (error) {
      // They may have been granted all the same, and would lie there until they lapse.
      yield* leniently(releaseHolds(redis, intent.migrationId, token));
      throw error;
    }
  }
  function* isStillAsRequested({ data }: Request, token: number): Task<boolean> {
    let isSo = false;
    try {
      const seen = yield* calls.readVolume(data.volumeId);
      const wanted = new Map(data.replicas.map((replica) => [replica.replicaId, replica.pool]));
      isSo =
        seen !== 'absent' &&
        isWhole(seen, data.replicaCount) &&
        seen.replicas.every((replica) => wanted.get(replica.replicaId) === replica.pool);
    } catch (error) {
      yield* releaseHolds(redis, data.migrationId, token);
      throw error;
    }
    if (!isSo) yield* releaseHolds(redis, data.migrationId, token);
    return isSo;
  }

  function* followLateCalls(): Task {
    const isRunning = (volumeId: string): boolean => running.has(volumeId);
    for (const call of lateCalls.due((volumeId) => board.get(volumeId)?.intent, isRunning)) {
      const { volumeId } = call.intent;
      const stored = yield* store.get(volumeId);
      if (stored?.intent.state === 'active') continue;
      const volume = yield* calls.readVolume(volumeId);
      const verdict = judgeLateCall(call, stored?.intent, volume, instance, clock.nowMs());
      if (verdict.kind === 'wait') continue;
      if (verdict.kind === 'undo' && stored !== undefined) {
        yield* tellUntold(stored.intent);
        try {
          yield* store.put(verdict.intent, stored.revision);
        } catch (error) {
          if (error instanceof ConflictError) continue;
          throw error;
        }
      }
      lateCalls.forget(call);
    }
  }
  /** Events whose writer died before it told them, and records of volumes that are gone. */
  function* seeToEnded(): Task {
    hear();
    for (const [volumeId, { intent, revision }] of board.all()) {
      if (intent.state !== 'ended' || running.has(volumeId)) continue;
      if (clock.nowMs() - parseTimestampMs(intent.endedAt) <= OUTBOX_PATIENCE_MS) continue;
      try {
        if (intent.outbox.length > 0) {
          yield* tellUntold(intent);
          yield* store.put({ ...intent, outbox: [] }, revision);
        } else if (world.synced() && world.volume(volumeId) === undefined) {
          if ((yield* calls.readVolume(volumeId)) === 'absent') yield* store.remove(volumeId, revision);
        }
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
      }
    }
  }
  let cordonsSince = new Map<string, { readonly node: string; readonly label: string; readonly sinceMs: number }>();
  function* sweepCordons(): Task {
    const nodes = yield* calls.read('/nodes', (shown) => shown.nodes());
    const nowMs = clock.monotonicMs();
    const seen = nodes.flatMap(({ id: node, cordonLabels }) =>
      cordonLabels.filter(isOurCordonLabel).map((label) => ({ node, label, key: `${node}/${label}` })),
    );
    cordonsSince = new Map(
      seen.map(({ node, label, key }) => [key, cordonsSince.get(key) ?? { node, label, sinceMs: nowMs }]),
    );
    const old = [...cordonsSince.values()].filter(({ sinceMs }) => nowMs - sinceMs >= FORGOTTEN_MS);
    if (old.length === 0) return;
    const live = new Set(
      [...(yield* store.list()).values()].flatMap(({ intent }) =>
        intent.state === 'active' ? [cordonLabelOf(intent.migrationId)] : [],
      ),
    );
    for (const { node, label } of old) {
      if (live.has(label)) continue;
      const path = `/nodes/${node}/cordon/${label}`;
      yield* calls.change('uncordonNode', 'DELETE', path, () => permission.mayLift(2_000));
    }
  }

  function* every(ms: number, job: () => Task): Task {
    while (!isStopping()) {
      try {
        yield* job();
      } catch (error) {
        if (!isDependencyError(error)) throw error;
      }
      yield* sleep(process, ms);
    }
  }
  const nothing = function* (): Task {};
  const hearing = (): Task => {
    hear();
    return nothing();
  };
  const adopting = (): Task => {
    adoptAll();
    return nothing();
  };
  begin(every(HEAR_EVERY_MS, hearing), onDefect);
  /** Who has not read the records yet would register nothing, and take what they hold for free. */
  function* onceRead(jobs: readonly (readonly [number, () => Task])[]): Task {
    const isReading = (): boolean => !isSynced && !isStopping();
    while (isReading()) yield* sleep(process, HEAR_EVERY_MS);
    for (const [ms, job] of jobs) begin(every(ms, job), onDefect);
  }
  begin(
    onceRead([
      [RENEW_EVERY_MS, renewLimits],
      [LATE_CALL_EVERY_MS, followLateCalls],
      [OUTBOX_PATIENCE_MS, seeToEnded],
      [SWEEP_EVERY_MS, sweepCordons],
      [ADOPT_EVERY_MS, adopting],
    ]),
    onDefect,
  );

  const mover = { instance, version: 'simulated', method, fleetLimit: fleet.migrations, activeMigrations: 0 };
  const presence = { ...mover, cordonedPools: [], cordonedNodes: [] };
  server.direct.setFact('mover.observed', subjectToken(instance), presence, instance, process, undefined);
  const requests = bus.consumeRequests({
    durable: 'migrator',
    signal,
    maxInFlight: 16,
    ackWaitMs: 30_000,
    maxDeliver: 500,
    handle: (request, { deliveryCount }) => promised(judge(request, deliveryCount)),
    onExhausted: (request) =>
      promised(refuse(request, 'RedeliveredTooOften', 'it was delivered too often without an end')),
  });
  const over = async (): Promise<void> => {
    await requests;
    while (running.size > 0) await clock.sleep(100);
  };
  await Promise.race([over(), defect.promise]);
  server.direct.setFact('mover.observed', subjectToken(instance), undefined, TOMBSTONE, process, undefined);
  ending.abort(new Error('the migrator stops'));
};

function promised<T>(task: Task<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const run = function* (): Task {
      resolve(yield* task);
    };
    begin(run(), reject);
  });
}
