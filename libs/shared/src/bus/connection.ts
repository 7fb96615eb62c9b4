import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node';
import { pause } from '../clock/index.ts';
import { createBackoff, messageOf } from '../service/index.ts';
import { untilAborted } from './abort.ts';
import type { BusOptions, ConnectionState } from './bus.ts';
import type { BusMetrics } from './metrics.ts';

interface Client {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
}

/** One unbroken connection. What depends on the server's memory of us must be set up anew on the next link. */
export interface Link extends Client {
  /** Aborted when the connection is lost or closed. */
  readonly lost: AbortSignal;
}

export interface Connection {
  readonly state: ConnectionState;
  lastError: Error | undefined;
  onState(listener: (state: ConnectionState) => void): () => void;
  /** The link, if there is one now. */
  readonly link: Link | undefined;
  /** Waits for a link for as long as the signal allows. @throws the signal's reason */
  linked(signal: AbortSignal): Promise<Link>;
  /** Sends what is still in the buffers, waiting at most 2 s, and closes. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
const CONNECT_RETRY_BASE_MS = 250;
const CONNECT_RETRY_MAX_MS = 5_000;
const RECONNECT_WAIT_MIN_MS = 100;
const RECONNECT_WAIT_MAX_MS = 1_000;
/**
 * A peer that is silent is given up after two pings without an answer, 3 s at most. Until then what it sent may still
 * come, so this also bounds how late a heartbeat can arrive and be taken for a fresh one.
 */
const PING_INTERVAL_MS = 1_000;
const DRAIN_TIMEOUT_MS = 2_000;

/** Resolves with the first connection, however long that takes. @throws the signal's reason */
export async function openConnection(
  options: BusOptions,
  metrics: BusMetrics,
  requestTimeoutMs: number,
  signal: AbortSignal,
): Promise<Connection> {
  const { clock, logger } = options;
  const closing = new AbortController();
  const listeners = new Set<(state: ConnectionState) => void>();
  const waiting = new Set<(link: Link) => void>();
  let link: Link | undefined;
  let losing = new AbortController();
  let lastError: Error | undefined;

  const announce = (state: ConnectionState): void => {
    metrics.connected(state === 'connected');
    for (const listener of listeners) {
      try {
        listener(state);
      } catch (error) {
        logger.error({ err: error }, 'a listener of the state of the connection failed');
      }
    }
  };
  const establish = (client: Client): void => {
    losing = new AbortController();
    link = { ...client, lost: losing.signal };
    for (const resolve of waiting) resolve(link);
    waiting.clear();
    announce('connected');
  };
  const lose = (reason: string): void => {
    if (link === undefined) return;
    link = undefined;
    losing.abort(new Error(reason));
    announce('disconnected');
  };
  const dialUntil = (until: AbortSignal): Promise<Client> =>
    dial(options, requestTimeoutMs, until, (error) => {
      lastError = error;
    });

  /** Follows one client until it is closed for good; until then it reconnects by itself, over and over. */
  const follow = async (client: Client): Promise<void> => {
    for await (const status of client.nc.status()) {
      switch (status.type) {
        case 'disconnect':
          if (link !== undefined && !closing.signal.aborted) {
            logger.warn({ server: status.server }, 'NATS connection lost');
          }
          lose('the connection to NATS was lost');
          break;
        case 'reconnect':
          metrics.reconnected();
          logger.info({ server: status.server }, 'NATS connection restored');
          establish(client);
          break;
        case 'error':
          lastError = status.error;
          logger.warn({ err: status.error }, 'NATS reported an error');
          break;
        case 'reconnecting':
        case 'update':
        case 'ldm':
        case 'ping':
        case 'staleConnection':
        case 'forceReconnect':
        case 'slowConsumer':
        case 'close':
          break;
      }
    }
    const closeError = await client.nc.closed();
    if (closeError instanceof Error) lastError = closeError;
    lose('the connection to NATS was closed');
  };

  let client = await dialUntil(signal);
  establish(client);
  const following = (async () => {
    await follow(client);
    while (!closing.signal.aborted) {
      // The client gave up (its credentials were revoked, for instance), which is no reason for us to do so.
      logger.warn({ err: lastError }, 'NATS connection closed, making a new one');
      client = await dialUntil(closing.signal);
      metrics.reconnected();
      establish(client);
      await follow(client);
    }
  })().catch((error: unknown) => {
    if (!closing.signal.aborted) logger.error({ err: error }, 'the connection to NATS is no longer followed');
  });

  return {
    get state(): ConnectionState {
      return link === undefined ? 'disconnected' : 'connected';
    },
    get lastError() {
      return lastError;
    },
    set lastError(error) {
      lastError = error;
    },
    onState: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get link() {
      return link;
    },
    linked: async (until) => {
      until.throwIfAborted();
      if (link !== undefined) return link;
      const { promise, resolve } = Promise.withResolvers<Link>();
      waiting.add(resolve);
      try {
        return await untilAborted(promise, until);
      } finally {
        waiting.delete(resolve);
      }
    },
    close: async () => {
      closing.abort(new Error('the bus is closed'));
      if (link !== undefined) {
        const finished = new AbortController();
        const giveUp = AbortSignal.any([finished.signal, link.lost]);
        try {
          await Promise.race([client.nc.drain(), clock.sleep(DRAIN_TIMEOUT_MS, giveUp)]);
        } catch (error) {
          logger.debug({ err: error }, 'the connection to NATS broke while it was drained');
        }
        finished.abort();
      }
      await client.nc.close();
      lose('the bus is closed');
      await following;
    },
  };
}

/** Tries until there is a connection. @throws the signal's reason */
async function dial(
  options: BusOptions,
  requestTimeoutMs: number,
  signal: AbortSignal,
  onFailure: (error: Error) => void,
): Promise<Client> {
  const { clock, logger, random = Math.random } = options;
  const backoff = createBackoff({ baseMs: CONNECT_RETRY_BASE_MS, maxMs: CONNECT_RETRY_MAX_MS, random });
  for (;;) {
    signal.throwIfAborted();
    const connecting = connect(connectionOptions(options, random));
    try {
      const nc = await untilAborted(connecting, signal);
      const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: requestTimeoutMs });
      logger.info({ server: nc.getServer(), version: nc.info?.version }, 'NATS connection made');
      return { nc, js: jetstream(nc, { timeout: requestTimeoutMs }), jsm };
    } catch (error) {
      if (signal.aborted) {
        // The connection may still come; then nobody wants it any more.
        connecting
          .then(
            (late) => late.close(),
            () => undefined,
          )
          .catch((closeError: unknown) => logger.debug({ err: closeError }, 'a late connection to NATS did not close'));
        throw signal.reason;
      }
      onFailure(error instanceof Error ? error : new Error(messageOf(error)));
      const delayMs = backoff.nextDelayMs();
      logger.warn({ reason: messageOf(error), delayMs }, 'NATS is not there yet');
      await pause(clock, delayMs, signal);
    }
  }
}

function connectionOptions(options: BusOptions, random: () => number): ConnectionOptions {
  const { servers, service, instance, user, password, token, tls } = options;
  return {
    servers: typeof servers === 'string' ? servers : [...servers],
    name: `couchestor-${service}/${instance}`,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => RECONNECT_WAIT_MIN_MS + random() * (RECONNECT_WAIT_MAX_MS - RECONNECT_WAIT_MIN_MS),
    ignoreAuthErrorAbort: true,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(tls === undefined ? {} : { tls }),
  };
}
