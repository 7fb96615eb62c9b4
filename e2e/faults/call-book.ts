import type { ServiceName } from '@couchestor/demo/stage';
import type { MayastorRequest } from '@couchestor/simulator/mayastor';

/** What arrived at Mayastor's door, when, and from whom: what a service meant to send counts for nothing here. */
export interface CallBook {
  readonly note: (service: ServiceName, request: MayastorRequest) => void;
  readonly calls: readonly Call[];
}

export interface Call {
  readonly service: ServiceName;
  readonly method: string;
  readonly path: string;
  readonly atMs: number;
  readonly monotonicMs: number;
}

const CALLS_MAX = 2_000_000;

export function openCallBook(clock: { nowMs(): number; monotonicMs(): number }): CallBook {
  const calls: Call[] = [];
  return {
    note: (service, { method, path }) => {
      if (calls.length === CALLS_MAX) throw new Error(`more than ${CALLS_MAX} calls in one run`);
      calls.push({ service, method, path, atMs: clock.nowMs(), monotonicMs: clock.monotonicMs() });
    },
    calls,
  };
}

/** The most calls that arrived within any span of time of this length, both ends of it belonging to it. */
export function mostWithin(calls: readonly Pick<Call, 'monotonicMs'>[], spanMs: number): number {
  let most = 0;
  let first = 0;
  calls.forEach(({ monotonicMs }, last) => {
    while (monotonicMs - (calls[first]?.monotonicMs ?? 0) >= spanMs) first += 1;
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
