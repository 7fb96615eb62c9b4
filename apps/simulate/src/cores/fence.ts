import { RedisUnavailableError } from '@couchestor/shared/leases';
import { LEASE_TTL_MS } from '../world/leases.ts';
import { keepLease, type CoreLease, type Redis } from './leases.ts';
import type { Task } from './task.ts';

/** The lease of the fence, as one move has it: as the service does it. */
export interface CoreFence {
  readonly isTaken: boolean;
  readonly isHeld: boolean;
  lasts(leadMs: number): boolean;
  readonly isNobodys: boolean;
  queue(isWanted: () => boolean): Task;
  drop(): Task;
}

const SILENCE_MS = 5_000;
const PATIENCE_MS = 30_000;

export function createCoreFence(options: {
  readonly migrationId: string;
  readonly token: number;
  readonly redis: Redis;
  readonly ownership: Pick<CoreLease, 'lapsed'>;
  readonly clock: { monotonicMs(): number };
  /** Migrations of this process that wait for the fence. */
  readonly waiting: Set<string>;
  /** Until the fence is given back, or for a while. */
  readonly rest: () => Task;
  readonly onDefect: (error: unknown) => void;
}): CoreFence {
  const { migrationId, token, redis, ownership, clock, waiting, rest, onDefect } = options;
  let lease: CoreLease | undefined;
  let unansweredAtMs = Number.NEGATIVE_INFINITY;

  function* drop(): Task {
    const held = lease;
    lease = undefined;
    if (held !== undefined) yield* held.release();
  }
  function* acquire(): Task<boolean> {
    if (lease?.lost === true) yield* drop();
    if (lease !== undefined) return true;
    const sentMs = clock.monotonicMs();
    try {
      const answer = yield* redis.ask('acquireFence', {
        ...redis.ordered(migrationId, token),
        ttlMs: LEASE_TTL_MS,
        lifeMs: LEASE_TTL_MS,
      });
      unansweredAtMs = Number.NEGATIVE_INFINITY;
      if (answer.kind !== 'granted') return false;
    } catch (error) {
      if (error instanceof RedisUnavailableError) unansweredAtMs = clock.monotonicMs();
      throw error;
    }
    lease = keepLease(
      redis,
      sentMs,
      () => redis.ask('renewFence', { migrationId, token, ttlMs: LEASE_TTL_MS }),
      () => redis.ask('releaseFence', redis.ordered(migrationId, token)),
      onDefect,
    );
    return true;
  }
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
    queue: function* (isWanted) {
      const untilMs = clock.monotonicMs() + PATIENCE_MS;
      const isFirst = (): boolean => waiting.values().next().value === migrationId;
      waiting.add(migrationId);
      try {
        while (!(isFirst() && (yield* acquire())) && isWanted() && clock.monotonicMs() < untilMs) yield* rest();
      } finally {
        waiting.delete(migrationId);
      }
    },
    drop,
  };
}
