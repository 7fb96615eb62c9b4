import { pause } from '../clock/index.ts';
import {
  catalog,
  decodeMessage,
  isTombstone,
  MalformedMessageError,
  streams,
  type Message,
} from '../messages/index.ts';
import { messageOf } from '../service/index.ts';
import { eitherSignal } from './abort.ts';
import type { BusContext } from './context.ts';
import { retryOf } from './errors.ts';
import type { MigrationEvent, ReadEventsOptions, RecordedEvent } from './events.ts';
import { readInOrder, type StoredMessage } from './ordered-reader.ts';
import { createRetryBackoff } from './retry-backoff.ts';

export function readEvents(context: BusContext, options: ReadEventsOptions): Promise<void> {
  const signal = eitherSignal(context.closed, options.signal);
  const { afterSequence, streamCreatedAt, onCaughtUp } = options;
  return readInOrder(context, {
    stream: streams.events.name,
    after: { sequence: afterSequence, streamCreatedAt },
    signal,
    onMessage: async (stored, createdAt) => {
      const message = await decode(context, stored, signal);
      if (message === undefined) return;
      context.metrics.consumed(message.name);
      const event = { message, sequence: stored.sequence, streamCreatedAt: createdAt };
      await handOver(context, options.onEvent, event, stored, signal);
    },
    ...(onCaughtUp === undefined ? {} : { onCaughtUp }),
  });
}

/** Again and again, until it was taken or there is no point in trying. @throws the signal's reason */
async function handOver(
  context: BusContext,
  onEvent: ReadEventsOptions['onEvent'],
  event: RecordedEvent,
  stored: StoredMessage,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = context;
  const backoff = createRetryBackoff(context.random);
  for (;;) {
    try {
      return await onEvent(event);
    } catch (error) {
      signal.throwIfAborted();
      const answer = retryOf(error);
      if (answer?.retry === 'never') return bury(context, stored, messageOf(error), signal);
      const delayMs = Math.max(backoff.nextDelayMs(), answer?.delayMs ?? 0);
      logger.warn({ subject: stored.subject, reason: messageOf(error), delayMs }, 'an event will be handled again');
      await pause(clock, delayMs, signal);
      signal.throwIfAborted();
    }
  }
}

async function decode(
  context: BusContext,
  stored: StoredMessage,
  signal: AbortSignal,
): Promise<MigrationEvent | undefined> {
  try {
    const message = decodeMessage(stored.subject, stored.bytes);
    if (isTombstone(message) || !isEvent(message)) {
      throw new MalformedMessageError(stored.subject, 'it is not an event of a migration');
    }
    return message;
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    await bury(context, stored, error.message, signal);
    return undefined;
  }
}

function bury(
  { deadLetters, service }: BusContext,
  { subject, bytes, sequence }: StoredMessage,
  problem: string,
  signal: AbortSignal,
): Promise<void> {
  return deadLetters.put({ service, subject, stream: streams.events.name, sequence, bytes, problem }, signal);
}

function isEvent(message: Message): message is MigrationEvent {
  return catalog[message.name].stream === 'COUCHESTOR_EVENTS';
}
