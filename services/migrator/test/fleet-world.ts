import type { Request } from '@couchestor/shared/bus';
import { createVirtualClock, type VirtualClock } from '@couchestor/shared/clock';
import {
  createMemoryLeases,
  createMemoryLeaseServer,
  type Leases,
  type MemoryLeaseServer,
} from '@couchestor/shared/leases';
import { createMayastorClient, type HttpAnswer, type HttpRequest, type Transport } from '@couchestor/shared/mayastor';
import type {
  ActiveIntent,
  Intent,
  MigrationRequested,
  PolicyObserved,
  VolumeObserved,
} from '@couchestor/shared/messages';
import { createMayastorModel, type MayastorModel, type MayastorVersion } from '@couchestor/simulator/mayastor';
import { createMayastor } from '../src/adapters/seen-mayastor.ts';
import { watchIntents } from '../src/intent-board.ts';
import type { MigratorMetrics } from '../src/metrics.ts';
import { createMigrator, type Migrator } from '../src/migrator.ts';
import { createPermission, type PermissionKeeper } from '../src/permission.ts';
import { createIntentBucket, type IntentBucket } from './intent-bucket.ts';
import { createProcess, type SimulatedProcess } from './process.ts';

/** Several migrators, as they are in a cluster, on a clock of their own: with the real handling of requests and leases. */
export interface FleetWorld {
  readonly clock: VirtualClock;
  readonly model: MayastorModel;
  readonly bucket: IntentBucket;
  readonly leaseServer: MemoryLeaseServer;
  readonly events: readonly FleetEvent[];
  /** What was done that must never be done, as sentences. */
  readonly wrongs: string[];
  readonly migrators: readonly RunningMigrator[];
  /** Requests to Mayastor, reads included. */
  readonly callCount: number;
  paused: boolean;
  /** Migrations that a person wants rolled back. */
  readonly aborts: Set<string>;
  /** Paths of changes that a process sent after it had stood still, with it: what they do is not what was decided. */
  readonly lateCalls: ReadonlyMap<string, SimulatedProcess>;
  isRunning(process: SimulatedProcess): boolean;
  start(name: string): void;
  /** Offers a volume's move, until it is taken up, refused or too old. */
  request(volumeId: string, attempt: number): void;
  /** The watcher goes, and its heartbeat with it. */
  stopHeartbeat(): void;
  startHeartbeat(): void;
  runUntil(done: () => boolean, withinMs: number): Promise<boolean>;
  /** Asks all migrators to stop and waits until they have. */
  stopAll(): Promise<void>;
  poolsOf(volumeId: string): string[];
  /** A view of the leases from outside. */
  readonly leases: Leases;
}

interface FleetEvent {
  readonly name: string;
  readonly migrationId: string;
  readonly data: unknown;
}

interface RunningMigrator {
  readonly process: SimulatedProcess;
  readonly migrator: Migrator;
  readonly permission: PermissionKeeper;
  readonly stop: AbortController;
  /** Set once `run` has settled. */
  ended: 'in good order' | { readonly error: unknown } | undefined;
}

export interface FleetOptions {
  readonly random: () => number;
  readonly version: MayastorVersion;
  readonly steer: 'cordon' | 'ignored';
  readonly nodes: readonly string[];
  /** Tiers of the pools that a node has. */
  readonly tiersOf: (node: string) => readonly ('hot' | 'cold')[];
  readonly fleetMax: number;
  /** Share of calls to anything that go wrong, while `troubled` says so. */
  readonly faultRate: number;
  /** Share of changing calls before which the process stands still for up to a minute, after it asked whether it may. */
  readonly standstillRate: number;
  /** For how long the process stands still before this changing call. */
  readonly standsStillFor?: (process: string, request: HttpRequest) => number;
  readonly troubled: () => boolean;
  /** The core dies in the middle of a change of a volume. */
  readonly onCutOff: () => void;
}

const GIB = 1024 ** 3;
export const LEASE_TTL_MS = 15_000;
const CACHE_PERIOD_MS = 30_000;
const CALL_TIMEOUT_MS = 5_000;
const HEARTBEAT_MS = 3_000;
const POLICY_ID = 'policy';
const POOL_BYTES = 1_000 * GIB;

