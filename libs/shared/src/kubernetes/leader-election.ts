import type { Clock } from '../clock/index.ts';
import type { KubernetesAccess } from './access.ts';
import { createKubernetesClient } from './client.ts';
import { isStatus } from './errors.ts';
import { createLeaseRecord } from './lease-record.ts';

export interface LeaderElectionOptions {
  readonly access: KubernetesAccess;
  readonly namespace: string;
  /** The name of the Lease. */
  readonly name: string;
  /** Unique among the candidates, such as the name of the pod. */
  readonly identity: string;
  /** How long the others wait for a silent leader; whole seconds; 15 s by default. */
  readonly leaseDurationMs?: number;
  /** How long the leader trusts its last renewal, counted from when it was sent; two thirds of the lease by default. */
  readonly renewDeadlineMs?: number;
  /** Between two renewals, and between two attempts of others; 2 s by default. */
  readonly retryMs?: number;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Runs while this process leads. When its signal is aborted it must do nothing more and settle soon. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  readonly onError?: (error: unknown) => void;
}

export interface LeaderElection extends AsyncDisposable {
  /** Whether this process may act as the leader at this very moment; to be asked before each write. */
  isLeader(): boolean;
  /** The last known holder; undefined if there is none, or none was seen. */
  holder(): string | undefined;
  /** Ends leading first, waits for it, and then lets the next candidate in at once. */
  stop(): Promise<void>;
}

interface Term {
  readonly signal: AbortSignal;
  end(reason: string): void;
}

/**
 * One leader among several processes by a Kubernetes Lease. Every update carries the resource version that it is based on.
 * A leader that cannot renew stops `renewDeadlineMs` after its last successful renewal was sent, on its own monotonic clock;
 * the others take over `leaseDurationMs` after they saw that renewal, on theirs: so no clock has to be right, only its rate.
 */
export function startLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const { clock, random, lead, onError, leaseDurationMs = 15_000, retryMs = 2_000 } = options;
  const renewDeadlineMs = options.renewDeadlineMs ?? Math.floor((leaseDurationMs * 2) / 3);
  if (leaseDurationMs % 1_000 !== 0 || renewDeadlineMs >= leaseDurationMs || retryMs * 2 > renewDeadlineMs) {
    throw new RangeError('a lease lasts whole seconds, longer than its renewal deadline, which allows two attempts');
  }
  const record = createLeaseRecord(createKubernetesClient(options.access), { ...options, leaseDurationMs });
  const stopping = new AbortController();
  let leading = false;
  let validUntilMs = 0;

  const isLeader = (): boolean => leading && clock.monotonicMs() < validUntilMs;

  /** True if the lease is ours for another deadline. */
  const attempt = async (signal: AbortSignal): Promise<boolean> => {
    const sentAtMs = clock.monotonicMs();
    const isOurs = await record.acquireOrRenew(signal, retryMs);
    if (isOurs) validUntilMs = sentAtMs + renewDeadlineMs;
    return isOurs;
  };

  /** Renews until the term ends for whatever reason. */
  const renew = async (term: Term): Promise<void> => {
    let cancelDeadline = (): void => undefined;
    const setDeadline = (): void => {
      cancelDeadline();
      const remainingMs = validUntilMs - clock.monotonicMs();
      cancelDeadline = clock.after(remainingMs, () => term.end('the lease could not be renewed in time'));
    };
    setDeadline();
    try {
      while (!term.signal.aborted) {
        await clock.sleep(retryMs, term.signal);
        try {
          if (await attempt(term.signal)) setDeadline();
          else term.end('the lease went to someone else');
        } catch (error) {
          if (!term.signal.aborted) onError?.(error);
        }
      }
    } catch (error) {
      if (!term.signal.aborted) throw error;
    } finally {
      cancelDeadline();
    }
  };

  const serve = async (): Promise<void> => {
    const ending = new AbortController();
    const term: Term = {
      signal: AbortSignal.any([ending.signal, stopping.signal]),
      end: (reason) => ending.abort(new Error(reason)),
    };
    leading = true;
    const renewal = renew(term);
    try {
      await lead(term.signal);
    } catch (error) {
      if (!term.signal.aborted) onError?.(error);
    } finally {
      leading = false;
      term.end('leading has ended');
      await renewal;
    }
  };

  const release = async (): Promise<void> => {
    try {
      await record.release(retryMs);
    } catch (error) {
      // Somebody else may have it by now; otherwise it lapses by itself.
      if (!isStatus(error, 409) && !isStatus(error, 404)) onError?.(error);
    }
  };

  /** Till the next attempt of a candidate: no longer than until the lease may lapse, so that no time is lost by then. */
  const restMs = (): number => {
    const jitteredMs = retryMs * (1 + random() / 5);
    const freeInMs = record.freeInMs();
    return freeInMs === 0 ? jitteredMs : Math.min(jitteredMs, Math.ceil(freeInMs));
  };

  const campaign = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        if (await attempt(stopping.signal)) {
          await serve();
          await release();
        }
      } catch (error) {
        if (!stopping.signal.aborted) onError?.(error);
      }
      if (!stopping.signal.aborted) await clock.sleep(restMs(), stopping.signal);
    }
  };
  const ended = campaign().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });

  const stop = async (): Promise<void> => {
    stopping.abort(new Error('the election was stopped'));
    await ended;
  };
  return { isLeader, holder: () => record.holder(), stop, [Symbol.asyncDispose]: stop };
}
