import { createInbox, type Msg } from '@nats-io/transport-node';
import type { Clock } from '../clock/index.ts';
import { parseDeliveryInfo, type DeliveryInfo } from './delivery-info.ts';
import type { Link } from './connection.ts';

export interface PullOptions {
  readonly stream: string;
  readonly consumer: string;
  /** How many messages to ask for next, at least 1; asked only when all of the last ones were taken. */
  readonly batch: () => number | Promise<number>;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Given what had arrived and was not taken when the pulling ended. */
  readonly onLeftover?: (message: Msg) => void;
}

/** A message, or the server's word that it has nothing more to send for now. */
export type Pulled =
  | { readonly kind: 'message'; readonly message: Msg; readonly info: DeliveryInfo }
  | { readonly kind: 'idle'; readonly lastConsumerSequence: number };

/** The consumer cannot be pulled from any more: deleted, moved, or silent. */
export class PullEndedError extends Error {
  constructor(reason: string) {
    super(`the consumer can no longer be pulled from: ${reason}`);
    this.name = 'PullEndedError';
  }
}

const HEARTBEAT_MS = 5_000;
const SILENCE_MS = 2 * HEARTBEAT_MS + 2_000;
const EXPIRES_MS = 30_000;

/**
 * Pulls from a consumer with one request open at a time, so that no more than one batch is ever in memory. Ends without
 * a word when the signal is aborted or the link is lost.
 *
 * The client library has such a loop of its own, but one that goes on by itself after a reconnect or a deletion, where
 * ours has to look first whether the stream is still the same.
 *
 * @throws PullEndedError
 */
export async function* pull(link: Link, clock: Clock, options: PullOptions): AsyncGenerator<Pulled, void, void> {
  const inbox = createInbox();
  const arrived: Pulled[] = [];
  let failure: PullEndedError | undefined;
  let stopped = options.signal.aborted || link.lost.aborted;
  let requestNumber = 0;
  let outstanding = 0;
  let wake: (() => void) | undefined;

  const onStatus = (message: Msg): void => {
    // A late word on an earlier request says nothing about this one.
    if (message.subject !== `${inbox}.${requestNumber}`) return;
    const code = message.headers?.code ?? 0;
    const description = message.headers?.description ?? '';
    switch (code) {
      case 100:
        arrived.push({ kind: 'idle', lastConsumerSequence: Number(message.headers?.get('Nats-Last-Consumer') ?? 0) });
        break;
      case 404:
      case 408:
        outstanding = 0;
        break;
      case 409:
        if (/exceeds maxbytes/i.test(description)) outstanding = 0;
        else failure = new PullEndedError(description);
        break;
      default:
        failure = new PullEndedError(`${code} ${description}`);
    }
  };
  const subscription = link.nc.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (error !== null) failure = new PullEndedError(error.message);
      else if (message.subject.startsWith(inbox)) onStatus(message);
      else {
        const info = parseDeliveryInfo(message.reply);
        outstanding -= 1;
        if (info !== undefined) arrived.push({ kind: 'message', message, info });
      }
      wake?.();
    },
  });
  const stop = (): void => {
    stopped = true;
    wake?.();
  };
  options.signal.addEventListener('abort', stop, { once: true });
  link.lost.addEventListener('abort', stop, { once: true });

  try {
    for (;;) {
      for (let next = arrived.shift(); next !== undefined; next = arrived.shift()) {
        // What is left when the end comes is not handed over any more.
        if (stopped) {
          arrived.unshift(next);
          return;
        }
        yield next;
      }
      if (stopped) return;
      if (failure !== undefined) throw failure;
      if (outstanding <= 0) {
        const batch = await options.batch();
        if (options.signal.aborted || link.lost.aborted) return;
        requestNumber += 1;
        outstanding = batch;
        const request = {
          batch,
          max_bytes: options.maxBytes,
          expires: EXPIRES_MS * 1e6,
          idle_heartbeat: HEARTBEAT_MS * 1e6,
        };
        link.nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.consumer}`, JSON.stringify(request), {
          reply: `${inbox}.${requestNumber}`,
        });
      }
      const silent = await new Promise<boolean>((resolve) => {
        const cancel = clock.after(SILENCE_MS, () => resolve(true));
        wake = () => {
          cancel();
          resolve(false);
        };
      });
      wake = undefined;
      if (silent) throw new PullEndedError(`nothing was heard for ${SILENCE_MS} ms`);
    }
  } finally {
    options.signal.removeEventListener('abort', stop);
    link.lost.removeEventListener('abort', stop);
    subscription.unsubscribe();
    for (const item of arrived) if (item.kind === 'message') options.onLeftover?.(item.message);
  }
}
