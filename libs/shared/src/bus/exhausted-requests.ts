import { z } from 'zod';
import { JetStreamApiError, type StoredMsg } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/transport-node';
import { pause } from '../clock/index.ts';
import { MalformedMessageError, streams, subjectFilterOf, subjectOf, subjectToken } from '../messages/index.ts';
import { messageOf } from '../service/index.ts';
import type { Link } from './connection.ts';
import { untilAborted } from './abort.ts';
import type { BusContext } from './context.ts';
import { decodeRequest } from './decode-request.ts';
import type { ConsumeRequestsOptions } from './requests.ts';

const STREAM = streams.commands.name;
const ROUND_MS = 30_000;
const LEFT_MAX = 1_000;
/** In a cluster of servers an acknowledged message may lie in the stream for a moment longer; not for so long. */
const SUSPICION_MS = 3_000;

const advisorySchema = z.object({ stream_seq: z.int().min(1) });

/**
 * Ends what was delivered `maxDeliver` times without an answer: such a request stays in the work queue and is never
 * delivered again. The server says so once, to whoever listens at that moment; and every half minute we look for
 * ourselves, in case nobody did. Resolves when the signal is aborted; never rejects.
 */
export async function sweepExhausted(
  context: BusContext,
  link: Link,
  options: ConsumeRequestsOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger, metrics } = context;
  const { durable } = options;
  const advisories = link.nc.subscribe(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${STREAM}.${durable}`, {
    // One of the instances is enough.
    queue: `couchestor-${durable}`,
  });
  const onAdvisory = async (advisory: Msg): Promise<void> => {
    try {
      const { stream_seq: sequence } = advisorySchema.parse(advisory.json());
      await endOne(context, link, options, await link.jsm.streams.getMessage(STREAM, { seq: sequence }));
    } catch (error) {
      // The next round finds it.
      if (!signal.aborted) logger.warn({ reason: messageOf(error) }, 'an exhausted request could not be ended yet');
    }
  };
  const listening = (async () => {
    try {
      for await (const advisory of advisories) await onAdvisory(advisory);
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, 'advisories cannot be listened to');
    }
  })();
  let suspects: ReadonlySet<number> = new Set();
  while (!signal.aborted) {
    try {
      const info = await untilAborted(link.jsm.consumers.info(STREAM, durable), signal);
      metrics.requestsPending(info.num_pending, info.num_ack_pending);
      // While an answer is outstanding, what lies in the stream may be just that request.
      const lying = info.num_ack_pending === 0 ? await deliveredAndLeft(link, info.delivered.stream_seq, signal) : [];
      for (const stored of lying) if (suspects.has(stored.seq)) await endOne(context, link, options, stored);
      suspects = new Set(lying.map(({ seq }) => seq).filter((sequence) => !suspects.has(sequence)));
    } catch (error) {
      if (!signal.aborted) {
        logger.warn({ durable, reason: messageOf(error) }, 'exhausted requests could not be looked for');
      }
    }
    await pause(clock, suspects.size > 0 ? SUSPICION_MS : ROUND_MS, signal);
  }
  advisories.unsubscribe();
  await listening;
}

/** At most 1,000 requests that were delivered and are still in the stream. */
async function deliveredAndLeft(link: Link, deliveredSequence: number, signal: AbortSignal): Promise<StoredMsg[]> {
  const left: StoredMsg[] = [];
  let sequence = 1;
  while (!signal.aborted && sequence <= deliveredSequence && left.length < LEFT_MAX) {
    // The library's types know the first field only; servers since 2.9 know both.
    const query = { seq: sequence, next_by_subj: subjectFilterOf('migration.requested') };
    const found = await untilAborted(link.jsm.streams.getMessage(STREAM, query), signal);
    if (found === null || found.seq > deliveredSequence) break;
    left.push(found);
    sequence = found.seq + 1;
  }
  return left;
}

async function endOne(
  context: BusContext,
  link: Link,
  options: ConsumeRequestsOptions,
  stored: StoredMsg | null,
): Promise<void> {
  if (stored === null) return;
  const { subject, data: bytes, seq: sequence } = stored;
  const { deadLetters, logger, metrics, service } = context;
  try {
    const request = decodeRequest(subject, bytes);
    if (await wasAnswered(link, request.data.migrationId, stored)) return await remove(link, sequence, logger);
    logger.warn({ subject, sequence, migrationId: request.data.migrationId }, 'a request was delivered too often');
    await options.onExhausted(request);
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    await deadLetters.put(
      { service, subject, stream: STREAM, sequence, bytes, problem: error.message },
      context.closed,
    );
  }
  metrics.exhausted();
  await remove(link, sequence, logger);
}

const answers = ['migration.accepted', 'migration.refused'] as const;

/** A server that was killed may keep what was acknowledged before; another answer to it would be none that is true. */
async function wasAnswered(link: Link, migrationId: string, stored: StoredMsg): Promise<boolean> {
  for (const name of answers) {
    const query = { last_by_subj: subjectOf(name, subjectToken(migrationId)) };
    const answer = await link.jsm.streams.getMessage(streams.events.name, query);
    if (answer !== null && sortable(answer.timestamp) >= sortable(stored.timestamp)) return true;
  }
  return false;
}

/** The server leaves out zeros at the end of its nanoseconds. */
const sortable = (timestamp: string): string =>
  timestamp.replace(/(?:\.(\d+))?Z$/, (_, fraction = '') => `.${String(fraction).padEnd(9, '0')}`);

async function remove(link: Link, sequence: number, logger: BusContext['logger']): Promise<void> {
  try {
    await link.jsm.streams.deleteMessage(STREAM, sequence, false);
  } catch (error) {
    // A newer request of the same volume has taken its place, or another instance was here first.
    if (!(error instanceof JetStreamApiError)) throw error;
    logger.debug({ sequence, reason: error.message }, 'an exhausted request was gone already');
  }
}
