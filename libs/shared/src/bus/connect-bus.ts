import { randomUUID } from 'node:crypto';
import { createBreathe } from '../clock/index.ts';
import { encodeMessage, subjectOf, type MessageName, type SubjectToken } from '../messages/index.ts';
import { eitherSignal } from './abort.ts';
import type { Bus, BusOptions, Published, PublishOptions } from './bus.ts';
import type { MessageInput } from './message-input.ts';
import { openConnection } from './connection.ts';
import type { BusContext } from './context.ts';
import { createDeadLetters } from './dead-letters.ts';
import { PublishRefusedError } from './errors.ts';
import { readEvents } from './event-reader.ts';
import { openFactTables } from './fact-tables.ts';
import { openFactWriter } from './fact-writer.ts';
import { followFacts } from './follow-facts.ts';
import { createIntentStore } from './intent-store.ts';
import { createBusMetrics } from './metrics.ts';
import { createPermit } from './permit-bucket.ts';
import { createPublisher } from './publisher.ts';
import { consumeRequests } from './request-consumer.ts';
import { createStreamKeeper } from './stream-keeper.ts';

const REQUEST_TIMEOUT_MS = 5_000;

/** Waits for NATS for as long as the signal allows, with a back-off. @throws the signal's reason */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const { clock, logger, service, instance, random = Math.random, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
  const closing = new AbortController();
  const closed = closing.signal;
  const metrics = createBusMetrics(service, options.registry);
  const connection = await openConnection(options, metrics, requestTimeoutMs, eitherSignal(closed, options.signal));
  const keeper = createStreamKeeper(connection, clock, logger, metrics, {
    replicas: options.replicas ?? 1,
    random,
    closed,
  });
  const publisher = createPublisher(connection, keeper, clock, logger, metrics, { requestTimeoutMs, random, closed });
  const deadLetters = createDeadLetters(publisher, clock, logger, metrics, {
    readOnly: options.readOnly ?? false,
    newId: randomUUID,
  });
  const tasks = new Set<Promise<void>>();
  const track = (what: string, work: Promise<unknown>): void => {
    const task = work
      .then(
        () => undefined,
        (error: unknown) => {
          if (!closed.aborted) logger.error({ err: error, what }, 'work of the bus failed');
        },
      )
      .finally(() => tasks.delete(task));
    tasks.add(task);
  };
  const context: BusContext = {
    service,
    instance,
    clock,
    breathe: options.breathe ?? createBreathe(clock),
    logger,
    metrics,
    random,
    connection,
    publisher,
    keeper,
    deadLetters,
    closed,
    track,
  };
  track('keeping streams', keeper.run());

  /** Also waited for by the end of the bus, whether or not the caller waits. */
  const tracked = (what: string, work: Promise<void>): Promise<void> => {
    track(what, work);
    return work;
  };
  const publish = async <N extends MessageName>(
    name: N,
    id: SubjectToken,
    data: MessageInput<N>,
    { messageId, traceparent, signal }: PublishOptions,
  ): Promise<Published> => {
    const head = { id: messageId, source: instance, timeMs: clock.nowMs() };
    const bytes = encodeMessage(name, id, { ...head, ...(traceparent === undefined ? {} : { traceparent }) }, data);
    try {
      const published = await publisher.publish({ subject: subjectOf(name, id), bytes, messageId, signal });
      metrics.published(name, published.duplicate ? 'duplicate' : 'stored');
      return published;
    } catch (error) {
      if (error instanceof PublishRefusedError) metrics.published(name, 'refused');
      throw error;
    }
  };

  return {
    ensureStreams: (signal) => keeper.ensure(signal),
    get state() {
      return connection.state;
    },
    get lastError() {
      return connection.lastError;
    },
    onState: (listener) => connection.onState(listener),
    publish,
    openFacts: async (names, { signal }) => openFactTables(context, names, eitherSignal(closed, signal)),
    followFacts: (name, onChange, { signal }) => followFacts(context, name, onChange, eitherSignal(closed, signal)),
    openFactWriter: (name, writerOptions) => openFactWriter(context, name, writerOptions),
    readEvents: (eventOptions) => tracked('reading events', readEvents(context, eventOptions)),
    consumeRequests: (requestOptions) => tracked('consuming requests', consumeRequests(context, requestOptions)),
    intents: createIntentStore(context),
    permit: createPermit(context),
    deadLetter: (letter, signal) => deadLetters.put(letter, signal),
    [Symbol.asyncDispose]: async () => {
      closing.abort(new Error('the bus is closed'));
      // Handlers that still run may start more work, so this ends only when nothing is left.
      while (tasks.size > 0) await Promise.all(tasks);
      await connection.close();
    },
  };
}
