import { retryOf, type ConsumeRequestsOptions, type Disposition, type Request } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import { streams } from '@couchestor/shared/messages';
import type { Chaos } from '../world/chaos.ts';
import { type Random } from '@couchestor/shared/random';
import { oneOf, upTo } from '../world/random.ts';
import type { SimulatedProcess } from '../world/process.ts';

/** The work queue of requests: the newest of each volume, delivered to one of the consumers until it is answered. */
export interface RequestQueue {
  put(message: Request): { readonly sequence: number; readonly duplicate: boolean };
  consume(process: SimulatedProcess, options: ConsumeRequestsOptions): Promise<void>;
  /** A request of before comes once more, as if its acknowledgement had been lost. */
  /** @param migrationId undefined for any */
  repeat(random: Random, migrationId?: string): void;
  /** Requests that are neither acknowledged nor replaced. */
  pending(): readonly Request[];
}

interface Entry {
  readonly message: Request;
  readonly sequence: number;
  deliveries: number;
}

interface Consumer {
  readonly process: SimulatedProcess;
  readonly options: ConsumeRequestsOptions;
  inFlight: number;
}

const FORMER_KEPT = 200;
/** One of these comes again where it does not matter which. */
const LAST_OF_THEM = 20;
const NOBODY_MS = 1_000;
/** A handler is given so many extensions of half the wait for its answer. */
const EXTENSIONS_MAX = 20;
/** Share of answers to the server that are lost, of the calls that go wrong; the same for deliveries. */
const LOST_SHARE = 0.5;

export function createRequestQueue({ clock, chaos }: { readonly clock: Clock; readonly chaos: Chaos }): RequestQueue {
  const bySubject = new Map<string, Entry>();
  const consumers: Consumer[] = [];
  const former: Request[] = [];
  const recentIds = new Map<string, { readonly sequence: number; readonly atMs: number }>();
  let sequence = 0;
  let turn = 0;

  const isPending = (entry: Entry): boolean => bySubject.get(entry.message.subject) === entry;
  const remove = (entry: Entry): void => {
    if (isPending(entry)) bySubject.delete(entry.message.subject);
  };
  const later = (entry: Entry, ms: number): void => void clock.after(ms, () => deliver(entry));

  const deliver = (entry: Entry): void => {
    if (!isPending(entry)) return;
    for (let index = consumers.length - 1; index >= 0; index -= 1) {
      if (consumers[index]?.process.isDead === true) consumers.splice(index, 1);
    }
    const ready = consumers.filter(
      ({ process, options, inFlight }) => !process.isDead && !options.signal.aborted && inFlight < options.maxInFlight,
    );
    const consumer = ready[turn++ % Math.max(1, ready.length)];
    if (consumer === undefined) return later(entry, NOBODY_MS);
    const { process, options } = consumer;
    entry.deliveries += 1;
    if (entry.deliveries > options.maxDeliver) {
      process.deliver(() => {
        options.onExhausted(entry.message).then(
          () => remove(entry),
          () => later(entry, NOBODY_MS),
        );
      });
      return;
    }
    const lot = chaos.at(`${process.name}/deliver request`);
    let isAnswered = false;
    let isHandled = false;
    let extensions = 0;
    const wait = (): void =>
      void clock.after(options.ackWaitMs, () => {
        if (isAnswered || !isPending(entry)) return;
        const extended = isHandled && !process.isDead && process.stoodStillAtMs < clock.monotonicMs();
        extensions += 1;
        if (extended && extensions < EXTENSIONS_MAX / 2) wait();
        else deliver(entry);
      });
    wait();
    if (lot !== undefined && lot.random() < LOST_SHARE) {
      // Lost on the way; or delivered twice, to two of them.
      if (lot.random() < 0.5) return;
      later(entry, upTo(lot.random, 5_000));
    }
    const settle = (disposition: Disposition): void => {
      consumer.inFlight -= 1;
      if (process.isDead) return;
      const answerLot = chaos.at(`${process.name}/answer request`);
      isHandled = false;
      if (answerLot !== undefined && answerLot.random() < LOST_SHARE) return;
      isAnswered = true;
      if (disposition.kind === 'nak') later(entry, disposition.delayMs);
      else remove(entry);
    };
    consumer.inFlight += 1;
    clock.after(1, () =>
      process.deliver(() => {
        isHandled = true;
        options
          .handle(entry.message, { deliveryCount: entry.deliveries, sequence: entry.sequence, signal: options.signal })
          .then(settle, (error: unknown) => {
            const retry = retryOf(error);
            settle(
              retry?.retry === 'never'
                ? { kind: 'dead', reason: String(error) }
                : { kind: 'nak', delayMs: retry?.delayMs ?? 1_000 },
            );
          });
      }),
    );
  };

  return {
    put: (message) => {
      const known = recentIds.get(message.id);
      if (known !== undefined && clock.monotonicMs() - known.atMs < streams.commands.duplicateWindowMs) {
        return { sequence: known.sequence, duplicate: true };
      }
      sequence += 1;
      recentIds.set(message.id, { sequence, atMs: clock.monotonicMs() });
      const entry = { message, sequence, deliveries: 0 };
      bySubject.set(message.subject, entry);
      former.push(message);
      if (former.length > FORMER_KEPT) former.shift();
      later(entry, 1);
      return { sequence, duplicate: false };
    },
    consume: (process, options) =>
      new Promise((resolve) => {
        const consumer = { process, options, inFlight: 0 };
        consumers.push(consumer);
        const end = (): void => {
          consumers.splice(consumers.indexOf(consumer), 1);
          const drain = (): void => {
            if (consumer.inFlight === 0) resolve();
            else process.clock.after(100, drain);
          };
          drain();
        };
        if (options.signal.aborted) end();
        else options.signal.addEventListener('abort', end, { once: true });
      }),
    repeat: (random, migrationId) => {
      const message =
        migrationId === undefined
          ? oneOf(random, former.slice(-LAST_OF_THEM))
          : former.find(({ data }) => data.migrationId === migrationId);
      if (message === undefined || bySubject.has(message.subject)) return;
      sequence += 1;
      const entry = { message, sequence, deliveries: 1 };
      bySubject.set(message.subject, entry);
      later(entry, 1);
    },
    pending: () => [...bySubject.values()].map(({ message }) => message),
  };
}
