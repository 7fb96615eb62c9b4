import { CouchestorError } from '../service/errors.ts';

/** Redis did not answer in time, or not in a way that can be used. What was asked for may have been done or not. */
export class RedisUnavailableError extends CouchestorError {
  readonly operation: string;

  constructor(operation: string, why: string, options?: ErrorOptions) {
    super(
      'COUCHESTOR_REDIS_UNAVAILABLE',
      `Redis gave no usable answer to ${operation}: ${why}`,
      { retry: 'after', delayMs: 1_000 },
      options,
    );
    this.operation = operation;
  }
}
