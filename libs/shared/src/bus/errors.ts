/** What to do about a failure. `delayMs` is the least time to wait before the next try. */
export type RetryAnswer = { readonly retry: 'after'; readonly delayMs: number } | { readonly retry: 'never' };

/** Somebody else wrote the record first: read it again before deciding anything. */
export class ConflictError extends Error {
  readonly code = 'COUCHESTOR_CONFLICT';
  readonly retry: RetryAnswer = { retry: 'never' };
  readonly key: string;
  constructor(key: string, options?: ErrorOptions) {
    super(`${key} was written by somebody else`, options);
    this.name = 'ConflictError';
    this.key = key;
  }
}

/** NATS did not take or answer something in time. What was sent may have arrived. */
export class BusUnavailableError extends Error {
  readonly code = 'COUCHESTOR_BUS_UNAVAILABLE';
  readonly retry: RetryAnswer = { retry: 'after', delayMs: 1_000 };
  constructor(operation: string, options?: ErrorOptions) {
    super(`NATS did not answer: ${operation}`, options);
    this.name = 'BusUnavailableError';
  }
}

/** NATS refused a message for what it is; sending it again would not help. */
export class PublishRefusedError extends Error {
  readonly code = 'COUCHESTOR_PUBLISH_REFUSED';
  readonly retry: RetryAnswer = { retry: 'never' };
  readonly subject: string;
  constructor(subject: string, options?: ErrorOptions) {
    super(`NATS refused a message on ${subject}`, options);
    this.name = 'PublishRefusedError';
    this.subject = subject;
  }
}

/** The retry answer that an error carries, whoever made it; undefined if it carries none. */
export function retryOf(error: unknown): RetryAnswer | undefined {
  if (typeof error !== 'object' || error === null || !('retry' in error)) return undefined;
  const { retry } = error;
  if (typeof retry !== 'object' || retry === null || !('retry' in retry)) return undefined;
  if (retry.retry === 'never') return { retry: 'never' };
  if (retry.retry !== 'after') return undefined;
  const delayMs = 'delayMs' in retry && typeof retry.delayMs === 'number' ? retry.delayMs : 0;
  return { retry: 'after', delayMs: Math.max(0, delayMs) };
}
