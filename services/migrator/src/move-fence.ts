import type { Clock } from '@couchestor/shared/clock';
import { RedisUnavailableError, type Leases } from '@couchestor/shared/leases';
import { keepLease, type HeldLease } from './held-lease.ts';

/**
 * The lease of the fence, as one move has it. A cordon of a pool bears no name, so none is set or removed but by who has
 * the lease: what stands when it is taken stays as it is until it is given back.
 */
export interface MoveFence {
  /** It was granted, and not given back since; it may have lapsed. */
  readonly isTaken: boolean;
  readonly isHeld: boolean;
  /** Whether it is certainly ours for another `leadMs`. */
  lasts(leadMs: number): boolean;
  /**
   * Redis answered neither now nor for as long as it grants the lease for, so what it granted before has lapsed, and
   * nobody else has it; unless it answers others, who take this move over before long.
   */
  readonly isNobodys: boolean;
  /** Asks for it, in turn with the other moves of this process, for as long as it is wanted, and for a while at most. */
  queue(isWanted: () => boolean): Promise<void>;
  drop(): Promise<void>;
}

const RETRY_MS = 100;
/** So long a question without an answer says that there is none. */
const SILENCE_MS = 5_000;
/** After this a move that waits for the fence looks around again. */
const PATIENCE_MS = 30_000;

export function createMoveFence(options: {
  readonly migrationId: string;
  /** Of the ownership of the volume. */
  readonly token: number;
  readonly leases: Pick<Leases, 'acquireFence' | 'renewFence' | 'releaseFence'>;
  /** Of the volume, which is renewed all the time, so that it tells how long Redis has given no answer. */
  readonly ownership: Pick<HeldLease, 'lapsed'>;
  readonly leaseTtlMs: number;
  readonly clock: Clock;
  /** Migrations of this process that wait for the fence; none but the first asks for it, so that waiting costs little. */
  readonly waiting: Set<string>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly onError: (error: unknown) => void;
}): MoveFence {
  const { migrationId, token, leases, ownership, leaseTtlMs, clock, waiting, sleep, onError } = options;
  let lease: HeldLease | undefined;
  let unansweredAtMs = Number.NEGATIVE_INFINITY;

  const drop = async (): Promise<void> => {
    const held = lease;
    lease = undefined;
    await held?.release();
  };
  const acquire = async (): Promise<boolean> => {
    if (lease?.lost === true) await drop();
    if (lease !== undefined) return true;
    try {
      const answer = await leases.acquireFence({ migrationId, token });
      unansweredAtMs = Number.NEGATIVE_INFINITY;
      if (!answer.granted) return false;
      lease = keepLease({
        clock,
        term: answer,
        renewEveryMs: leaseTtlMs / 3,
        renew: async () => {
          const renewal = await leases.renewFence(migrationId, token);
          return renewal.renewed ? renewal : undefined;
        },
        release: () => leases.releaseFence(migrationId, token),
        onError,
      });
      return true;
    } catch (error) {
      if (error instanceof RedisUnavailableError) unansweredAtMs = clock.monotonicMs();
      throw error;
    }
  };

  return {
    get isTaken() {
      return lease !== undefined;
    },
    get isHeld() {
      return lease !== undefined && !lease.lost;
    },
    lasts: (leadMs) => lease?.lasts(leadMs) === true,
    get isNobodys() {
      return ownership.lapsed && clock.monotonicMs() - unansweredAtMs < SILENCE_MS;
    },
    queue: async (isWanted) => {
      const untilMs = clock.monotonicMs() + PATIENCE_MS;
      const isFirst = (): boolean => waiting.values().next().value === migrationId;
      waiting.add(migrationId);
      try {
        while (!(isFirst() && (await acquire())) && isWanted() && clock.monotonicMs() < untilMs) await sleep(RETRY_MS);
      } finally {
        waiting.delete(migrationId);
      }
    },
    drop,
  };
}
