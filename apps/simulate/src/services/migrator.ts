import {
  createCordonSweep,
  createMayastor,
  createMethodFinder,
  createMigrator,
  createPermission,
  isDependencyError,
  observeMover,
  observeWorld,
  publishMover,
  watchIntents,
  watchMethod,
  type Method,
} from '@couchestor/migrator/parts';
import { createMayastorClient } from '@couchestor/shared/mayastor';
import { subjectToken } from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import { LEASE_TTL_MS, leasesOf } from '../world/leases.ts';
import { GIB } from '../world/profile.ts';
import { noMigratorMetrics, silentLog } from '../world/silence.ts';
import { CALL_TIMEOUT_MS, LATE_EFFECT_MS, type Service } from './surroundings.ts';

const MARGIN_MS = 2_000;
export const FAILURE_BACKOFF_MS = 30_000;
export const FLEET_BYTES = 100_000 * GIB;
export const CALLS_PER_SECOND = 6;

/** The migrator as its `main.ts` puts it together. */
export const runMigrator: Service = async (
  process,
  { profile, bus: server, network, mayastor, leaseServer, onHeard },
  signal,
) => {
  const { clock, name: instance } = process;
  const bus = server.connect(process);
  const permission = createPermission(clock);
  let method: Method = 'undetermined';
  const leases = leasesOf(process, network, leaseServer, { ttlMs: LEASE_TTL_MS, callsPerSecond: CALLS_PER_SECOND });
  const client = createMayastorClient({
    baseUrl: 'http://mayastor.invalid',
    timeoutMs: CALL_TIMEOUT_MS,
    pace: profile.isPaced
      ? (kind, lifeMs, callSignal) =>
          leases.takeCall(kind === 'write' ? 'act' : kind, lifeMs, callSignal).catch((error: unknown) => {
            if (kind !== 'release') throw error;
            return Number.POSITIVE_INFINITY;
          })
      : async () => {
          if (!profile.isPrompt) await clock.sleep(1);
          return Number.POSITIVE_INFINITY;
        },
    clock,
    transport: mayastor.transportOf(process),
  });
  const ending = new AbortController();
  const world = await observeWorld(bus, ending.signal);
  const board = watchIntents(bus.intents, ending.signal, () => undefined);
  board.synced.catch(() => undefined);
  const seenMayastor = createMayastor(client);
  const sweepCordons = createCordonSweep({
    intents: bus.intents,
    mayastor: seenMayastor,
    permission,
    clock,
    logger: silentLog,
    leadMs: MARGIN_MS,
  });
  const migrator = createMigrator({
    instance,
    board,
    world,
    metrics: noMigratorMetrics,
    method: () => method,
    mayastor: seenMayastor,
    intents: bus.intents,
    leases,
    events: {
      publish: async (name, migrationId, data, options) => {
        await bus.publish(name, subjectToken(migrationId), data as never, options);
      },
    },
    permission,
    clock,
    logger: silentLog,
    settings: {
      cachePeriodMs: profile.cachePeriodMs,
      fleet: { migrations: profile.fleetMax, bytes: profile.fleetBytes ?? FLEET_BYTES },
      callTimeoutMs: CALL_TIMEOUT_MS,
      marginMs: MARGIN_MS,
      leaseTtlMs: LEASE_TTL_MS,
      lateEffectMs: LATE_EFFECT_MS,
      backoff: { baseMs: FAILURE_BACKOFF_MS },
    },
  });
  const jobs = Promise.all([
    bus.permit.watch({
      signal: ending.signal,
      onHeartbeat: ({ paused, sentAt }, _revision, isFirst) => {
        permission.onHeartbeat({ paused, sentAtMs: parseTimestampMs(sentAt) }, isFirst);
        onHeard(process, paused);
      },
      onCleared: () => permission.onCleared(),
    }),
    watchMethod({
      find: createMethodFinder(client, {
        nodeFenceAllowed: true,
        mayProbe: () => permission.mayAct(CALL_TIMEOUT_MS + MARGIN_MS),
        onNodes: sweepCordons,
      }),
      clock,
      signal: ending.signal,
      onMethod: (found) => {
        method = found;
      },
      onError: (error) => {
        if (!isDependencyError(error)) throw error;
      },
    }),
    publishMover({
      bus,
      leases,
      leaseTtlMs: LEASE_TTL_MS,
      instance,
      clock,
      signal: ending.signal,
      onGone: () => undefined,
      onLeft: () => undefined,
      observe: () => observeMover(board, { instance, version: 'simulated', method, fleetLimit: profile.fleetMax }),
    }),
    board.ended,
  ]);
  const requests = bus.consumeRequests({
    durable: 'migrator',
    signal,
    maxInFlight: 16,
    ackWaitMs: 30_000,
    maxDeliver: 500,
    handle: (request, delivery) => migrator.handle(request, delivery),
    onExhausted: (request) => migrator.giveUp(request),
  });
  // They go on until they are told to end, unless one fails.
  await Promise.race([Promise.all([migrator.run(signal), requests]), jobs]);
  ending.abort(new Error('the migrator stops'));
  await jobs;
};
