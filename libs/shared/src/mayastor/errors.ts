export type MayastorErrorCode = 'COUCHESTOR_MAYASTOR_UNAVAILABLE';

/** A read that had no usable answer. What it asked about is unknown, which is neither absent nor empty. */
export class MayastorUnavailableError extends Error {
  readonly code: MayastorErrorCode = 'COUCHESTOR_MAYASTOR_UNAVAILABLE';
  readonly operation: string;
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;
  readonly retryAfterMs: number;

  constructor(
    operation: string,
    why: string,
    options: { status?: number | undefined; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(`Mayastor gave no usable answer to ${operation}: ${why}`, { cause: options.cause });
    this.name = 'MayastorUnavailableError';
    this.operation = operation;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs ?? 5_000;
  }
}
