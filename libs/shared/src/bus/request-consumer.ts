import { AckPolicy, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/transport-node';
import { pause } from '../clock/index.ts';
import { MalformedMessageError, streams, subjectFilterOf } from '../messages/index.ts';
import { CouchestorError, createStandingLines, messageOf, type StandingLines } from '../service/index.ts';
import { eitherSignal, untilAborted } from './abort.ts';
import type { Link } from './connection.ts';
import type { BusContext } from './context.ts';
import { decodeRequest } from './decode-request.ts';
import type { DeliveryInfo } from './delivery-info.ts';
import { retryOf } from './errors.ts';
import { sweepExhausted } from './exhausted-requests.ts';
import { pull } from './pull.ts';
import type { ConsumeRequestsOptions, Disposition } from './requests.ts';
import { createRetryBackoff } from './retry-backoff.ts';
import { createSlots } from './slots.ts';
import { streamInfo } from './stream-setup.ts';

const STREAM = streams.commands.name;
const REQUEST_BYTES_MAX = 320 * 1024;
/** For all instances together; what one may hold is its own `maxInFlight`. */
const UNACKNOWLEDGED_MAX = 1_000;
/** A handler that hangs must not keep its request for ever. */
const EXTENSIONS_MAX = 20;
const NAK_DELAY_MAX_MS = 60_000;

export async function consumeRequests(context: BusContext, options: ConsumeRequestsOptions): Promise<void> {
  const { clock, connection, keeper, logger } = context;
  const signal = eitherSignal(context.closed, options.signal);
  const slots = createSlots(options.maxInFlight);
  const running = new Set<Promise<void>>();
  const backoff = createRetryBackoff(context.random);
  const standing = createStandingLines(clock);

  const session = async (link: Link): Promise<void> => {
    if ((await untilAborted(streamInfo(link.jsm, STREAM), signal, link.lost)) === undefined) {
      keeper.lookSoon();
      throw new Error(`there is no stream ${STREAM}`);
    }
    await untilAborted(ensureConsumer(link, options), signal, link.lost);
    const ended = new AbortController();
    const until = AbortSignal.any([signal, link.lost, ended.signal]);
    const sweeping = sweepExhausted(context, link, options, until);
    try {
      const batch = async (): Promise<number> => {
        // It rejects only because the session ends, which the pull below is told by the same signal.
        await untilAborted(slots.available(), until).catch(() => undefined);
        return Math.max(1, slots.free);
      };
      const pulling = pull(link, clock, {
        stream: STREAM,
        consumer: options.durable,
        batch,
        maxBytes: options.maxInFlight * REQUEST_BYTES_MAX,
        signal,
        // Somebody else may have it at once instead of after the wait for our answer.
        onLeftover: (message) => respond(message, { kind: 'nak', delayMs: 0 }),
      });
      for await (const item of pulling) {
        backoff.reset();
        if (item.kind === 'idle') continue;
        await slots.take();
        const work = handleOne(context, options, standing, item.message, item.info, signal).finally(() => {
          running.delete(work);
          slots.release();
        });
        running.add(work);
      }
    } finally {
      ended.abort();
      await sweeping;
    }
  };

  while (!signal.aborted) {
    try {
      await session(await connection.linked(signal));
    } catch (error) {
      if (signal.aborted) break;
      logger.warn({ durable: options.durable, reason: messageOf(error) }, 'consuming requests again');
    }
    if (!signal.aborted) await pause(clock, backoff.nextDelayMs(), signal);
  }
  await Promise.all(running);
}

async function ensureConsumer(link: Link, { durable, ackWaitMs, maxDeliver }: ConsumeRequestsOptions): Promise<void> {
  await link.jsm.consumers.add(STREAM, {
    durable_name: durable,
    filter_subject: subjectFilterOf('migration.requested'),
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    ack_wait: ackWaitMs * 1e6,
    max_deliver: maxDeliver,
    max_ack_pending: UNACKNOWLEDGED_MAX,
  });
}

/** Never rejects: whatever goes wrong becomes a disposition, or is left to the redelivery. */
async function handleOne(
  context: BusContext,
  options: ConsumeRequestsOptions,
  standing: StandingLines,
  message: Msg,
  info: DeliveryInfo,
  signal: AbortSignal,
): Promise<void> {
  const { deadLetters, logger, metrics, service } = context;
  const { subject, data: bytes } = message;
  if (info.deliveryCount > 1) metrics.redelivered();
  const stopExtending = extendWhileHandled(context, options.ackWaitMs, message);
  try {
    const outcome = await decide(context, options, standing, message, info, signal);
    if (outcome.kind === 'dead') {
      const place = { service, subject, stream: STREAM, sequence: info.streamSequence };
      await deadLetters.put({ ...place, bytes, problem: outcome.reason }, context.closed);
    }
    respond(message, outcome);
  } catch (error) {
    // Without an answer it is delivered again.
    logger.warn({ subject, reason: messageOf(error) }, 'a request was left unanswered');
  } finally {
    stopExtending();
  }
}

async function decide(
  context: BusContext,
  options: ConsumeRequestsOptions,
  standing: StandingLines,
  message: Msg,
  { deliveryCount, streamSequence: sequence }: DeliveryInfo,
  signal: AbortSignal,
): Promise<Disposition> {
  try {
    const request = decodeRequest(message.subject, message.data);
    context.metrics.consumed(request.name);
    return await options.handle(request, { deliveryCount, sequence, signal });
  } catch (error) {
    if (error instanceof MalformedMessageError) return { kind: 'dead', reason: error.message };
    const { subject } = message;
    const answer = retryOf(error);
    switch (answer?.retry) {
      case 'never':
        return { kind: 'dead', reason: messageOf(error) };
      case 'after':
        // What is away is away for every request.
        standing.say('handling', error instanceof CouchestorError ? error.code : '', () => {
          context.logger.warn({ subject, reason: messageOf(error), deliveryCount }, 'a request will be handled again');
        });
        return { kind: 'nak', delayMs: answer.delayMs };
      case undefined: {
        context.logger.error({ subject, err: error, deliveryCount }, 'a handler of requests failed');
        return { kind: 'nak', delayMs: Math.min(NAK_DELAY_MAX_MS, 1_000 * 2 ** (deliveryCount - 1)) };
      }
    }
  }
}

function extendWhileHandled({ clock }: BusContext, ackWaitMs: number, message: Msg): () => void {
  let extensions = 0;
  let cancel: () => void;
  const schedule = (): void => {
    cancel = clock.after(ackWaitMs / 2, () => {
      message.respond('+WPI');
      extensions += 1;
      if (extensions < EXTENSIONS_MAX) schedule();
    });
  };
  schedule();
  return () => cancel();
}

function respond(message: Msg, disposition: Disposition): void {
  switch (disposition.kind) {
    case 'ack':
      message.respond('+ACK');
      break;
    case 'nak':
      message.respond(`-NAK ${JSON.stringify({ delay: Math.max(0, Math.round(disposition.delayMs)) * 1e6 })}`);
      break;
    case 'dead':
      // Its letter is stored. Servers before 2.10.4 do not understand a reason behind this word and deliver again.
      message.respond('+TERM');
      break;
  }
}
