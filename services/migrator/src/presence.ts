import type { Clock } from '@couchestor/shared/clock';
import type { Leases } from '@couchestor/shared/leases';

/** Tells migrators that live from those that died: each holds a lease of its own name for as long as it lives. */
export interface Presence {
  /** Whether ours is certainly held. */
  isHeld(): boolean;
  /** Prolongs ours, or takes it again where it lapsed. Rejects when Redis gives no answer. */
  keep(): Promise<void>;
  /** Whether nobody holds that of this migrator: it is dead, cut off from Redis, or about to take it again. */
  isFree(instance: string): Promise<boolean>;
  /** Gives ours back. */
  end(): Promise<void>;
}

export function createPresence(
  leases: Pick<Leases, 'acquireLeadership' | 'renewLeadership' | 'releaseLeadership'>,
  instance: string,
  clock: Clock,
): Presence {
  const nameOf = (mover: string): string => `mover-${mover}`;
  let lease: { readonly token: number; readonly validUntilMonotonicMs: number } | undefined;
  return {
    isHeld: () => lease !== undefined && clock.monotonicMs() < lease.validUntilMonotonicMs,
    keep: async () => {
      if (lease !== undefined) {
        const answer = await leases.renewLeadership(nameOf(instance), instance, lease.token);
        lease = answer.renewed ? { ...lease, validUntilMonotonicMs: answer.validUntilMonotonicMs } : undefined;
      }
      if (lease !== undefined) return;
      const answer = await leases.acquireLeadership(nameOf(instance), instance);
      if (answer.granted) lease = answer;
    },
    isFree: async (mover) => {
      const answer = await leases.acquireLeadership(nameOf(mover), instance);
      if (answer.granted) await leases.releaseLeadership(nameOf(mover), instance, answer.token);
      return answer.granted;
    },
    end: async () => {
      if (lease !== undefined) await leases.releaseLeadership(nameOf(instance), instance, lease.token);
      lease = undefined;
    },
  };
}
