import { createHash } from 'node:crypto';
import type { Clock } from '../clock/index.ts';
import { SLOT_KEPT_MS, SLOT_TAKEN_MAX_MS } from '../mayastor/call-life.ts';
import { messageOf } from '../service/errors.ts';
import { RedisUnavailableError } from './errors.ts';
import type { CallPriority, HoldKey } from './leases.ts';
import {
  type EpochLostReply,
  type EpochReply,
  type FenceReply,
  type HoldReply,
  type LeaseKind,
  type LeaseReply,
  type LeaseServer,
  type RegisterReply,
  TURN_MS,
  WAITING_MS,
} from './lease-server.ts';
import * as scripts from './lua-scripts.ts';
import type { RedisClient } from './redis-connection.ts';

export interface RedisLeaseServerOptions {
  readonly redis: RedisClient;
  readonly clock: Clock;
  /** Keys begin with it; being the hash tag, it keeps them on one node of a Redis Cluster. */
  readonly namespace: string;
  readonly commandTimeoutMs: number;
  readonly dispose: () => Promise<void>;
}

/** More commands than these are not left waiting for an answer at a time. */
const COMMANDS_MAX = 512;
/** A claim outlasts its holder's own next try by this, so that the less urgent do not slip in between. */
const CLAIM_MS = 100;
const rankOf: Readonly<Record<CallPriority, number>> = { release: 0, act: 1, read: 2 };

