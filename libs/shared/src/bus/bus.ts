import type { ConnectionOptions } from '@nats-io/transport-node';
import type { Registry } from 'prom-client';
import type { Breathe, Clock } from '../clock/index.ts';
import type { MessageName, StateName, SubjectToken } from '../messages/index.ts';
import type { ReadEventsOptions } from './events.ts';
import type { Fact, FactTables, FactWriter, FactWriterOptions } from './facts.ts';
import type { MessageInput } from './message-input.ts';
import type { IntentStore } from './intents.ts';
import type { Permit } from './permit.ts';
import type { ConsumeRequestsOptions } from './requests.ts';

/** The part of a logger that the bus needs; a pino logger is one. */
export interface BusLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface BusOptions {
  /** `nats://host:port`, one or several of one cluster. */
  readonly servers: string | readonly string[];
  /** `watcher`, `scorer`, `migrator`: shown in the server's list of connections and used for dead letters. */
  readonly service: string;
  /** Which process this is: the `source` of its messages and a suffix of the connection's name. */
  readonly instance: string;
  readonly clock: Clock;
  readonly logger: BusLogger;
  readonly registry?: Registry;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly tls?: Exclude<ConnectionOptions['tls'], null | undefined>;
  /** Copies of each stream and bucket in a cluster of NATS servers: 1, 3 or 5. 1 by default. */
  readonly replicas?: number;
  /** Deadline of one try of a publish or request to JetStream. 5,000 by default. */
  readonly requestTimeoutMs?: number;
  /** Ends the wait for the first connection. */
  readonly signal?: AbortSignal;
  /** Writes nothing of its own accord: what cannot be read is logged and counted, not stored as a dead letter. */
  readonly readOnly?: boolean;
  /** 0 to below 1, for the jitter of waits. `Math.random` by default. */
  readonly random?: () => number;
  /** Of the process, where that works on many things by itself too; one of its own by default. */
  readonly breathe?: Breathe;
}

export type ConnectionState = 'connected' | 'disconnected';

export interface PublishOptions {
  /** The same for a repeat of the same message; JetStream stores it once within the stream's duplicate window. */
  readonly messageId: string;
  readonly traceparent?: string;
  /** Ends the tries. Without it they go on until the bus is closed. */
  readonly signal?: AbortSignal;
}

export interface Published {
  readonly sequence: number;
  readonly duplicate: boolean;
}

/** A message that could not be read, or that nothing could be done with. */
export interface DeadLetter {
  readonly service: string;
  /** Where it was found. */
  readonly subject: string;
  readonly stream?: string;
  readonly sequence?: number;
  readonly bytes: Uint8Array;
  /** A sentence for people. */
  readonly problem: string;
}

/**
 * NATS JetStream in our words. Everything works in any order of starts, goes on by itself after an outage or a lost
 * stream, and ends with the bus.
 */
export interface Bus extends AsyncDisposable {
  /**
   * Creates or updates the streams and buckets; every service calls it. From then on they are watched, and created
   * again if somebody deletes them. Waits for JetStream for as long as the signal allows.
   */
  ensureStreams(signal?: AbortSignal): Promise<void>;

  readonly state: ConnectionState;
  /** Why there is no connection, or what failed last. */
  readonly lastError: Error | undefined;
  onState(listener: (state: ConnectionState) => void): () => void;

  /**
   * Stores a message and waits for the acknowledgement, with a deadline per try and a back-off between tries.
   * @throws MalformedMessageError for data that does not fit its schema
   * @throws PublishRefusedError if JetStream will not take such a message
   * @throws the signal's reason
   */
  publish<N extends MessageName>(
    name: N,
    id: SubjectToken,
    data: MessageInput<N>,
    options: PublishOptions,
  ): Promise<Published>;

  /** Reads facts until the signal; returns at once, `whenSynced` tells when the tables are complete. */
  openFacts<const N extends StateName>(
    names: readonly N[],
    options: { readonly signal: AbortSignal },
  ): Promise<FactTables<N>>;
  /**
   * Reports facts of one kind and their ends without holding them. Resolves when all that there were have been reported;
   * goes on until the signal.
   */
  followFacts<N extends StateName>(
    name: N,
    onChange: (id: string, next: Fact<N> | undefined) => void,
    options: { readonly signal: AbortSignal },
  ): Promise<void>;
  /** Resolves when it knows what the stream holds, so that only changes are published. */
  openFactWriter<N extends StateName>(name: N, options: FactWriterOptions): Promise<FactWriter<N>>;

  /** Resolves when the signal is aborted and the last `onEvent` has ended; outages are waited out. */
  readEvents(options: ReadEventsOptions): Promise<void>;
  /** Resolves when the signal is aborted and every handler has ended; outages are waited out. */
  consumeRequests(options: ConsumeRequestsOptions): Promise<void>;

  readonly intents: IntentStore;
  readonly permit: Permit;

  /** Resolves when it is stored. */
  deadLetter(letter: DeadLetter, signal?: AbortSignal): Promise<void>;
}
