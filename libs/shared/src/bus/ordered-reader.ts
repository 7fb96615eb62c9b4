import { randomUUID } from 'node:crypto';
import { AckPolicy, DeliverPolicy, ReplayPolicy, type ConsumerConfig, type JetStreamManager } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';
import { pause } from '../clock/index.ts';
import { HOUR_MS, MIB, MINUTE_MS } from '../units/index.ts';
import { messageOf } from '../service/index.ts';
import type { Link } from './connection.ts';
import { untilAborted } from './abort.ts';
import type { BusContext } from './context.ts';
import { pull, PullEndedError } from './pull.ts';
import { createRetryBackoff } from './retry-backoff.ts';
import { streamInfo } from './stream-setup.ts';

export interface StoredMessage {
  readonly subject: string;
  readonly headers: MsgHdrs | undefined;
  readonly bytes: Uint8Array;
  readonly sequence: number;
  /** When the stream stored it, by the server's clock. */
  readonly storedAtMs: number;
}

/** Where a reader stands. */
interface StreamPosition {
  /** When the stream was made, as the server writes it; another stream of the same name has another time. */
  readonly streamCreatedAt: string;
  readonly sequence: number;
}

export interface OrderedReaderOptions {
  readonly stream: string;
  readonly filterSubject?: string;
  readonly headersOnly?: boolean;
  /** Each session begins with the last message of each subject, wherever the one before stood. */
  readonly lastPerSubject?: boolean;
  readonly after?: { readonly sequence: number | 'last'; readonly streamCreatedAt?: string | undefined };
  /** Who was away for longer begins anew, because deletions may have been purged meanwhile. */
  readonly awayMaxMs?: number;
  readonly signal: AbortSignal;
  /**
   * A session begins: on the first connection, after each reconnect, and whenever the server's consumer was lost.
   * `restarted` says that it begins at the start of the stream though an earlier one got further, because this is another
   * stream, or because we were away for so long that deletions may have been missed.
   */
  readonly onSession?: (session: { readonly streamCreatedAt: string; readonly restarted: boolean }) => void;
  /** One call at a time, in order. The same message comes again if it throws. */
  readonly onMessage: (message: StoredMessage, streamCreatedAt: string) => void | Promise<void>;
  /** Once per session: everything that was in the stream when the session began was handed over. */
  readonly onCaughtUp?: (position: StreamPosition) => void;
}

const BATCH_MESSAGES = 500;
const BATCH_BYTES = 4 * MIB;
/** The server forgets a consumer from which nobody pulls. */
const CONSUMER_IDLE_MS = 5 * MINUTE_MS;
/** For streams whose deletions are purged after 24 h. */
export const AWAY_MAX_MS = 12 * HOUR_MS;

/**
 * Reads a stream in order and without gaps, over outages, restarts of the server and a stream that is lost and made again.
 * Resolves when the signal is aborted; never rejects.
 */
export async function readInOrder(context: BusContext, options: OrderedReaderOptions): Promise<void> {
  const { clock, connection, logger } = context;
  const { signal, stream } = options;
  const backoff = createRetryBackoff(context.random);
  const position: MutablePosition = {
    streamCreatedAt: options.after?.streamCreatedAt,
    sequence: options.after?.sequence ?? 0,
  };
  let lastHeardMs = clock.monotonicMs();

  while (!signal.aborted) {
    try {
      const link = await connection.linked(signal);
      const awayMs = clock.monotonicMs() - lastHeardMs;
      if (awayMs > (options.awayMaxMs ?? Infinity)) position.streamCreatedAt = 'too long ago';
      await readSession(context, link, options, position, () => backoff.reset());
    } catch (error) {
      if (signal.aborted) break;
      logger.warn({ stream, filterSubject: options.filterSubject, reason: messageOf(error) }, 'reading a stream again');
    }
    lastHeardMs = clock.monotonicMs();
    if (signal.aborted) break;
    await pause(clock, backoff.nextDelayMs(), signal);
  }
}

class StreamMissingError extends Error {}

interface MutablePosition {
  streamCreatedAt: string | undefined;
  /** `last` until the first look at the stream. */
  sequence: number | 'last';
}

