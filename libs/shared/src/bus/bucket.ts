import type { MsgHdrs } from '@nats-io/transport-node';
import { pause } from '../clock/index.ts';
import { messageOf } from '../service/index.ts';
import { untilAborted } from './abort.ts';
import type { Link } from './connection.ts';
import type { BusContext } from './context.ts';
import { createRetryBackoff } from './retry-backoff.ts';

/**
 * Key-value buckets as the clients of NATS lay them out: a stream KV_<bucket>, a subject per key, and a header on what
 * deletes. Written here on the publisher, because a write that is repeated after a lost answer must carry the same
 * message id to be recognised; the library's own writes carry none.
 */
export const OPERATION_HEADER = 'KV-Operation';

export const keySubject = (bucket: string, key: string): string => `$KV.${bucket}.${key}`;

/** Whether it says that the key was deleted. */
export function isDeletion(headers: MsgHdrs | undefined): boolean {
  const operation = headers?.get(OPERATION_HEADER);
  return operation === 'DEL' || operation === 'PURGE';
}

/** A request to JetStream that may be repeated, until it is answered. @throws the signal's reason */
export async function askUntilAnswered<T>(
  { connection, clock, keeper, logger, random }: BusContext,
  what: string,
  ask: (link: Link) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const backoff = createRetryBackoff(random);
  for (;;) {
    const link = await connection.linked(signal);
    try {
      return await untilAborted(ask(link), signal, link.lost);
    } catch (error) {
      signal.throwIfAborted();
      keeper.lookSoon();
      const delayMs = backoff.nextDelayMs();
      logger.warn({ reason: messageOf(error), delayMs }, `${what}: asking again`);
      await pause(clock, delayMs, signal);
    }
  }
}
