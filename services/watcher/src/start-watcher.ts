import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { connectBus } from '@couchestor/shared/bus';
import { loadKubernetesAccess } from '@couchestor/shared/kubernetes';
import { createMayastorClient, createRateLimiter } from '@couchestor/shared/mayastor';
import { mayastorAccess, natsAccess, type ServiceContext } from '@couchestor/shared/service';
import { createControlSource, createKubernetesSink } from './adapters/kubernetes-sink.ts';
import { startKubernetesSource, watchedKinds } from './adapters/kubernetes-source.ts';
import { createLeaseLeadership, createSoleLeadership } from './adapters/leadership.ts';
import { createMayastorSource } from './adapters/mayastor-source.ts';
import { createMeasures } from './adapters/measures.ts';
import { createMessageSource } from './adapters/messages.ts';
import { addRoutes } from './adapters/routes.ts';
import { createVolumeViewSink } from './adapters/volume-view-sink.ts';
import type { WatcherSettings } from './settings.ts';
import type { Observation } from './tasks/observe.ts';
import { runTerm } from './tasks/term.ts';

/** Builds the watcher and starts it; disposing of what it returns ends the heartbeat first, then everything else. */
export async function startWatcher(context: ServiceContext<WatcherSettings>): Promise<AsyncDisposable> {
  const { config, logger, registry, clock, signal, readiness, routes } = context;
  const random = Math.random;
  // Two processes on one host, or a pod and its replacement, must not take each other for themselves.
  const identity = `${config.POD_NAME ?? hostname()}_${randomUUID().slice(0, 8)}`;
  await using stack = new AsyncDisposableStack();

  const access = stack.use(await loadKubernetesAccess({ ...process.env, KUBECONFIG: config.KUBECONFIG }));
  const kubernetes = stack.use(
    startKubernetesSource({ access, diskPoolNamespace: config.MAYASTOR_NAMESPACE, clock, random, log: logger }),
  );
  for (const kind of watchedKinds) {
    readiness.add(`kubernetes ${kind}`, () => {
      const problem = kubernetes.problem(kind);
      return problem === undefined ? { ready: true } : { ready: false, reason: problem };
    });
  }

  const measures = createMeasures({
    registry,
    clock,
    newestEventAgeMs: (kind) => kubernetes.newestEventAgeMs(kind),
  });

  const pace = createRateLimiter({ callsPerSecond: config.MAYASTOR_CALLS_PER_SECOND, clock });
  const mayastor = stack.use(
    createMayastorClient({
      ...mayastorAccess(config),
      readTimeoutMs: config.MAYASTOR_TIMEOUT_MS,
      pace: (...call) => pace.take(...call),
      onSend: (call) => logger.debug(call, 'call to Mayastor'),
      clock,
      registry,
    }),
  );

  readiness.add('nats', () => ({ ready: false, reason: 'not connected yet' }));
  const bus = stack.use(
    await connectBus({
      ...natsAccess(config),
      service: 'watcher',
      instance: identity,
      clock,
      logger,
      registry,
      replicas: config.NATS_REPLICAS,
      signal,
    }),
  );
  readiness.add('nats', () =>
    bus.state === 'connected'
      ? { ready: true }
      : { ready: false, reason: bus.lastError?.message ?? 'the connection was lost' },
  );
  await bus.ensureStreams(signal);

  let observation: Observation | undefined;
  addRoutes(routes, () => observation);
  // A standby is ready too: what it needs is there, and somebody else leads.
  readiness.add('mayastor', () => {
    const isWaiting = observation !== undefined && !observation.world.isComplete;
    return isWaiting ? { ready: false, reason: 'its volumes were not read whole yet' } : { ready: true };
  });

  const election = { namespace: config.CONTROL_NAMESPACE, identity, clock, random, log: logger };
  const leadership = config.LEADER_ELECTION
    ? createLeaseLeadership({ ...election, access })
    : createSoleLeadership(election);
  const led = leadership.run((term) => {
    // Whoever led before may have used up the second.
    pace.startOver();
    return runTerm(
      {
        identity,
        kubernetes,
        kubernetesSink: createKubernetesSink({ access, clock, identity }),
        volumeViews:
          config.VOLUME_VIEW_NAMESPACE === undefined
            ? undefined
            : createVolumeViewSink(access, config.VOLUME_VIEW_NAMESPACE),
        control: createControlSource(access, config.CONTROL_NAMESPACE),
        mayastor: createMayastorSource(mayastor),
        messages: createMessageSource(bus),
        permit: bus.permit,
        clock,
        log: logger,
        measures,
        mayastorPeriodMs: config.MAYASTOR_CACHE_PERIOD_MS,
        statusDebounceMs: config.STATUS_DEBOUNCE_MS,
        kubernetesWritesPerSecond: config.KUBERNETES_WRITES_PER_SECOND,
        isStopping: () => signal.aborted,
        onObservation: (current) => {
          observation = current;
        },
      },
      term,
    );
  }, signal);

  const lifetime = stack.move();
  return {
    [Symbol.asyncDispose]: async () => {
      await led;
      await lifetime.disposeAsync();
    },
  };
}
