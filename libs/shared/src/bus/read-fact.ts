import {
  decodeMessage,
  isTombstone,
  MalformedMessageError,
  streams,
  type Message,
  type StateName,
  type Tombstone,
} from '../messages/index.ts';
import type { BusContext } from './context.ts';
import type { Fact } from './facts.ts';
import type { StoredMessage } from './ordered-reader.ts';

/** Undefined for a tombstone, and for what cannot be read: what was true before it may no longer be. */
export function readFact(context: BusContext, stored: StoredMessage): Fact<StateName> | undefined {
  const message = decode(context, stored);
  if (message === undefined) return undefined;
  context.metrics.consumed(message.name);
  if (isTombstone(message)) return undefined;
  return {
    data: message.data as Fact<StateName>['data'],
    sequence: stored.sequence,
    timeMs: Date.parse(message.time),
    ...(message.traceparent === undefined ? {} : { traceparent: message.traceparent }),
  };
}

/** A listener's fault is its own: the table goes on. */
export function guarded(context: BusContext, name: StateName, call: () => void): void {
  try {
    call();
  } catch (error) {
    context.logger.error({ err: error, type: name }, 'a listener of facts failed');
  }
}

function decode(context: BusContext, { subject, bytes, sequence }: StoredMessage): Message | Tombstone | undefined {
  try {
    return decodeMessage(subject, bytes);
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    // The fact stays in its stream, so the reading need not wait until the letter is stored.
    const stream = streams.state.name;
    const letter = { service: context.service, subject, stream, sequence, bytes, problem: error.message };
    context.track('storing a dead letter', context.deadLetters.put(letter));
    return undefined;
  }
}
