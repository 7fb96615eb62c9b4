import { strict as assert } from 'node:assert';
import type { Clock } from '../clock/index.ts';
import { CALL_LIFE_MAX_MS } from '../mayastor/call-life.ts';
import { createCallQueue } from './call-queue.ts';
import type {
  EpochLostReply,
  EpochReply,
  FenceReply,
  HoldReply,
  LeaseKind,
  LeaseReply,
  LeaseServer,
  OwnerCommand,
} from './lease-server.ts';
import type {
  CallPriority,
  EpochLost,
  EpochState,
  FenceAnswer,
  HoldsAnswer,
  HoldsRequest,
  LeaseAnswer,
  Leases,
  RegisteredIntent,
  RenewalAnswer,
} from './leases.ts';
import { createMemoryLeaseServer } from './memory-lease-server.ts';
import { connectRedis, type RedisClient } from './redis-connection.ts';
import { createRedisLeaseServer } from './redis-lease-server.ts';

interface LeasesSettings {
  /** Its monotonic time dates what is granted, its timers bound what is waited for. */
  readonly clock: Clock;
  /** Life of an ownership, a leadership or a fence without a renewal; 15 s by default. All processes must agree. */
  readonly ttlMs?: number;
  /** Life of a migration's holds without a renewal by anybody; 2 min by default. */
  readonly holdTtlMs?: number;
  /** Calls to Mayastor of all processes together, 1 to 1000; 6 by default, one of which only a release may take. */
  readonly callsPerSecond?: number;
}

export interface RedisLeasesOptions extends LeasesSettings {
  /** A URL, or a client that stays the caller's: it should fail commands at once while there is no server. */
  readonly redis: string | RedisClient;
  /** Hash tag of all keys; `couchestor` by default. */
  readonly namespace?: string;
  /** Of one command; 1 s by default. */
  readonly commandTimeoutMs?: number;
  /** Uniform in [0, 1); spreads reconnections. */
  readonly random?: () => number;
  /** For a URL: called when the connection is lost or cannot be made, once until it is back. */
  readonly onLost?: (error: Error) => void;
  readonly onReady?: () => void;
}

export interface MemoryLeasesOptions extends LeasesSettings {
  /** To be shared by those that exclude each other; one of its own by default. */
  readonly server?: LeaseServer;
}

/** Leases on a Redis server. */
export function createLeases(options: RedisLeasesOptions): Leases {
  const { redis, clock, commandTimeoutMs = 1_000, random = Math.random, onLost, onReady } = options;
  const isOurs = typeof redis === 'string';
  const client = isOurs ? connectRedis({ url: redis, commandTimeoutMs, random, onLost, onReady }) : redis;
  const server = createRedisLeaseServer({
    redis: client,
    clock,
    namespace: options.namespace ?? 'couchestor',
    commandTimeoutMs,
    dispose: async () => {
      if (isOurs) client.disconnect();
    },
  });
  return leasesOn(server, options);
}

/** Leases in memory, which mean the same. */
export function createMemoryLeases(options: MemoryLeasesOptions): Leases {
  return leasesOn(options.server ?? createMemoryLeaseServer({ clock: options.clock }), options);
}

const HOLDS_MAX = 64;
/** A script holds up every other client of the server, so a long list is registered in parts. */
const INTENTS_PER_SCRIPT = 100;

