import { randomBytes } from 'node:crypto';
import { connectBus } from '@couchestor/shared/bus';
import { pause } from '@couchestor/shared/clock';
import { createLeases } from '@couchestor/shared/leases';
import { createMayastorClient, createRateLimiter } from '@couchestor/shared/mayastor';
import { subjectToken, type MigrationEventName } from '@couchestor/shared/messages';
import { mayastorAccess, messageOf, natsAccess, runService } from '@couchestor/shared/service';
import { parseTimestampMs } from '@couchestor/shared/units';
import { createMayastor } from './adapters/seen-mayastor.ts';
import { observeWorld } from './adapters/observed-world.ts';
import { createMethodFinder, watchMethod, type Method } from './capabilities.ts';
import { watchIntents } from './intent-board.ts';
import { clockProblem } from './core/judge-request.ts';
import { createMetrics } from './metrics.ts';
import { createMigrator } from './migrator.ts';
import { movesInFlight } from './moves-in-flight.ts';
import { createOutageLog } from './outage-log.ts';
import { createPace } from './pace.ts';
import { createPermission } from './permission.ts';
import type { MoveEvents } from './ports.ts';
import { observeMover } from './observe-mover.ts';
import { publishMover } from './publish-mover.ts';
import { fleetBytes, settingsSchema } from './settings.ts';
import { createCordonSweep } from './sweep-cordons.ts';

const SERVICE = 'migrator';
const REQUESTS_IN_FLIGHT = 16;
const ACK_WAIT_MS = 30_000;
const DELIVERIES_MAX = 500;