/** The scripts on a Redis server. */
export function createRedisLeaseServer(options: RedisLeaseServerOptions): LeaseServer {
  const { redis, clock, commandTimeoutMs } = options;
  let commands = 0;

  /** Every command has its deadline, whatever the state of the connection. */
  const within = async <T>(operation: string, command: () => Promise<T>): Promise<T> => {
    if (commands >= COMMANDS_MAX) throw new RedisUnavailableError(operation, `${COMMANDS_MAX} commands wait already`);
    commands += 1;
    const late = Promise.withResolvers<never>();
    const cancel = clock.after(commandTimeoutMs, () =>
      late.reject(new RedisUnavailableError(operation, `no answer within ${commandTimeoutMs} ms`)),
    );
    try {
      const answer = command();
      // Whichever comes second is nobody's concern any more.
      answer.catch(() => undefined);
      return await Promise.race([answer, late.promise]);
    } catch (error) {
      if (error instanceof RedisUnavailableError) throw error;
      throw new RedisUnavailableError(operation, messageOf(error), { cause: error });
    } finally {
      cancel();
      commands -= 1;
    }
  };

  const run = (
    operation: string,
    script: scripts.LuaScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> =>
    within(operation, async () => {
      try {
        return await redis.evalsha(digestOf(script), script.keys, ...keys, ...args);
      } catch (error) {
        // A server that was restarted or flushed has forgotten the script, and did not run it.
        if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
        return redis.eval(script.lua, script.keys, ...keys, ...args);
      }
    });

  const key = (name: string): string => `{${options.namespace}}:${name}`;
  const leaseKey = (kind: LeaseKind, name: string): string => key(`${kind}:${name}`);
  const epochKeys = [key('epoch'), key('recovery')];
  const turnKeys = [key('waiting'), key('turns')];
  const recordKeys = [key('holds'), key('holds-expiry')];

  return {
    acquireLease: async ({ kind, name, holder, ttlMs, lifeMs }) => {
      const keys = [leaseKey(kind, name), key('token'), ...epochKeys];
      const args = [holder, ttlMs, lifeMs, kind === 'owner' ? 1 : 0];
      return leaseReplyOf(await run('acquireLease', scripts.acquireLease, keys, args));
    },
    renewLease: async ({ kind, name, holder, token, ttlMs }) =>
      1 === (await run('renewLease', scripts.renewLease, [leaseKey(kind, name)], [holder, token, ttlMs])),
    releaseLease: async ({ kind, name, holder, token }) => {
      await run('releaseLease', scripts.releaseLease, [leaseKey(kind, name)], [holder, token]);
    },
    hold: async ({ migrationId, token, order, mode, holds, ttlMs, lifeMs }) => {
      const asText = holds.map(({ key, amount, limit }) => ({ key, amount: `${amount}`, limit: `${limit}` }));
      const args = [migrationId, token, mode, ttlMs, lifeMs, JSON.stringify(asText), WAITING_MS, order];
      return holdReplyOf(await run('hold', scripts.hold, [...recordKeys, ...epochKeys, ...turnKeys], args));
    },
    releaseHolds: async ({ migrationId, token, order, ttlMs }) => {
      await run('releaseHolds', scripts.releaseHolds, recordKeys, [migrationId, token, ttlMs, order]);
    },
    register: async ({ intents, ttlMs, lifeMs, epoch, recovery }) => {
      const asText = intents.map(({ migrationId, ownerToken, holds }) => ({
        migrationId,
        token: `${ownerToken}`,
        holds: holds.map(({ key, amount }) => ({ key, amount: `${amount}` })),
      }));
      const keys = [...recordKeys, ...epochKeys, key('token')];
      const args = [ttlMs, lifeMs, epoch, recovery ?? '', JSON.stringify(asText)];
      return registerReplyOf(await run('register', scripts.register, keys, args));
    },
    epoch: async (lifeMs) => epochReplyOf(await run('epoch', scripts.readEpoch, epochKeys, [lifeMs])),
    acquireFence: async ({ migrationId, token, order, ttlMs, lifeMs }) => {
      const keys = [key('fence'), key('fence-turn'), ...epochKeys];
      const args = [migrationId, token, ttlMs, lifeMs, TURN_MS, order];
      return fenceReplyOf(await run('acquireFence', scripts.acquireFence, keys, args));
    },
    renewFence: async ({ migrationId, token, ttlMs }) =>
      1 === (await run('renewFence', scripts.renewFence, [key('fence')], [migrationId, token, ttlMs])),
    releaseFence: async ({ migrationId, token, order }) => {
      await run('releaseFence', scripts.releaseFence, [key('fence'), key('fence-turn')], [migrationId, token, order]);
    },
    takeCall: async (priority, callsPerSecond, lifeMs) => {
      const keys = [key('calls'), key('calls-claimed'), key('calls-run')];
      const args = [rankOf[priority], callsPerSecond, CLAIM_MS, lifeMs + SLOT_KEPT_MS, SLOT_TAKEN_MAX_MS];
      return numberOf('takeCall', await run('takeCall', scripts.takeCall, keys, args));
    },
    ping: async () => {
      await within('ping', () => redis.ping());
    },
    [Symbol.asyncDispose]: options.dispose,
  };
}

const digests = new WeakMap<scripts.LuaScript, string>();

function digestOf(script: scripts.LuaScript): string {
  let digest = digests.get(script);
  if (digest === undefined) {
    digest = createHash('sha1').update(script.lua).digest('hex');
    digests.set(script, digest);
  }
  return digest;
}

/** @throws RedisUnavailableError when something else than our scripts answers. */
function partsOf(operation: string, reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new RedisUnavailableError(operation, 'a reply that no script of ours gives');
  return reply;
}

function numberOf(operation: string, value: unknown): number {
  const number = typeof value === 'number' || (typeof value === 'string' && value !== '') ? Number(value) : Number.NaN;
  if (!Number.isFinite(number)) throw new RedisUnavailableError(operation, 'a reply without a number');
  return number;
}

function epochLostOf(operation: string, opensIn: unknown): EpochLostReply {
  const opensInMs = numberOf(operation, opensIn);
  return { kind: 'epochLost', opensInMs: opensInMs < 0 ? undefined : opensInMs };
}

function leaseReplyOf(reply: unknown): LeaseReply {
  const [kind, value] = partsOf('acquireLease', reply);
  if (kind === 'granted') return { kind, token: numberOf('acquireLease', value) };
  if (kind === 'held') return { kind, leftMs: numberOf('acquireLease', value) };
  return epochLostOf('acquireLease', value);
}

function holdReplyOf(reply: unknown): HoldReply {
  const [kind, value, used] = partsOf('hold', reply);
  if (kind === 'granted' || kind === 'superseded') return { kind };
  if (kind === 'limit') return { kind, key: value as HoldKey, used: numberOf('hold', used) };
  return epochLostOf('hold', value);
}

function fenceReplyOf(reply: unknown): FenceReply {
  const [kind, value] = partsOf('acquireFence', reply);
  if (kind === 'granted' || kind === 'superseded') return { kind };
  if (kind === 'held') return { kind, leftMs: numberOf('acquireFence', value) };
  return epochLostOf('acquireFence', value);
}

function epochReplyOf(reply: unknown): EpochReply {
  const [kind, opensIn] = partsOf('epoch', reply);
  return kind === 'open' ? { kind } : epochLostOf('epoch', opensIn);
}

function registerReplyOf(reply: unknown): RegisterReply {
  const [, , recovery] = partsOf('register', reply);
  return { epoch: epochReplyOf(reply), recovery: recovery === '' ? undefined : numberOf('register', recovery) };
}
