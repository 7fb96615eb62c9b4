export type LeasesErrorCode = 'COUCHESTOR_REDIS_UNAVAILABLE';

/** Redis did not answer in time, or not in a way that can be used. What was asked for may have been done or not. */
export class RedisUnavailableError extends Error {
  readonly code: LeasesErrorCode = 'COUCHESTOR_REDIS_UNAVAILABLE';
  readonly operation: string;
  readonly retryAfterMs = 1_000;

  constructor(operation: string, why: string, options?: ErrorOptions) {
    super(`Redis gave no usable answer to ${operation}: ${why}`, options);
    this.name = 'RedisUnavailableError';
    this.operation = operation;
  }
}
