import type { Message } from '../messages/index.ts';

/** What becomes of a request. */
export type Disposition =
  | { readonly kind: 'ack' }
  /** Deliver it again, not before `delayMs`. */
  | { readonly kind: 'nak'; readonly delayMs: number }
  /** Into the dead letters, with a sentence for people. */
  | { readonly kind: 'dead'; readonly reason: string };

export type Request = Message<'migration.requested'>;

export interface Delivery {
  /** 1 for the first time. */
  readonly deliveryCount: number;
  readonly sequence: number;
  /** Aborted when the consumer stops; a handler that waits should give up then (nak). */
  readonly signal: AbortSignal;
}

export interface ConsumeRequestsOptions {
  /** Name of the durable consumer, shared by all instances. */
  readonly durable: string;
  readonly signal: AbortSignal;
  /** Requests handled at the same time by this process, 1 to 1,000. */
  readonly maxInFlight: number;
  /** After this without an answer a request is delivered again. It is extended while its handler runs. */
  readonly ackWaitMs: number;
  readonly maxDeliver: number;
  /**
   * Rejecting counts as nak: after the delay that the error asks for, or a back-off by the number of deliveries. An error
   * that says never to retry counts as dead.
   */
  readonly handle: (request: Request, delivery: Delivery) => Promise<Disposition>;
  /** The request was delivered `maxDeliver` times without an end. It is removed once this resolves. May be repeated. */
  readonly onExhausted: (request: Request) => Promise<void>;
}
