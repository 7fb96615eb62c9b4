import { CouchestorError } from '../service/errors.ts';

/** A read that had no usable answer. What it asked about is unknown, which is neither absent nor empty. */
export class MayastorUnavailableError extends CouchestorError {
  readonly operation: string;
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;

  constructor(operation: string, why: string, options: { status?: number | undefined; cause?: unknown } = {}) {
    super(
      'COUCHESTOR_MAYASTOR_UNAVAILABLE',
      `Mayastor gave no usable answer to ${operation}: ${why}`,
      { retry: 'after', delayMs: 5_000 },
      { cause: options.cause },
    );
    this.operation = operation;
    this.status = options.status;
  }
}

/** An answer of success whose body is not what was asked for. */
export class MalformedAnswerError extends Error {
  constructor(what: string, options?: ErrorOptions) {
    super(`malformed answer: ${what}`, options);
    this.name = 'MalformedAnswerError';
  }
}
