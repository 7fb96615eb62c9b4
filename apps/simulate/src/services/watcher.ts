import { pause } from '@couchestor/shared/clock';
import { createMayastorClient, createRateLimiter } from '@couchestor/shared/mayastor';
import { createMayastorSource, createMessageSource, runTerm } from '@couchestor/watcher/parts';
import { noMeasures, silentLog } from '../world/silence.ts';
import type { SimulatedProcess } from '../world/process.ts';
import { CALL_TIMEOUT_MS, type Service, type Surroundings } from './surroundings.ts';

const LEASE_MS = 10_000;
const RENEW_MS = 2_000;
const CALLS_PER_SECOND = 4;
const AGAIN_MS = 1_000;

/** The watcher as its `start-watcher.ts` puts it together, with an election of its own. */
export const runWatcher: Service = async (process, surroundings, signal) => {
  const { clock, name: identity } = process;
  const { bus: server, kubernetes, mayastor, profile } = surroundings;
  const bus = server.connect(process);
  const pace = createRateLimiter({ callsPerSecond: CALLS_PER_SECOND, clock });
  const client = createMayastorClient({
    baseUrl: 'http://mayastor.invalid',
    timeoutMs: CALL_TIMEOUT_MS,
    pace: (...call) => pace.take(...call),
    clock,
    transport: mayastor.transportOf(process),
  });
  const source = kubernetes.sourceOf(process);
  const term = (leading: AbortSignal): Promise<void> =>
    runTerm(
      {
        identity,
        kubernetes: source,
        kubernetesSink: kubernetes.sinkOf(process),
        volumeViews: undefined,
        control: kubernetes.controlOf(process),
        mayastor: createMayastorSource(client),
        messages: createMessageSource(bus),
        permit: bus.permit,
        clock,
        log: silentLog,
        measures: noMeasures,
        mayastorPeriodMs: profile.watchPeriodMs,
        statusDebounceMs: 5 * profile.debounceMs,
        kubernetesWritesPerSecond: 50,
        isStopping: () => signal.aborted,
        onObservation: () => undefined,
      },
      leading,
    );
  await campaign(process, surroundings, term, signal);
};

/** Runs a term while the lease is this process's; the term is over before the lease can be another's. */
async function campaign(
  process: SimulatedProcess,
  { network, kubernetes }: Surroundings,
  term: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = process;
  let leading: AbortController | undefined;
  let running: Promise<void> = Promise.resolve();
  let cancelEnd: () => void = () => undefined;
  const endTerm = (): void => leading?.abort(new Error('the lease has run out'));
  const begin = (): void => {
    const own = new AbortController();
    leading = own;
    const run = async (): Promise<void> => {
      while (!own.signal.aborted) {
        try {
          await term(own.signal);
        } catch (error) {
          if (own.signal.aborted) return;
          if (error instanceof Error && error.name === 'AssertionError') throw error;
          await pause(clock, AGAIN_MS, own.signal);
        }
      }
    };
    running = run().finally(() => {
      if (leading === own) leading = undefined;
    });
  };
  while (!signal.aborted) {
    const sentAtMs = clock.monotonicMs();
    const leads = await network
      .askOnce(process, 'kubernetes lease', () => kubernetes.tryLead(process.name, LEASE_MS), {
        timeoutMs: RENEW_MS,
        timedOut: () => new Error('the API server did not answer'),
        signal,
      })
      .catch(() => false);
    const validMs = sentAtMs + LEASE_MS - RENEW_MS - clock.monotonicMs();
    if (leads && validMs > 0) {
      cancelEnd();
      cancelEnd = clock.after(validMs, endTerm);
      if (leading === undefined) begin();
    }
    await pause(clock, RENEW_MS, signal);
  }
  cancelEnd();
  endTerm();
  await running;
}
