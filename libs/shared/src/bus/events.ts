import type { Message, MigrationEventName } from '../messages/index.ts';

/** Where in which stream a reader stands: a stream that was made again counts from 1 once more. */
export interface EventPosition {
  readonly streamCreatedAt: string;
  readonly sequence: number;
}

type EventOf<N extends MigrationEventName> = N extends MigrationEventName ? Message<N> : never;
/** One of the facts of moves; `name` tells which. */
export type MigrationEvent = EventOf<MigrationEventName>;

export interface RecordedEvent extends EventPosition {
  readonly message: MigrationEvent;
}

export interface ReadEventsOptions {
  /** The first event handed over is the one after this; 0 for all that the stream holds, `last` for new ones only. */
  readonly afterSequence: number | 'last';
  /** The stream to which `afterSequence` belongs. Another stream is read from its beginning. */
  readonly streamCreatedAt?: string;
  readonly signal: AbortSignal;
  /**
   * Called with one event after the other, in order, at least once each. If it rejects it is called again with the
   * same event after a back-off, unless the error says never to retry: then the event goes to the dead letters.
   */
  readonly onEvent: (event: RecordedEvent) => Promise<void>;
  /** Called each time everything that was in the stream at the (re)opening has been handed over. */
  readonly onCaughtUp?: (position: EventPosition) => void;
}