const policy: PolicyObserved = {
  policyId: POLICY_ID,
  name: 'tiering',
  generation: 1,
  createdAt: '2026-01-01T00:00:00Z',
  spec: {
    hotPoolSelector: { matchLabels: { tier: 'hot' } },
    coldPoolSelector: { matchLabels: { tier: 'cold' } },
    cooldownPeriod: '0s',
    maxConcurrentMigrations: 3,
  },
};

export function createFleetWorld(options: FleetOptions): FleetWorld {
  const { random, version, nodes, faultRate, troubled, fleetMax } = options;
  const clock = createVirtualClock();
  const chance = (share: number): boolean => random() < share;
  const upTo = (ms: number): number => Math.floor(random() * ms);
  const isFaulty = (): boolean => troubled() && chance(faultRate);
  const model = createMayastorModel({
    clock,
    random,
    version,
    steer: options.steer,
    rebuildBytesPerSecond: GIB / 10,
    timers: { failoverMs: 12_000 },
  });
  for (const node of nodes) {
    model.addNode({ id: node });
    for (const tier of options.tiersOf(node)) {
      const capacityBytes = tier === 'hot' ? POOL_BYTES : 4 * POOL_BYTES;
      model.addPool({ id: `${tier}-${node}`, node, capacityBytes, labels: { tier } });
    }
  }

  const wrongs: string[] = [];
  const events: FleetEvent[] = [];
  const aborts = new Set<string>();
  const migrators: RunningMigrator[] = [];
  const lateCalls = new Map<string, SimulatedProcess>();
  let callCount = 0;
  let heartbeatSince: (() => void) | undefined;
  let lastHeartbeatMs = Number.NEGATIVE_INFINITY;
  let pausedSinceMs: number | undefined;

  const leaseServer = createMemoryLeaseServer({
    clock,
    fateOf: () => (isFaulty() ? (chance(0.5) ? 'refused' : 'unanswered') : 'done'),
  });
  const leasesOf = (process: SimulatedProcess | undefined): Leases => {
    const leases = createMemoryLeases({ clock: process?.clock ?? clock, ttlMs: LEASE_TTL_MS, server: leaseServer });
    if (process === undefined) return leases;
    return new Proxy(leases, {
      get: (target, key) => {
        const member: unknown = Reflect.get(target, key);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => process.call(() => Reflect.apply(member, target, args) as Promise<unknown>);
      },
    });
  };

  const bucket = createIntentBucket({
    clock,
    delay: () => {
      if (!isFaulty()) return { effectMs: 1, answerMs: 2, sent: true };
      const answerMs = upTo(12_000);
      return { effectMs: upTo(answerMs), answerMs, sent: chance(0.5) };
    },
    onWrite: (intent) => checkLimits(intent),
  });
  const checkLimits = (written: Intent): void => {
    const active = [...bucket.records().values()].flatMap(({ intent }) =>
      intent.state === 'active' && intent.attention === undefined ? [intent] : [],
    );
    if (active.length > fleetMax) wrongs.push(`${active.length} moves in flight after ${written.migrationId}`);
    const perPool = new Map<string, number>();
    for (const { round } of active) {
      if (round !== undefined) perPool.set(round.targetPool, (perPool.get(round.targetPool) ?? 0) + 1);
    }
    for (const [pool, count] of perPool) if (count > 1) wrongs.push(`${count} moves fill pool ${pool}`);
  };

  /** What is sent is checked in the moment in which it would reach Mayastor. */
  const checkCall = (process: SimulatedProcess, { method, path }: HttpRequest): void => {
    const nowMs = clock.monotonicMs();
    const isProbe = path.endsWith('/replica_count/255');
    // A process that stood still just before may send what it had decided before.
    if (method === 'GET' || isProbe || nowMs - process.stoodStillAtMs < 40_000) return;
    const isRelease = method === 'DELETE' && path.includes('/cordon');
    const sinceMs = nowMs - lastHeartbeatMs;
    if (sinceMs > (isRelease ? 18_000 : 14_000))
      wrongs.push(`${method} ${path} ${sinceMs} ms after the last heartbeat`);
    if (!isRelease && pausedSinceMs !== undefined && nowMs - pausedSinceMs > HEARTBEAT_MS + 5_000) {
      wrongs.push(`${method} ${path} while all was paused`);
    }
    const volumeId = /^\/volumes\/([^/]+)\/replica_count/.exec(path)?.[1];
    if (volumeId === undefined) return;
    const record = bucket.records().get(volumeId)?.intent;
    if (record?.state !== 'active') wrongs.push(`${method} ${path} without a move`);
    else checkShrink(record, path);
    if (record?.state === 'active' && record.owner !== process.name)
      wrongs.push(`${method} ${path} by ${process.name}, owner ${record.owner}`);
  };

  /** A filled replica may go only while all others are filled, as far as anybody can know. */
  const checkShrink = (record: ActiveIntent, path: string): void => {
    const truth = model.volume(record.volumeId);
    const steer = record.round?.steer;
    if (truth?.target === undefined || steer === undefined) return;
    if (!path.endsWith(`/${record.replicaCount}`) || truth.replicaCount !== record.replicaCount + 1) return;
    const unfilled = truth.replicas.filter(({ uuid, synced }) => uuid !== steer.victimReplicaId && !synced);
    const wasUnknowable = model.ledger
      .changes()
      .some(({ volume, cause }) => volume === record.volumeId && cause.kind === 'fault');
    if (unfilled.length > 0 && !wasUnknowable) wrongs.push(`PUT ${path} with ${unfilled.length} replicas not filled`);
  };

  const transportOf = (process: SimulatedProcess): Transport => ({
    send: (request) =>
      process.call(async (): Promise<HttpAnswer> => {
        if (request.mayStart?.() === false)
          return { kind: 'notSent', reason: 'NotStarted', message: 'not allowed to start' };
        if (isFaulty() && chance(0.2)) return { kind: 'notSent', reason: 'Unreachable', message: 'refused' };
        callCount += 1;
        // What remains between that question and the socket: the process may stand still here.
        const wanted = request.method === 'GET' ? 0 : (options.standsStillFor?.(process.name, request) ?? 0);
        if (wanted > 0 || (request.method !== 'GET' && troubled() && chance(options.standstillRate))) {
          process.pauseFor(wanted > 0 ? wanted : upTo(60_000));
          await process.call(() => Promise.resolve());
          lateCalls.set(`/v0${request.path}`, process);
        }
        checkCall(process, request);
        const answer = model.handle({
          method: request.method,
          path: `/v0${request.path}`,
          ...(request.body === undefined ? {} : { body: JSON.parse(request.body) as unknown }),
        });
        if (isFaulty() && chance(0.2)) return { kind: 'lost', reason: 'broken', message: 'reset' };
        const late = new AbortController();
        const deadline = clock
          .sleep(request.timeoutMs, late.signal)
          .then((): HttpAnswer => ({ kind: 'lost', reason: 'timeout', message: 'no answer in time' }))
          .catch((): HttpAnswer => ({ kind: 'lost', reason: 'aborted', message: 'answered' }));
        const answered = answer.then(({ status, body }): HttpAnswer => {
          late.abort(new Error('answered'));
          return { kind: 'answered', status, body: body === undefined || body === null ? '' : JSON.stringify(body) };
        });
        return Promise.race([answered, deadline]);
      }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  model.faults.onCall(({ method, path }) => {
    if (!isFaulty()) return undefined;
    const lot = random();
    if (lot < 0.25) return { kind: 'timeout' };
    if (lot < 0.5) return { kind: 'timeout', effectAfterMs: upTo(12_000) };
    if (lot < 0.7) return { kind: 'delay', beforeMs: upTo(3_000), afterMs: upTo(3_000) };
    if (lot < 0.95 || method === 'GET') return { kind: 'refuse', status: 503, body: unavailable };
    if (/replica_count|children/.test(path)) options.onCutOff();
    return { kind: 'crash', when: lot < 0.97 ? 'during' : 'after' };
  });

  const observed = (volumeId: string): VolumeObserved | undefined => {
    const truth = model.volume(volumeId);
    if (truth === undefined) return undefined;
    const whole = truth.replicas.length === truth.replicaCount && truth.replicas.every(({ synced }) => synced);
    const active = bucket.records().get(volumeId)?.intent;
    return {
      volumeId,
      persistentVolume: {
        name: `pvc-${volumeId}`,
        uid: volumeId,
        phase: 'Bound',
        storageClassName: 'mayastor',
        labels: {},
        ...(active !== undefined && aborts.has(active.migrationId) ? { abort: active.migrationId } : {}),
      },
      sizeBytes: SIZE_BYTES,
      thin: true,
      replicaCount: truth.replicaCount,
      specStatus: 'Created',
      status: whole ? 'Online' : 'Degraded',
      selfHeal: true,
      ...(truth.target === undefined ? {} : { targetNode: truth.target.node }),
      rebuilding: truth.replicas.some(({ rebuilding }) => rebuilding),
      snapshotCount: 0,
      fromSnapshot: false,
      replicas: truth.replicas.map(({ uuid, node, pool }) => ({ replicaId: uuid, node, pool, state: 'Online' })),
    };
  };

  const start = (name: string): void => {
    const process = createProcess(name, clock);
    const permission = createPermission(process.clock);
    const stop = new AbortController();
    const watching = new AbortController();
    const leases = leasesOf(process);
    const intents = bucket.storeOf(process);
    const migrator = createMigrator({
      instance: name,
      board: watchIntents(intents, watching.signal, () => undefined),
      world: {
        policy: (id) => (id === POLICY_ID ? policy : undefined),
        volume: observed,
        pools: () =>
          model.poolIds().map((pool) => ({
            diskPoolId: pool,
            name: pool,
            node: pool.slice(pool.indexOf('-') + 1),
            labels: { tier: pool.slice(0, pool.indexOf('-')) },
            mayastorLabels: {},
            status: 'Online' as const,
            capacityBytes: POOL_BYTES,
            usedBytes: 0,
            committedBytes: 0,
            cordoned: false,
          })),
        cluster: () => ({ paused: world.paused, mayastorVersions: [version] }),
        synced: () => true,
      },
      metrics: noMetrics,
      method: () => (version === '2.7.1' ? 'nodeCordon' : 'poolCordon'),
      mayastor: createMayastor(
        createMayastorClient({
          baseUrl: 'http://mayastor.invalid',
          pace: () => process.clock.sleep(1 + upTo(10)),
          clock: process.clock,
          timeoutMs: CALL_TIMEOUT_MS,
          transport: transportOf(process),
        }),
      ),
      intents,
      leases,
      events: {
        publish: (eventName, migrationId, data, { messageId, signal }) =>
          process.call(
            () =>
              new Promise((resolve, reject) => {
                if (signal.aborted) return reject(signal.reason);
                const giveUp = (): void => reject(signal.reason);
                signal.addEventListener('abort', giveUp, { once: true });
                const store = (): void => {
                  if (stored.has(messageId)) return;
                  stored.add(messageId);
                  events.push({ name: eventName, migrationId, data });
                };
                const waitMs = isFaulty() ? upTo(12_000) : 1;
                clock.after(upTo(waitMs), store);
                clock.after(waitMs, () => {
                  signal.removeEventListener('abort', giveUp);
                  resolve();
                });
              }),
          ),
      },
      permission,
      clock: process.clock,
      logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
      settings: {
        cachePeriodMs: CACHE_PERIOD_MS,
        fleet: { migrations: fleetMax, bytes: 100_000 * GIB },
        callTimeoutMs: CALL_TIMEOUT_MS,
        marginMs: 2_000,
        leaseTtlMs: LEASE_TTL_MS,
        backoff: { baseMs: 60_000 },
      },
    });
    const running: RunningMigrator = { process, migrator, permission, stop, ended: undefined };
    migrators.push(running);
    migrator
      .run(stop.signal)
      .then(
        () => {
          running.ended = 'in good order';
        },
        (error: unknown) => {
          running.ended = { error };
          wrongs.push(
            `${name} ended by a defect: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
          );
        },
      )
      .finally(() => watching.abort(new Error('the process has ended')));
  };
  const stored = new Set<string>();
  const live = (): RunningMigrator[] =>
    migrators.filter(({ process, ended, stop }) => !process.isDead && ended === undefined && !stop.signal.aborted);

  const request = (volumeId: string, attempt: number): void => {
    const truth = model.volume(volumeId);
    if (truth === undefined) return;
    const data: MigrationRequested = {
      migrationId: `${volumeId}-move-${attempt}`,
      proposalId: `${volumeId}-proposal`,
      attempt,
      volumeId,
      volumeName: `pvc-${volumeId}`,
      policyId: POLICY_ID,
      policyName: 'tiering',
      policyGeneration: 1,
      fromTier: 'cold',
      toTier: 'hot',
      reason: 'AboveHighWatermark',
      notAfter: new Date(clock.nowMs() + 120_000).toISOString(),
      replicaCount: truth.replicaCount,
      replicas: truth.replicas.map(({ uuid, pool, node }) => ({ replicaId: uuid, pool, node })),
      targetPools: model.poolIds().filter((pool) => pool.startsWith('hot-')),
      sizeBytes: SIZE_BYTES,
    };
    const message: Request = {
      name: 'migration.requested',
      subject: `couchestor.v1.migration.requested.${volumeId}`,
      id: data.migrationId,
      source: 'scorer',
      time: new Date(clock.nowMs()).toISOString(),
      data,
    };
    deliver(message);
    // At least once means twice now and then, and to another one.
    if (chance(0.2)) clock.after(upTo(60_000), () => deliver(message));
  };
  const deliver = (message: Request): void => {
    const candidates = live();
    const receiver = candidates[Math.floor(random() * candidates.length)];
    if (receiver === undefined) {
      if (clock.nowMs() < Date.parse(message.data.notAfter) + 60_000) clock.after(5_000, () => deliver(message));
      return;
    }
    let answered = false;
    receiver.migrator.handle(message).then(
      (disposition) => {
        answered = true;
        if (disposition.kind === 'nak') clock.after(disposition.delayMs, () => deliver(message));
      },
      () => {
        answered = true;
        if (clock.nowMs() < Date.parse(message.data.notAfter) + 600_000) clock.after(1_000, () => deliver(message));
      },
    );
    const redeliver = (): void => {
      if (answered) return;
      if (receiver.process.isDead || receiver.ended !== undefined) deliver(message);
      else clock.after(30_000, redeliver);
    };
    clock.after(30_000, redeliver);
  };

  const startHeartbeat = (): void => {
    let stopped = false;
    heartbeatSince = () => {
      stopped = true;
    };
    const beat = (): void => {
      if (stopped) return;
      lastHeartbeatMs = clock.monotonicMs();
      const { paused } = world;
      if (!paused) pausedSinceMs = undefined;
      else pausedSinceMs ??= lastHeartbeatMs;
      for (const { process, permission } of migrators) {
        const isFirst = !greeted.has(process);
        greeted.add(process);
        process.clock.after(1, () => permission.onHeartbeat({ paused }, isFirst));
      }
      clock.after(HEARTBEAT_MS, beat);
    };
    beat();
  };
  const greeted = new WeakSet<SimulatedProcess>();

  const runUntil = async (done: () => boolean, withinMs: number): Promise<boolean> => {
    const endMs = clock.monotonicMs() + withinMs;
    while (!done()) {
      if (clock.monotonicMs() > endMs || !(await clock.runNext())) return done();
    }
    return true;
  };

  const world: FleetWorld = {
    clock,
    model,
    bucket,
    leaseServer,
    events,
    wrongs,
    migrators,
    get callCount() {
      return callCount;
    },
    paused: false,
    aborts,
    lateCalls,
    isRunning: (process) => live().some((running) => running.process === process),
    start,
    request,
    startHeartbeat,
    stopHeartbeat: () => heartbeatSince?.(),
    runUntil,
    stopAll: async () => {
      for (const { stop } of migrators) stop.abort(new Error('SIGTERM'));
      const ended = await runUntil(
        () => migrators.every(({ process, ended: how }) => process.isDead || how !== undefined),
        120_000,
      );
      if (!ended) wrongs.push('a migrator did not stop within two minutes');
    },
    poolsOf: (volumeId) => (model.volume(volumeId)?.replicas ?? []).map(({ pool }) => pool).sort(),
    leases: leasesOf(undefined),
  };
  return world;
}

export const SIZE_BYTES = 5 * GIB;

const unavailable = {
  kind: 'Unavailable',
  message: 'status: Unavailable, message: "error trying to connect: tcp connect error"',
  details: '',
} as const;

const noMetrics: MigratorMetrics = {
  accepted: () => undefined,
  refused: () => undefined,
  ended: () => undefined,
  step: () => undefined,
  setActive: () => undefined,
  setAttention: () => undefined,
  setCordons: () => undefined,
  setPermitted: () => undefined,
};