await runService({
  name: SERVICE,
  schema: settingsSchema,
  start: async ({ config, logger, registry, clock, signal, readiness, routes }) => {
    const instance = config.INSTANCE ?? `${SERVICE}-${randomBytes(6).toString('hex')}`;
    const metrics = createMetrics(registry);
    const permission = createPermission(clock);
    let method: Method = 'undetermined';
    const dependencies = new Map<string, string | undefined>([
      ['nats', 'not connected yet'],
      ['redis', 'not asked yet'],
      ['mayastor', 'not asked yet'],
      ['permit', 'no heartbeat of the watcher yet'],
      ['clock', undefined],
    ]);
    const report = (name: string, problem: string | undefined): void => {
      if (dependencies.get(name) === problem) return;
      dependencies.set(name, problem);
    };
    for (const name of dependencies.keys()) {
      // Without a permit, or with a wrong clock, the migrator waits, and is as ready as it should be.
      readiness.add(name, () => state(dependencies.get(name)), { required: name !== 'permit' && name !== 'clock' });
    }

    await using stack = new AsyncDisposableStack();
    const bus = stack.use(
      await connectBus({
        ...natsAccess(config),
        service: SERVICE,
        instance,
        clock,
        logger,
        registry,
        signal,
      }),
    );
    report('nats', undefined);
    const outages = createOutageLog(logger, clock);
    bus.onState((state) => {
      report('nats', state === 'connected' ? undefined : 'not connected');
      if (state === 'connected') outages.over('COUCHESTOR_BUS_UNAVAILABLE');
    });
    await bus.ensureStreams(signal);

    const leases = stack.use(
      createLeases({
        redis: withPassword(config.REDIS_URL, config.REDIS_PASSWORD),
        clock,
        ttlMs: config.LEASE_TTL_MS,
        callsPerSecond: config.MAYASTOR_CALLS_PER_SECOND,
        onLost: (error) => logger.warn({ err: error }, 'Redis connection lost'),
        onReady: () => {
          logger.info({}, 'Redis connection made');
          outages.over('COUCHESTOR_REDIS_UNAVAILABLE');
        },
      }),
    );
    const alone = createRateLimiter({ callsPerSecond: config.MAYASTOR_CALLS_PER_SECOND, clock });
    const client = stack.use(
      createMayastorClient({
        ...mayastorAccess(config),
        timeoutMs: config.MAYASTOR_TIMEOUT_MS,
        pace: createPace({
          takeCall: (...call) => leases.takeCall(...call),
          alone,
          onAlone: () => logger.debug({}, 'next call without Redis'),
          clock,
        }),
        onSend: (call) => logger.debug(call, 'call to Mayastor'),
        clock,
        registry,
      }),
    );
    const events: MoveEvents = {
      publish: async (name: MigrationEventName, migrationId, data, options) => {
        // The bus checks the data against the schema of the name.
        await bus.publish(name, subjectToken(migrationId), data as never, options);
      },
    };
    const ending = new AbortController();
    const world = await observeWorld(bus, ending.signal);
    const board = watchIntents(bus.intents, ending.signal, () => undefined);
    const mayastor = createMayastor(client);
    const sweepCordons = createCordonSweep({
      intents: bus.intents,
      mayastor,
      permission,
      clock,
      logger,
      leadMs: config.CALL_MARGIN_MS,
    });
    const migrator = createMigrator({
      instance,
      board,
      world,
      metrics,
      method: () => method,
      mayastor,
      intents: bus.intents,
      leases,
      events,
      permission,
      clock,
      logger: outages,
      settings: {
        cachePeriodMs: config.MAYASTOR_CACHE_PERIOD_MS,
        fleet: { migrations: config.FLEET_MIGRATIONS_MAX, bytes: fleetBytes(config) },
        callTimeoutMs: config.MAYASTOR_TIMEOUT_MS,
        marginMs: config.CALL_MARGIN_MS,
        leaseTtlMs: config.LEASE_TTL_MS,
        lateEffectMs: config.MAYASTOR_LATE_EFFECT_MS,
        backoff: { baseMs: config.FAILURE_BACKOFF_MS },
      },
    });
    routes.get('/v1/mover', () => ({ status: 200, body: { instance, version: config.COUCHESTOR_VERSION, method } }));
    routes.get('/v1/moves', () => {
      if (!board.isSynced()) return { status: 503, body: { error: 'the intents are not read yet' } };
      const intents = [...board.active().values()].map(({ intent }) => intent);
      return { status: 200, body: movesInFlight(migrator.progress(), intents) };
    });

    const jobs = [
      bus.permit.watch({
        signal: ending.signal,
        onHeartbeat: ({ paused, sentAt }, _revision, isFirst) => {
          permission.onHeartbeat({ paused, sentAtMs: parseTimestampMs(sentAt) }, isFirst);
          report('permit', paused ? 'paused' : undefined);
          report('clock', clockProblem(clock.nowMs(), permission.watcherNowMs()));
        },
        onCleared: () => {
          permission.onCleared();
          report('permit', 'the watcher took its heartbeat away');
        },
      }),
      watchMethod({
        find: createMethodFinder(client, {
          nodeFenceAllowed: config.MAYASTOR_NODE_FENCE,
          mayProbe: () => permission.mayAct(config.MAYASTOR_TIMEOUT_MS + config.CALL_MARGIN_MS),
          onNodes: sweepCordons,
        }),
        clock,
        signal: ending.signal,
        onMethod: (found) => {
          report('mayastor', undefined);
          if (found !== method) logger.info({ method: found }, 'found how Mayastor can be fenced and steered');
          method = found;
        },
        onError: (error) => report('mayastor', messageOf(error)),
      }),
      (async () => {
        while (!ending.signal.aborted) {
          report('redis', await leases.ping().then(() => undefined, messageOf));
          await pause(clock, 2_000, ending.signal);
        }
      })(),
      publishMover({
        bus,
        leases,
        leaseTtlMs: config.LEASE_TTL_MS,
        instance,
        clock,
        signal: ending.signal,
        onGone: (dead) => logger.info({ dead }, 'what a migrator told of itself is taken back, for it is dead'),
        onLeft: (error) => logger.info({ err: error }, 'what this migrator told of itself is left, as after a crash'),
        observe: () =>
          observeMover(board, {
            instance,
            version: config.COUCHESTOR_VERSION,
            method,
            fleetLimit: config.FLEET_MIGRATIONS_MAX,
          }),
      }),
    ];
    const requests = bus.consumeRequests({
      durable: SERVICE,
      signal,
      maxInFlight: REQUESTS_IN_FLIGHT,
      ackWaitMs: ACK_WAIT_MS,
      maxDeliver: DELIVERIES_MAX,
      handle: (request, delivery) => migrator.handle(request, delivery),
      onExhausted: (request) => migrator.giveUp(request),
    });
    const moving = migrator.run(signal);
    stack.defer(async () => {
      // First the moves come to rest, while everything that they need still works.
      await Promise.all([moving, requests]);
      ending.abort(new Error('the migrator stops'));
      await Promise.all([...jobs, board.ended]);
    });
    return stack.move();
  },
});

function withPassword(url: string, password: string | undefined): string {
  if (password === undefined) return url;
  const full = new URL(url);
  full.password = encodeURIComponent(password);
  return full.href;
}

function state(problem: string | undefined): { ready: true } | { ready: false; reason: string } {
  return problem === undefined ? { ready: true } : { ready: false, reason: problem };
}
