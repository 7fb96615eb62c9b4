import { randomUUID } from 'node:crypto';
import { pause } from '../clock/index.ts';
import {
  encodeMessage,
  encodeTombstone,
  idOfSubject,
  streams,
  subjectFilterOf,
  subjectOf,
  type StateName,
  type SubjectToken,
} from '../messages/index.ts';
import { DAY_MS, HOUR_MS } from '../units/index.ts';
import { messageOf } from '../service/index.ts';
import { eitherSignal, untilAborted } from './abort.ts';
import { createTextDigest, detached, digestOf } from './canonical-json.ts';
import type { BusContext } from './context.ts';
import type { FactWriteOptions, FactWriter, FactWriterOptions } from './facts.ts';
import { AWAY_MAX_MS, readInOrder } from './ordered-reader.ts';
import { createSlots } from './slots.ts';

/**
 * What a fact says, as a digest in a header. A writer that starts loads headers only, so that 100,000 facts cost a
 * second and little memory. A message without it (somebody else's) differs from everything.
 */
const DIGEST_HEADER = 'Couchestor-Digest';
const TOMBSTONE = 'tombstone';

/** The last message of an id. `digest` is `TOMBSTONE`, or undefined for a message that is not a writer's. */
interface Entry {
  readonly digest: string | undefined;
  readonly sequence: number;
  /** When it was stored, of a tombstone. */
  readonly tombstoneAtMs?: number;
}

const IN_FLIGHT_MAX = 500;
const TOMBSTONE_LIFE_MS = DAY_MS;
const PURGE_PERIOD_MS = HOUR_MS;