async function readSession(
  context: BusContext,
  link: Link,
  options: OrderedReaderOptions,
  position: MutablePosition,
  onProgress: () => void,
): Promise<void> {
  const { clock, breathe, keeper, logger } = context;
  const { stream, signal } = options;
  const answered = <T>(request: Promise<T>): Promise<T> => untilAborted(request, link.lost, signal);
  const info = await answered(streamInfo(link.jsm, stream));
  if (info === undefined) {
    keeper.lookSoon();
    throw new StreamMissingError(`there is no stream ${stream}`);
  }
  let sequence = position.sequence === 'last' ? info.state.last_seq : position.sequence;
  // A server that lost its last writes counts on from an earlier sequence: what comes next would seem to be known.
  const isSame = (position.streamCreatedAt ?? info.created) === info.created && info.state.last_seq >= sequence;
  const restarted = !isSame;
  if (restarted) sequence = 0;
  position.sequence = sequence;
  position.streamCreatedAt = info.created;
  options.onSession?.({ streamCreatedAt: info.created, restarted });

  const targetSequence = await answered(lastSequenceOf(link.jsm, options, info.state.last_seq));
  const consumer = `reader-${randomUUID()}`;
  await answered(link.jsm.consumers.add(stream, consumerConfig(consumer, options, sequence)));
  const check = await answered(streamInfo(link.jsm, stream));
  // From here on the consumer ends with its stream; before, it may have been put on another one.
  if (check?.created !== info.created) throw new StreamMissingError(`${stream} was made again in this moment`);
  let caughtUp = false;
  const noteCaughtUp = (): void => {
    caughtUp = true;
    // Of what was purged nothing comes, and all of it is handed over nevertheless.
    options.onCaughtUp?.({ streamCreatedAt: info.created, sequence: Math.max(sequence, targetSequence) });
  };
  let received = 0;
  try {
    if (targetSequence <= sequence && options.lastPerSubject !== true) noteCaughtUp();
    const batch = (): number => BATCH_MESSAGES;
    for await (const item of pull(link, clock, { stream, consumer, batch, maxBytes: BATCH_BYTES, signal })) {
      if (item.kind === 'idle') {
        if (item.lastConsumerSequence > received) throw new PullEndedError('messages were lost on the way');
        // The last message may have been purged meanwhile; an idle server has sent all that there is.
        if (!caughtUp) noteCaughtUp();
        continue;
      }
      received += 1;
      if (item.info.consumerSequence !== received) throw new PullEndedError('messages were lost on the way');
      const { storedAtMs, pending } = item.info;
      const { subject, headers, data: bytes } = item.message;
      const stored = { subject, headers, bytes, sequence: item.info.streamSequence, storedAtMs };
      await options.onMessage(stored, info.created);
      sequence = stored.sequence;
      position.sequence = sequence;
      onProgress();
      await breathe();
      if (!caughtUp && (sequence >= targetSequence || pending === 0)) noteCaughtUp();
    }
  } finally {
    if (!link.lost.aborted) {
      const deletion = link.jsm.consumers.delete(stream, consumer);
      context.track(
        'deleting a consumer',
        deletion.catch((error: unknown) => logger.debug({ reason: messageOf(error) }, 'a consumer was gone already')),
      );
    }
  }
}

/** The sequence that a session has to reach; 0 if there is nothing to read. */
async function lastSequenceOf(
  jsm: JetStreamManager,
  { stream, filterSubject }: OrderedReaderOptions,
  lastSequence: number,
): Promise<number> {
  if (filterSubject === undefined) return lastSequence;
  const last = await jsm.streams.getMessage(stream, { last_by_subj: filterSubject });
  return last?.seq ?? 0;
}

function consumerConfig(
  name: string,
  { filterSubject, headersOnly, lastPerSubject }: OrderedReaderOptions,
  afterSequence: number,
): Partial<ConsumerConfig> {
  return {
    name,
    ack_policy: AckPolicy.None,
    replay_policy: ReplayPolicy.Instant,
    max_deliver: 1,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: CONSUMER_IDLE_MS * 1e6,
    ...(filterSubject === undefined ? {} : { filter_subject: filterSubject }),
    ...(headersOnly === true ? { headers_only: true } : {}),
    ...(lastPerSubject === true
      ? { deliver_policy: DeliverPolicy.LastPerSubject }
      : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: afterSequence + 1 }),
  };
}
