import type { StreamConfig } from '@nats-io/jetstream';
import { pause, type Clock } from '../clock/index.ts';
import { messageOf } from '../service/index.ts';
import { eitherSignal, untilAborted } from './abort.ts';
import type { BusLogger } from './bus.ts';
import type { Connection } from './connection.ts';
import { createRetryBackoff } from './retry-backoff.ts';
import type { BusMetrics } from './metrics.ts';
import { ensureStream, streamInfo, wantedStreams } from './stream-setup.ts';

/** Keeps streams and buckets in being, and watches their sizes. */
export interface StreamKeeper {
  /** @throws the signal's reason */
  ensure(signal?: AbortSignal): Promise<void>;
  /** Somebody found a stream missing: look now rather than at the next round. */
  lookSoon(): void;
  /** Resolves when the bus ends. */
  run(): Promise<void>;
}

const ROUND_MS = 15_000;
const LOOK_AGAIN_MS = 250;

export function createStreamKeeper(
  connection: Connection,
  clock: Clock,
  logger: BusLogger,
  metrics: BusMetrics,
  options: { readonly replicas: number; readonly random: () => number; readonly closed: AbortSignal },
): StreamKeeper {
  const { replicas, random, closed } = options;
  const wanted = wantedStreams(replicas);
  let ensured = false;
  let wake: (() => void) | undefined;

  const look = async (signal: AbortSignal): Promise<void> => {
    const { jsm } = await connection.linked(signal);
    for (const config of wanted) {
      signal.throwIfAborted();
      const info = ensured ? await ensureStream(jsm, config) : await streamInfo(jsm, config.name);
      if (info !== undefined) metrics.streamSize(config.name, info.state.bytes, limitOf(config));
    }
  };

  return {
    ensure: async (signal) => {
      const until = eitherSignal(closed, signal);
      const backoff = createRetryBackoff(random);
      ensured = true;
      for (;;) {
        try {
          return await untilAborted(look(until), until);
        } catch (error) {
          until.throwIfAborted();
          const delayMs = backoff.nextDelayMs();
          logger.warn({ reason: messageOf(error), delayMs }, 'streams could not be set up yet');
          await pause(clock, delayMs, until);
          until.throwIfAborted();
        }
      }
    },
    lookSoon: () => wake?.(),
    run: async () => {
      while (!closed.aborted) {
        const woken = new AbortController();
        wake = () => woken.abort();
        await pause(clock, ROUND_MS, AbortSignal.any([closed, woken.signal]));
        wake = undefined;
        if (closed.aborted) return;
        try {
          await untilAborted(look(closed), closed);
          // Many may find the same stream missing at the same moment; one look serves them all.
          await pause(clock, LOOK_AGAIN_MS, closed);
        } catch (error) {
          if (!closed.aborted) logger.warn({ reason: messageOf(error) }, 'streams could not be looked at');
        }
      }
    },
  };
}

function limitOf(config: Partial<StreamConfig>): number {
  return config.max_bytes ?? 0;
}
