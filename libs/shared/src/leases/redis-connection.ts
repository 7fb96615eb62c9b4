import { type Cluster, Redis } from 'ioredis';

/** What of ioredis is used here; a `Cluster` is one too. */
export type RedisClient = Redis | Cluster;

export interface RedisConnectionOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string;
  /** Of one command. */
  readonly commandTimeoutMs: number;
  /** Uniform in [0, 1); spreads reconnections. */
  readonly random: () => number;
  /** Called when the connection is lost or cannot be made, once until it is back. */
  readonly onLost?: ((error: Error) => void) | undefined;
  readonly onReady?: (() => void) | undefined;
}

const RECONNECT_MS_MAX = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;

/**
 * A connection on which a command fails at once while there is no server: nothing is queued, and nothing is sent again
 * after a reconnect, when its answer would be of no use any more.
 */
export function connectRedis(options: RedisConnectionOptions): Redis {
  const redis = new Redis(options.url, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // Ends a connection on which nothing comes back any more, which frees the commands that wait on it.
    socketTimeout: 2 * options.commandTimeoutMs,
    connectionName: 'couchestor',
    retryStrategy: (attempt) => {
      const limitMs = Math.min(RECONNECT_MS_MAX, 50 * 2 ** Math.min(attempt, 10));
      return Math.round(limitMs / 2 + (options.random() * limitMs) / 2);
    },
  });
  let lost = false;
  redis.on('error', (error: Error) => {
    if (!lost) options.onLost?.(error);
    lost = true;
  });
  redis.on('close', () => {
    if (!lost) options.onLost?.(new Error('the connection was closed'));
    lost = true;
  });
  redis.on('ready', () => {
    lost = false;
    options.onReady?.();
  });
  return redis;
}