export async function openFactWriter<N extends StateName>(
  context: BusContext,
  name: N,
  options: FactWriterOptions,
): Promise<FactWriter<N>> {
  const { clock, logger, metrics, publisher } = context;
  const source = options.source ?? context.instance;
  const closing = new AbortController();
  const ended = AbortSignal.any([context.closed, closing.signal]);
  const entries = new Map<SubjectToken, Entry>();
  const turns = new Map<SubjectToken, Promise<unknown>>();
  const slots = createSlots(IN_FLIGHT_MAX);
  const digestOfIdentity = createTextDigest();
  const loaded = Promise.withResolvers<void>();
  /** Grows when the stream is another one: what was sent to the old one says nothing about it. */
  let generation = 0;

  const note = (id: SubjectToken, entry: Entry): void => {
    if ((entries.get(id)?.sequence ?? 0) < entry.sequence) entries.set(id, entry);
  };
  // The writer follows the stream as long as it lives: it notices when somebody else writes, and when all is lost.
  const following = readInOrder(context, {
    stream: streams.state.name,
    filterSubject: subjectFilterOf(name),
    headersOnly: true,
    awayMaxMs: AWAY_MAX_MS,
    signal: ended,
    onSession: ({ restarted }) => {
      if (!restarted) return;
      generation += 1;
      entries.clear();
      logger.warn({ type: name }, 'facts are no longer in their stream and must be published again');
      options.onLost?.();
    },
    onMessage: ({ subject, headers, sequence, storedAtMs }) => {
      const digest = headers?.get(DIGEST_HEADER);
      // What comes out of a subject can go into one.
      const id = detached(idOfSubject(subject)) as SubjectToken;
      note(id, entryOf(digest === undefined ? undefined : detached(digest), sequence, storedAtMs));
    },
    onCaughtUp: () => loaded.resolve(),
  });
  context.track(`following ${name}`, following);

  const send = async (
    id: SubjectToken,
    digest: string,
    encode: (messageId: string) => Uint8Array,
    signal: AbortSignal,
  ): Promise<'published'> => {
    await slots.take();
    try {
      signal.throwIfAborted();
      const sentIn = generation;
      const messageId = randomUUID();
      const subject = subjectOf(name, id);
      const bytes = encode(messageId);
      const headers = { [DIGEST_HEADER]: digest };
      const { sequence, duplicate } = await publisher.publish({ subject, bytes, messageId, headers, signal });
      metrics.published(name, duplicate ? 'duplicate' : 'stored');
      if (sentIn === generation) note(id, entryOf(digest, sequence, clock.nowMs()));
      return 'published';
    } finally {
      slots.release();
    }
  };

  /** One write of an id after the other, so that the last call wins. */
  const inTurn = async <T>(id: SubjectToken, write: () => Promise<T>): Promise<T> => {
    const before = turns.get(id) ?? Promise.resolve();
    const turn = before.then(write, write);
    turns.set(id, turn);
    try {
      return await turn;
    } finally {
      if (turns.get(id) === turn) turns.delete(id);
    }
  };

  const writer: FactWriter<N> = {
    set: async (id, data, { identity, traceparent, signal }: FactWriteOptions = {}) => {
      const digest = identity === undefined ? detached(digestOf(data)) : digestOfIdentity(identity);
      if (!turns.has(id) && entries.get(id)?.digest === digest) return 'unchanged';
      return inTurn(id, async () => {
        if (entries.get(id)?.digest === digest) return 'unchanged';
        const encode = (messageId: string): Uint8Array =>
          encodeMessage<N>(name, id, headOf(messageId, traceparent), data);
        return send(id, digest, encode, eitherSignal(ended, signal));
      });
    },
    holds: (id, identity) => !turns.has(id) && entries.get(id)?.digest === digestOfIdentity(identity),
    delete: async (id, { traceparent, signal }: FactWriteOptions = {}) =>
      inTurn(id, async () => {
        const last = entries.get(id);
        if (last === undefined || last.digest === TOMBSTONE) return 'unchanged';
        const encode = (messageId: string): Uint8Array => encodeTombstone(name, id, headOf(messageId, traceparent));
        return send(id, TOMBSTONE, encode, eitherSignal(ended, signal));
      }),
    ids: function* () {
      for (const id of entries.keys()) if (entries.get(id)?.digest !== TOMBSTONE) yield id;
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort(new Error('the writer is closed'));
      await following;
      await Promise.allSettled(turns.values());
    },
  };

  try {
    await untilAborted(loaded.promise, eitherSignal(ended, options.signal));
  } catch (error) {
    await writer[Symbol.asyncDispose]();
    throw error;
  }
  context.track(`purging tombstones of ${name}`, purgeTombstones(context, name, entries, ended));
  return writer;

  function headOf(id: string, traceparent: string | undefined) {
    return { id, source, timeMs: clock.nowMs(), ...(traceparent === undefined ? {} : { traceparent }) };
  }
}

function entryOf(digest: string | undefined, sequence: number, storedAtMs: number): Entry {
  return digest === TOMBSTONE ? { digest, sequence, tombstoneAtMs: storedAtMs } : { digest, sequence };
}

/** Takes tombstones out of the stream once everyone who was reading has seen them. */
async function purgeTombstones(
  { clock, connection, logger }: BusContext,
  name: StateName,
  entries: Map<SubjectToken, Entry>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const { jsm } = await connection.linked(signal);
      for (const [id, entry] of entries) {
        if (entry.tombstoneAtMs === undefined || clock.nowMs() - entry.tombstoneAtMs < TOMBSTONE_LIFE_MS) continue;
        signal.throwIfAborted();
        // Up to the tombstone and not beyond: a fact that came after it stays.
        const purging = jsm.streams.purge(streams.state.name, { filter: subjectOf(name, id), seq: entry.sequence + 1 });
        await untilAborted(purging, signal);
        if (entries.get(id) === entry) entries.delete(id);
      }
    } catch (error) {
      if (!signal.aborted) logger.warn({ type: name, reason: messageOf(error) }, 'tombstones could not be purged');
    }
    await pause(clock, PURGE_PERIOD_MS, signal);
  }
}
