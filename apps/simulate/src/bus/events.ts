import { retryOf, type MigrationEvent, type ReadEventsOptions } from '@couchestor/shared/bus';
import { pause, type Clock } from '@couchestor/shared/clock';
import { streams } from '@couchestor/shared/messages';
import type { Network } from '../world/network.ts';
import type { SimulatedProcess } from '../world/process.ts';

/** The stream of what became of moves. */
export interface EventStream {
  readonly stored: readonly MigrationEvent[];
  /** Stores a message unless one of its id was stored within the duplicate window. */
  store(message: MigrationEvent): { readonly sequence: number; readonly duplicate: boolean };
  read(process: SimulatedProcess, options: ReadEventsOptions): Promise<void>;
}

const CREATED_AT = '2026-01-01T00:00:00.000Z';
const RETRY_MS = 1_000;

export function createEventStream({
  clock,
  network,
  onStored,
}: {
  readonly clock: Clock;
  readonly network: Network;
  readonly onStored: (message: MigrationEvent) => void;
}): EventStream {
  const stored: MigrationEvent[] = [];
  const sequences = new Map<string, { readonly sequence: number; readonly atMs: number }>();
  const readers = new Set<() => void>();
  return {
    stored,
    store: (message) => {
      const known = sequences.get(message.id);
      if (known !== undefined && clock.monotonicMs() - known.atMs < streams.events.duplicateWindowMs) {
        return { sequence: known.sequence, duplicate: true };
      }
      stored.push(message);
      const sequence = stored.length;
      sequences.set(message.id, { sequence, atMs: clock.monotonicMs() });
      onStored(message);
      for (const wake of readers) wake();
      return { sequence, duplicate: false };
    },
    read: async (process, { afterSequence, streamCreatedAt, signal, onEvent, onCaughtUp }) => {
      const isOther = streamCreatedAt !== undefined && streamCreatedAt !== CREATED_AT;
      let position = afterSequence === 'last' ? stored.length : isOther ? 0 : afterSequence;
      const channel = network.channel(process, 'events');
      let news = Promise.withResolvers<void>();
      // Sent through the channel, so that what is stored is seen later, and not at all by a process that stands still.
      let seen = 0;
      const announce = (): void => {
        if (process.isDead) return void readers.delete(announce);
        const upTo = stored.length;
        channel.send(() => {
          seen = Math.max(seen, upTo);
          news.resolve();
        });
      };
      readers.add(announce);
      const end = (): void => news.resolve();
      signal.addEventListener('abort', end, { once: true });
      announce();
      let isFirst = true;
      while (!signal.aborted) {
        await news.promise;
        news = Promise.withResolvers();
        while (position < seen && !signal.aborted) {
          const message = stored[position];
          if (message === undefined) break;
          try {
            await onEvent({ message, sequence: position + 1, streamCreatedAt: CREATED_AT });
            position += 1;
          } catch (error) {
            if (signal.aborted) break;
            // Programmer errors are to be seen; what may be tried again is.
            if (retryOf(error)?.retry === 'never') throw error;
            await pause(process.clock, RETRY_MS, signal);
          }
        }
        if (!isFirst || signal.aborted) continue;
        isFirst = false;
        onCaughtUp?.({ streamCreatedAt: CREATED_AT, sequence: position });
      }
      readers.delete(announce);
    },
  };
}
