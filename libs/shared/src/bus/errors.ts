import { CouchestorError, type Retry } from '../service/index.ts';

/** Somebody else wrote the record first: read it again before deciding anything. */
export class ConflictError extends CouchestorError {
  readonly key: string;
  constructor(key: string, options?: ErrorOptions) {
    super('COUCHESTOR_CONFLICT', `${key} was written by somebody else`, { retry: 'never' }, options);
    this.key = key;
  }
}

/** NATS did not take or answer something in time. What was sent may have arrived. */
export class BusUnavailableError extends CouchestorError {
  constructor(operation: string, options?: ErrorOptions) {
    super(
      'COUCHESTOR_BUS_UNAVAILABLE',
      `NATS did not answer: ${operation}`,
      { retry: 'after', delayMs: 1_000 },
      options,
    );
  }
}

/** NATS refused a message for what it is; sending it again would not help. */
export class PublishRefusedError extends CouchestorError {
  readonly subject: string;
  constructor(subject: string, options?: ErrorOptions) {
    super('COUCHESTOR_PUBLISH_REFUSED', `NATS refused a message on ${subject}`, { retry: 'never' }, options);
    this.subject = subject;
  }
}

/** The retry answer that an error carries; undefined if it was never classified. */
export function retryOf(error: unknown): Retry | undefined {
  return error instanceof CouchestorError ? error.retry : undefined;
}
