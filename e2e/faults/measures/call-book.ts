import type { ServiceName } from '@couchestor/demo/stage';
import { pause, type Clock } from '@couchestor/shared/clock';
import type { MayastorRequest } from '@couchestor/simulator/mayastor';

/** What arrived at Mayastor's door, when, and from whom: what a service meant to send counts for nothing here. */
export interface CallBook extends Disposable {
  readonly note: (service: ServiceName, request: MayastorRequest) => void;
  readonly calls: readonly Call[];
}

export interface Call {
  readonly service: ServiceName;
  readonly method: string;
  readonly path: string;
  readonly atMs: number;
  /** When it was taken in, and since when it may have lain there, should this process have been busy. */
  readonly monotonicMs: number;
  readonly earliestMs: number;
}

const CALLS_MAX = 2_000_000;
const TICK_MS = 5;

export function openCallBook(clock: Clock): CallBook {
  const calls: Call[] = [];
  // A process that was busy takes in at once what arrived one after the other; when it last was not, this tells.
  let idleMs = clock.monotonicMs();
  const closing = new AbortController();
  void (async () => {
    while (await pause(clock, TICK_MS, closing.signal)) idleMs = clock.monotonicMs();
  })();
  return {
    note: (service, { method, path }) => {
      if (calls.length === CALLS_MAX) throw new Error(`more than ${CALLS_MAX} calls in one run`);
      const monotonicMs = clock.monotonicMs();
      calls.push({
        service,
        method,
        path,
        atMs: clock.nowMs(),
        monotonicMs,
        earliestMs: Math.min(idleMs, monotonicMs),
      });
    },
    calls,
    [Symbol.dispose]: () => closing.abort(new Error('the book is closed')),
  };
}

/** The most calls that certainly arrived within any span of time of this length. */
export function mostWithin(calls: readonly Pick<Call, 'monotonicMs' | 'earliestMs'>[], spanMs: number): number {
  let most = 0;
  let first = 0;
  calls.forEach(({ monotonicMs }, last) => {
    while (monotonicMs - (calls[first]?.earliestMs ?? 0) >= spanMs) first += 1;
    most = Math.max(most, last - first + 1);
  });
  return most;
}

/** How old the latest heartbeat was at most when such a call arrived, in milliseconds; 0 if none arrived. */
export function oldestPermit(calls: readonly Call[], heartbeatsAtMs: readonly number[]): number {
  let next = 0;
  let oldest = 0;
  for (const { atMs } of calls) {
    while ((heartbeatsAtMs[next] ?? Number.POSITIVE_INFINITY) <= atMs) next += 1;
    oldest = Math.max(oldest, atMs - (heartbeatsAtMs[next - 1] ?? Number.NEGATIVE_INFINITY));
  }
  return oldest;
}

export const isWrite = ({ method }: Call): boolean => method !== 'GET';

/** The removal of a cordon, which does no harm whenever it comes. */
export const isRelease = ({ method, path }: Call): boolean => method === 'DELETE' && path.includes('/cordon');
