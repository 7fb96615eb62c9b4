import { type Clock, pause } from '@couchestor/shared/clock';
import type { Leases } from '@couchestor/shared/leases';
import { messageOf, type Logger } from '@couchestor/shared/service';
import type { Leadership } from '../ports.ts';

const NAME = 'scorer';
/** Life of the lease: with a try each 2 s another scorer leads within 12 s of the end of the one that did. */
export const LEADERSHIP_TTL_MS = 10_000;
/** Several tries fit into the lease's life, so that a slow answer does not end the lead. */
const TRY_MS = 2_000;

export interface ElectedLeadership extends Leadership {
  /** Campaigns, leads and renews until the signal; gives the lease back at its end. */
  run(signal: AbortSignal): Promise<void>;
  /** Why it is not known who leads; undefined while Redis answers. */
  problem(): string | undefined;
}

/** The only scorer leads from the start. */
export const soleLeadership: Leadership = { isLeader: () => true, onChange: () => undefined };

/** One of several scorers leads, by a lease in Redis. */
export function createLeadership(leases: Leases, instance: string, clock: Clock, logger: Logger): ElectedLeadership {
  const listeners = new Set<(leading: boolean) => void>();
  let lease: { readonly token: number; readonly validUntilMs: number } | undefined;
  let leading = false;
  let problem: string | undefined = 'Redis was not asked yet';
  const isLeader = (): boolean => lease !== undefined && clock.monotonicMs() < lease.validUntilMs;

  const tell = (): void => {
    if (leading === isLeader()) return;
    leading = isLeader();
    logger.info({ instance }, leading ? 'leading' : 'not leading any more');
    for (const listener of listeners) listener(leading);
  };
  const renewOrAcquire = async (): Promise<void> => {
    if (lease !== undefined) {
      const answer = await leases.renewLeadership(NAME, instance, lease.token);
      lease = answer.renewed ? { token: lease.token, validUntilMs: answer.validUntilMonotonicMs } : undefined;
      // Told although it may be won again at once: somebody else may have led in between.
      tell();
    }
    if (lease === undefined) {
      const answer = await leases.acquireLeadership(NAME, instance);
      if (answer.granted) lease = { token: answer.token, validUntilMs: answer.validUntilMonotonicMs };
    }
  };
  return {
    isLeader,
    problem: () => problem,
    onChange: (listener) => {
      listeners.add(listener);
    },
    run: async (signal) => {
      while (!signal.aborted) {
        problem = await renewOrAcquire().then(() => undefined, messageOf);
        tell();
        if (!(await pause(clock, TRY_MS, signal))) break;
      }
      if (lease === undefined) return;
      const { token } = lease;
      lease = undefined;
      await leases.releaseLeadership(NAME, instance, token).catch((error: unknown) => {
        logger.warn({ problem: messageOf(error) }, 'the lead could not be given back; it lapses');
      });
    },
  };
}
