import { randomBytes } from 'node:crypto';
import { connectBus } from '@couchestor/shared/bus';
import { createBreathe } from '@couchestor/shared/clock';
import { createLeases } from '@couchestor/shared/leases';
import { natsAccess, runService, type ReadinessState } from '@couchestor/shared/service';
import { MIB } from '@couchestor/shared/units';
import { createAnnouncements } from './adapters/bus-announcements.ts';
import { openObservations } from './adapters/bus-observations.ts';
import { createCronerCalendar } from './adapters/croner-calendar.ts';
import { createLeadership, LEADERSHIP_TTL_MS, soleLeadership } from './adapters/leadership.ts';
import { createPrometheus } from './adapters/prometheus.ts';
import { addRoutes } from './adapters/routes.ts';
import { settingsSchema, type Settings } from './adapters/settings.ts';
import type { PrometheusOptions } from './adapters/prometheus.ts';
import { createScoreLog } from './score-log.ts';
import { createScorerMetrics } from './scorer-metrics.ts';
import { createScorer } from './scorer.ts';

const SERVICE = 'scorer';
const DEBOUNCE_MS = 100;

await runService({
  name: SERVICE,
  schema: settingsSchema,
  start: async ({ config, logger, registry, clock, signal, readiness, routes }) => {
    const instance = config.INSTANCE ?? `${SERVICE}-${randomBytes(6).toString('hex')}`;
    const metrics = createScorerMetrics(registry);
    readiness.add('nats', () => stateOf('not connected yet'));
    readiness.add('facts', () => stateOf('not read yet'));
    readiness.add('prometheus', () => stateOf('not asked yet'));

    // One for all that this process does on many volumes, so that all of it together stops nobody for longer than one.
    const breathe = createBreathe(clock);
    await using stack = new AsyncDisposableStack();
    const bus = stack.use(
      await connectBus({
        ...natsAccess(config),
        service: SERVICE,
        instance,
        clock,
        breathe,
        logger,
        registry,
        signal,
      }),
    );
    readiness.add('nats', () => stateOf(bus.state === 'connected' ? undefined : 'not connected'));
    await bus.ensureStreams(signal);

    const server = stack.use(
      createPrometheus({
        ...prometheusOptions(config),
        monotonicMs: () => clock.monotonicMs(),
        onQuery: (seconds) => metrics.queried(seconds),
      }),
    );
    const ending = new AbortController();
    const observations = await openObservations(bus, () => clock.nowMs(), ending.signal);
    readiness.add('facts', () => stateOf(observations.missing()));
    const announcements = createAnnouncements(bus, clock, breathe);

    const elected = config.LEADER_ELECTION
      ? createLeadership(
          stack.use(
            createLeases({
              redis: withPassword(config.REDIS_URL, config.REDIS_PASSWORD),
              clock,
              ttlMs: LEADERSHIP_TTL_MS,
            }),
          ),
          instance,
          clock,
          logger,
        )
      : undefined;
    if (elected !== undefined) readiness.add('redis', () => stateOf(elected.problem()));

    const scorer = createScorer({
      observations,
      announcements,
      server,
      calendar: createCronerCalendar(),
      leadership: elected ?? soleLeadership,
      log: createScoreLog(logger, clock),
      metrics,
      clock,
      breathe,
      logger,
      randomHex: (bytes) => randomBytes(bytes).toString('hex'),
      settings: {
        cycleMs: config.SCORING_CYCLE_MS,
        debounceMs: DEBOUNCE_MS,
        startupGraceMs: config.STARTUP_GRACE_MS,
        rebuildBytesPerSecond: config.REBUILD_MIB_PER_SECOND * MIB,
      },
    });
    readiness.add('prometheus', () => stateOf(scorer.metricsProblem()));
    addRoutes(routes, scorer, breathe);

    const running = scorer.run(signal);
    const campaigning = elected?.run(signal);
    stack.defer(async () => {
      await running;
      await campaigning;
      ending.abort(new Error('the scorer stops'));
      await observations.ended;
    });
    return stack.move();
  },
});

function prometheusOptions(config: Settings): Omit<PrometheusOptions, 'monotonicMs' | 'onQuery'> {
  const { PROMETHEUS_USER: username, PROMETHEUS_PASSWORD: password, PROMETHEUS_TENANT: tenant } = config;
  const { PROMETHEUS_BEARER_TOKEN_FILE: bearerTokenFile, PROMETHEUS_CA_FILE: caFile } = config;
  const { PROMETHEUS_CLIENT_CERT_FILE: certificateFile, PROMETHEUS_CLIENT_KEY_FILE: keyFile } = config;
  const { PROMETHEUS_PROXY_URL: proxyUrl } = config;
  return {
    url: config.PROMETHEUS_URL,
    timeoutMs: config.PROMETHEUS_TIMEOUT_MS,
    ...(bearerTokenFile === undefined ? {} : { bearerTokenFile }),
    ...(username === undefined || password === undefined ? {} : { basicAuth: { username, password } }),
    ...(tenant === undefined ? {} : { tenant: { header: config.PROMETHEUS_TENANT_HEADER, value: tenant } }),
    ...(caFile === undefined ? {} : { caFile }),
    ...(certificateFile === undefined || keyFile === undefined
      ? {}
      : { clientCertificate: { certificateFile, keyFile } }),
    ...(proxyUrl === undefined ? {} : { proxyUrl }),
  };
}

function withPassword(url: string, password: string | undefined): string {
  if (password === undefined) return url;
  const full = new URL(url);
  full.password = encodeURIComponent(password);
  return full.href;
}

function stateOf(problem: string | undefined): ReadinessState {
  return problem === undefined ? { ready: true } : { ready: false, reason: problem };
}