function leasesOn(server: LeaseServer, settings: LeasesSettings): Leases {
  const { clock, ttlMs = 15_000, holdTtlMs = 120_000, callsPerSecond = 6 } = settings;
  assert.ok(ttlMs > 0 && holdTtlMs >= ttlMs, 'holds outlast leases');
  assert.ok(Number.isInteger(callsPerSecond) && callsPerSecond >= 1 && callsPerSecond <= 1_000);
  const lifeMs = ttlMs;
  // The last call of each second is kept for what must not wait behind anything: taking cordons away.
  const limitOf = (priority: CallPriority): number =>
    priority === 'release' ? callsPerSecond : Math.max(1, callsPerSecond - 1);
  const calls = createCallQueue(clock, (priority, grantLifeMs) =>
    server.takeCall(priority, limitOf(priority), grantLifeMs),
  );

  let commands = 0;
  /** What the owner of a volume asks is numbered, so that the server knows what was overtaken. */
  const ordered = (migrationId: string, token: number): OwnerCommand => {
    commands += 1;
    return { migrationId, token, order: commands };
  };

  const acquire = async (kind: LeaseKind, name: string, holder: string): Promise<LeaseAnswer> => {
    const sentAtMs = clock.monotonicMs();
    return leaseAnswerOf(await server.acquireLease({ kind, name, holder, ttlMs, lifeMs }), sentAtMs + ttlMs);
  };
  const renew = async (kind: LeaseKind, name: string, holder: string, token: number): Promise<RenewalAnswer> => {
    const sentAtMs = clock.monotonicMs();
    return renewalOf(await server.renewLease({ kind, name, holder, token, ttlMs }), sentAtMs + ttlMs);
  };
  const hold = async (mode: 'add' | 'replace', { migrationId, token, holds }: HoldsRequest): Promise<HoldsAnswer> => {
    assert.ok(holds.length <= HOLDS_MAX, `at most ${HOLDS_MAX} holds`);
    assert.equal(new Set(holds.map(({ key }) => key)).size, holds.length, 'each key once');
    for (const { amount, limit } of holds)
      assert.ok(Number.isSafeInteger(amount) && amount >= 0 && limit >= 0, 'an amount is a whole number, 0 or more');
    const reply = await server.hold({ ...ordered(migrationId, token), mode, holds, ttlMs: holdTtlMs, lifeMs });
    return holdsAnswerOf(reply, holds);
  };

  /** The last part may open the epoch, if all were registered in the same recovery. */
  const register = async (intents: readonly RegisteredIntent[], mayOpen: boolean): Promise<EpochState> => {
    let recovery: number | undefined;
    for (let from = 0; ; from += INTENTS_PER_SCRIPT) {
      const isLast = from + INTENTS_PER_SCRIPT >= intents.length;
      const epoch = mayOpen ? (isLast ? 'commit' : 'begin') : 'leave';
      const part = intents.slice(from, from + INTENTS_PER_SCRIPT);
      const reply = await server.register({ intents: part, ttlMs: holdTtlMs, lifeMs, epoch, recovery });
      if (isLast) return epochStateOf(reply.epoch);
      // A loss between two parts begins another recovery, and the list is not registered in it as a whole.
      recovery = from === 0 ? (reply.recovery ?? NO_RECOVERY) : recovery;
    }
  };

  return {
    acquireOwnership: (volumeId, instance) => acquire('owner', volumeId, instance),
    renewOwnership: (volumeId, instance, token) => renew('owner', volumeId, instance, token),
    releaseOwnership: (volumeId, instance, token) =>
      server.releaseLease({ kind: 'owner', name: volumeId, holder: instance, token }),

    acquireHolds: (request) => hold('add', request),
    swapHolds: (request) => hold('replace', request),
    registerHolds: async (intent) => {
      await register([intent], false);
    },
    releaseHolds: (migrationId, token) => server.releaseHolds({ ...ordered(migrationId, token), ttlMs: holdTtlMs }),
    renewAll: (intents) => register(intents, false),
    registerAll: (intents) => register(intents, true),
    epoch: async () => epochStateOf(await server.epoch(lifeMs)),

    acquireFence: async (request) => {
      const { migrationId, token } = request;
      const sentAtMs = clock.monotonicMs();
      const reply = await server.acquireFence({ ...ordered(migrationId, token), ttlMs, lifeMs });
      return fenceAnswerOf(reply, sentAtMs + ttlMs);
    },
    renewFence: async (migrationId, token) => {
      const sentAtMs = clock.monotonicMs();
      return renewalOf(await server.renewFence({ migrationId, token, ttlMs }), sentAtMs + ttlMs);
    },
    releaseFence: (migrationId, token) => server.releaseFence(ordered(migrationId, token)),

    takeCall: (priority, grantLifeMs, signal) => {
      assert.ok(
        grantLifeMs >= 0 && grantLifeMs <= CALL_LIFE_MAX_MS,
        `a grant is good for ${CALL_LIFE_MAX_MS} ms at most`,
      );
      return calls.take(priority, grantLifeMs, signal);
    },

    acquireLeadership: (name, instance) => acquire('leader', name, instance),
    renewLeadership: (name, instance, token) => renew('leader', name, instance, token),
    releaseLeadership: (name, instance, token) =>
      server.releaseLease({ kind: 'leader', name, holder: instance, token }),

    ping: () => server.ping(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** The first part found an open epoch; should it be lost before the last one, no recovery has this number. */
const NO_RECOVERY = 0;

const epochLostOf = ({ opensInMs }: EpochLostReply): EpochLost => ({ granted: false, reason: 'EpochLost', opensInMs });

function renewalOf(renewed: boolean, validUntilMonotonicMs: number): RenewalAnswer {
  return renewed ? { renewed, validUntilMonotonicMs } : { renewed };
}

function leaseAnswerOf(reply: LeaseReply, validUntilMonotonicMs: number): LeaseAnswer {
  switch (reply.kind) {
    case 'granted':
      return { granted: true, token: reply.token, validUntilMonotonicMs };
    case 'held':
      return { granted: false, reason: 'Held', retryInMs: reply.leftMs };
    case 'epochLost':
      return epochLostOf(reply);
  }
}

function holdsAnswerOf(reply: HoldReply, holds: HoldsRequest['holds']): HoldsAnswer {
  switch (reply.kind) {
    case 'granted':
      return { granted: true };
    case 'limit': {
      const limit = holds.find(({ key }) => key === reply.key)?.limit ?? 0;
      return { granted: false, reason: 'LimitReached', refusedBy: reply.key, used: reply.used, limit };
    }
    case 'superseded':
      return { granted: false, reason: 'Superseded' };
    case 'epochLost':
      return epochLostOf(reply);
  }
}

function fenceAnswerOf(reply: FenceReply, validUntilMonotonicMs: number): FenceAnswer {
  switch (reply.kind) {
    case 'granted':
      return { granted: true, validUntilMonotonicMs };
    case 'held':
      return { granted: false, reason: 'Held', retryInMs: reply.leftMs };
    case 'superseded':
      return { granted: false, reason: 'Superseded' };
    case 'epochLost':
      return epochLostOf(reply);
  }
}

function epochStateOf(reply: EpochReply): EpochState {
  return reply.kind === 'open' ? { state: 'open' } : { state: 'lost', opensInMs: reply.opensInMs };
}
