import { pause, type Clock } from '@couchestor/shared/clock';
import { startLeaderElection, type KubernetesAccess } from '@couchestor/shared/kubernetes';
import { createBackoff, createStandingLines, messageOf } from '@couchestor/shared/service';
import type { Leadership, Log } from '../ports.ts';

export interface LeadershipOptions {
  readonly access: KubernetesAccess;
  readonly namespace: string;
  readonly identity: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

const LEASE_NAME = 'couchestor-watcher';
/** A standby sees a renewal at most 2.4 s and an answer late, so that 15 s without a leader leave time for slow answers. */
const LEASE_MS = 10_000;

/** Leads while this process holds the Lease. A term that fails gives it up, and the election goes on. */
export function createLeaseLeadership(options: LeadershipOptions): Leadership {
  const { log, clock } = options;
  const standing = createStandingLines(clock);
  return {
    run: async (term, signal) => {
      await using election = startLeaderElection({
        ...options,
        name: LEASE_NAME,
        leaseDurationMs: LEASE_MS,
        lead: async (leading) => {
          log.info({ identity: options.identity }, 'elected');
          try {
            await term(leading);
          } catch (error) {
            if (!leading.aborted) throw error;
            if (!signal.aborted) log.warn({ err: error }, 'no longer leading');
          }
        },
        onError: (error) =>
          standing.say('election', messageOf(error), () =>
            log.warn({ err: error }, 'leader election or the term of a leader failed, trying on'),
          ),
      });
      await ended(signal);
      await election.stop();
    },
  };
}

/** Leads always: for a watcher that is alone. A term that fails begins anew after a pause. */
export function createSoleLeadership({ clock, random, log }: Omit<LeadershipOptions, 'access'>): Leadership {
  const backoff = createBackoff({ baseMs: 1_000, maxMs: 30_000, random });
  return {
    run: async (term, signal) => {
      while (!signal.aborted) {
        try {
          await term(signal);
        } catch (error) {
          if (signal.aborted) return;
          log.error({ err: error }, 'the watcher failed, beginning anew');
          await pause(clock, backoff.nextDelayMs(), signal);
        }
      }
    },
  };
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
