import type { Hold } from '@couchestor/migrator/core-parts';
import {
  RedisUnavailableError,
  type LeaseOperations,
  type MemoryLeaseServer,
  type OwnerCommand,
} from '@couchestor/shared/leases';
import { LEASE_TTL_MS } from '../world/leases.ts';
import { begin, sleep, type Task } from './task.ts';
import type { Ways } from './ways.ts';

/** Redis as one process of the cores reaches it. Without an answer it throws. */
export interface Redis {
  readonly ways: Ways;
  /** The next of the commands of the owner of a volume. */
  ordered(migrationId: string, token: number): OwnerCommand;
  ask<N extends keyof LeaseOperations>(
    name: N,
    ...request: Parameters<LeaseOperations[N]>
  ): Task<ReturnType<LeaseOperations[N]>>;
}

const COMMAND_TIMEOUT_MS = 1_000;
export const HOLD_TTL_MS = 120_000;
export const RENEW_EVERY_MS = LEASE_TTL_MS / 3;

export function createRedis(
  ways: Ways,
  { atOnce }: MemoryLeaseServer,
  onFenceFreed: () => void = () => undefined,
): Redis {
  let commands = 0;
  return {
    ways,
    ordered: (migrationId, token) => {
      commands += 1;
      return { migrationId, token, order: commands };
    },
    ask: (name, ...request) => {
      const operation = atOnce[name] as (...given: typeof request) => ReturnType<(typeof atOnce)[typeof name]>;
      return ways.ask(
        `redis ${name}`,
        COMMAND_TIMEOUT_MS,
        () => {
          const answer = operation(...request);
          if (name === 'releaseFence') onFenceFreed();
          return answer;
        },
        () => new RedisUnavailableError(name, 'no answer in time'),
      );
    },
  };
}

export function* hold(
  redis: Redis,
  mode: 'add' | 'replace',
  migrationId: string,
  token: number,
  holds: readonly Hold[],
): Task<ReturnType<LeaseOperations['hold']>> {
  return yield* redis.ask('hold', {
    ...redis.ordered(migrationId, token),
    mode,
    holds,
    ttlMs: HOLD_TTL_MS,
    lifeMs: LEASE_TTL_MS,
  });
}

export function releaseHolds(redis: Redis, migrationId: string, token: number): Task {
  return redis.ask('releaseHolds', { ...redis.ordered(migrationId, token), ttlMs: HOLD_TTL_MS });
}

/** A lease that is renewed for as long as it is held. Time is counted from when it was asked for. */
export interface CoreLease {
  lasts(leadMs: number): boolean;
  /** It lapsed or went to somebody else. */
  readonly lost: boolean;
  /** Its term is over, and no renewal had an answer for so long. */
  readonly lapsed: boolean;
  release(): Task;
}

export function keepLease(
  redis: Redis,
  grantedMs: number,
  renew: () => Task<boolean>,
  release: () => Task,
  onDefect: (error: unknown) => void,
): CoreLease {
  const { process } = redis.ways;
  const { clock } = process;
  let untilMs = grantedMs + LEASE_TTL_MS;
  let lost = false;
  let denied = false;
  let isHeld = true;
  function* keep(): Task {
    let waitMs = RENEW_EVERY_MS;
    for (;;) {
      yield* sleep(process, waitMs);
      if (!isHeld) return;
      const sentMs = clock.monotonicMs();
      waitMs = RENEW_EVERY_MS;
      try {
        if (yield* renew()) untilMs = Math.max(untilMs, sentMs + LEASE_TTL_MS);
        else denied = true;
      } catch (error) {
        if (!(error instanceof RedisUnavailableError)) throw error;
        waitMs = RENEW_EVERY_MS / 5;
      }
      if (denied || clock.monotonicMs() >= untilMs) {
        lost = true;
        return;
      }
    }
  }
  begin(keep(), onDefect);
  return {
    lasts: (leadMs) => !lost && clock.monotonicMs() + leadMs <= untilMs,
    get lost() {
      return lost || clock.monotonicMs() >= untilMs;
    },
    get lapsed() {
      return !denied && clock.monotonicMs() >= untilMs;
    },
    release: function* () {
      isHeld = false;
      const isOurs = !lost;
      lost = true;
      if (isOurs) yield* release();
    },
  };
}
