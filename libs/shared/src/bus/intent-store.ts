import { randomUUID } from 'node:crypto';
import { PubHeaders } from '@nats-io/jetstream';
import { z } from 'zod';
import {
  buckets,
  idOfSubject,
  intentSchema,
  MalformedMessageError,
  MESSAGE_BYTES_MAX,
  subjectToken,
  type Intent,
} from '../messages/index.ts';
import { DAY_MS } from '../units/index.ts';
import { messageOf } from '../service/index.ts';
import { eitherSignal } from './abort.ts';
import { askUntilAnswered, isDeletion, keySubject, OPERATION_HEADER } from './bucket.ts';
import type { BusContext } from './context.ts';
import { ConflictError } from './errors.ts';
import type { IntentListener, IntentStore, StoredIntent } from './intents.ts';
import { bucketStream } from './metrics.ts';
import { createMirror, type Mirror } from './mirror.ts';
import { AWAY_MAX_MS, readInOrder, type StoredMessage } from './ordered-reader.ts';

const BUCKET = buckets.intents.name;
const STREAM = bucketStream(BUCKET);
/** How long the mark of a deletion stays for those who watch. */
const MARK_LIFE_MS = DAY_MS;

export function createIntentStore(context: BusContext): IntentStore {
  const { clock, closed, publisher } = context;
  const subjectOf = (volumeId: string): string => keySubject(BUCKET, subjectToken(volumeId));
  const last = (subject: string, signal: AbortSignal) =>
    askUntilAnswered(
      context,
      'reading an intent',
      ({ jsm }) => jsm.streams.getMessage(STREAM, { last_by_subj: subject }),
      signal,
    );
  const write = async (intent: Intent, lastSequence: number, signal: AbortSignal): Promise<number> => {
    const subject = subjectOf(intent.volumeId);
    const bytes = encodeIntent(subject, intent);
    const messageId = randomUUID();
    try {
      const { sequence } = await publisher.publish({ subject, bytes, messageId, lastSequence, signal });
      return sequence;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      // An answer may have been lost for longer than the server remembers message ids: then it is us who were first.
      const found = await last(subject, signal);
      if (found?.header.get(PubHeaders.MsgIdHdr) === messageId) return found.seq;
      throw error;
    }
  };

  return {
    get: async (volumeId, signal) => {
      const found = await last(subjectOf(volumeId), eitherSignal(closed, signal));
      if (found === null || isDeletion(found.header)) return undefined;
      return { intent: decodeIntent(found.subject, found.data), revision: found.seq };
    },
    create: async (intent, signal) => {
      const until = eitherSignal(closed, signal);
      const subject = subjectOf(intent.volumeId);
      const found = await last(subject, until);
      if (found !== null && !isDeletion(found.header)) throw new ConflictError(subject);
      return write(intent, found?.seq ?? 0, until);
    },
    update: (intent, revision, signal) => write(intent, revision, eitherSignal(closed, signal)),
    delete: async (volumeId, revision, signal) => {
      await publisher.publish({
        subject: subjectOf(volumeId),
        bytes: '',
        messageId: randomUUID(),
        headers: { [OPERATION_HEADER]: 'DEL' },
        ...(revision === undefined ? {} : { lastSequence: revision }),
        signal: eitherSignal(closed, signal),
      });
    },
    watchAll: ({ signal, onChange }) => {
      const synced = Promise.withResolvers<void>();
      const until = eitherSignal(closed, signal);
      const mirror = createMirror<StoredIntent>((volumeId, next) => callListener(context, onChange, volumeId, next));
      const ended = follow(context, mirror, until, () => synced.resolve()).then(() => synced.reject(until.reason));
      // Who does not wait for it must not be brought down by it.
      synced.promise.catch(() => undefined);
      context.track('watching intents', ended);
      return { synced: synced.promise, ended };
    },
    list: async (signal) => {
      const until = eitherSignal(closed, signal);
      const complete = new AbortController();
      const mirror = createMirror<StoredIntent>(() => undefined);
      const marks: StoredMessage[] = [];
      const reading = follow(
        context,
        mirror,
        AbortSignal.any([until, complete.signal]),
        () => complete.abort(),
        (mark) => marks.push(mark),
      );
      context.track('listing intents', reading);
      await reading;
      until.throwIfAborted();
      const old = marks.filter(({ storedAtMs }) => clock.nowMs() - storedAtMs > MARK_LIFE_MS);
      if (old.length > 0) context.track('purging marks of deleted intents', purgeMarks(context, old));
      return mirror.entries;
    },
  };
}

function follow(
  context: BusContext,
  mirror: Mirror<StoredIntent>,
  signal: AbortSignal,
  onCaughtUp: () => void,
  onMark?: (mark: StoredMessage) => void,
): Promise<void> {
  return readInOrder(context, {
    stream: STREAM,
    filterSubject: keySubject(BUCKET, '>'),
    awayMaxMs: AWAY_MAX_MS,
    signal,
    onSession: ({ restarted }) => {
      if (restarted) mirror.startOver();
    },
    onMessage: (message) => {
      const volumeId = idOfSubject(message.subject);
      const stored = isDeletion(message.headers) ? undefined : readable(context, message);
      if (stored === undefined) {
        mirror.delete(volumeId);
        if (isDeletion(message.headers)) onMark?.(message);
      } else {
        mirror.set(volumeId, stored);
      }
    },
    onCaughtUp: () => {
      mirror.finish();
      onCaughtUp();
    },
  });
}

/** A record that cannot be read is nobody's to act on; it stays, so that nothing new starts on its volume. */
function readable(context: BusContext, { subject, bytes, sequence }: StoredMessage): StoredIntent | undefined {
  try {
    return { intent: decodeIntent(subject, bytes), revision: sequence };
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    const letter = { service: context.service, subject, stream: STREAM, sequence, bytes, problem: error.message };
    context.track('storing a dead letter', context.deadLetters.put(letter));
    return undefined;
  }
}

function callListener(
  { logger }: BusContext,
  listener: IntentListener,
  volumeId: string,
  next: StoredIntent | undefined,
): void {
  try {
    listener(volumeId, next);
  } catch (error) {
    logger.error({ err: error, volumeId }, 'a listener of intents failed');
  }
}

async function purgeMarks({ connection, logger, closed }: BusContext, marks: readonly StoredMessage[]): Promise<void> {
  try {
    const { jsm } = await connection.linked(closed);
    for (const { subject, sequence } of marks) await jsm.streams.purge(STREAM, { filter: subject, seq: sequence + 1 });
  } catch (error) {
    if (!closed.aborted) logger.warn({ reason: messageOf(error) }, 'marks of deleted intents could not be purged');
  }
}

/** @throws MalformedMessageError */
function encodeIntent(subject: string, intent: Intent): Uint8Array {
  const checked = intentSchema.safeParse(intent);
  if (!checked.success) throw new MalformedMessageError(subject, z.prettifyError(checked.error));
  const bytes = new TextEncoder().encode(JSON.stringify(checked.data));
  if (bytes.byteLength > MESSAGE_BYTES_MAX) throw new MalformedMessageError(subject, `${bytes.byteLength} bytes`);
  return bytes;
}

/** @throws MalformedMessageError */
function decodeIntent(subject: string, bytes: Uint8Array): Intent {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new MalformedMessageError(subject, messageOf(error));
  }
  const intent = intentSchema.safeParse(json);
  if (!intent.success) throw new MalformedMessageError(subject, z.prettifyError(intent.error));
  return intent.data;
}
