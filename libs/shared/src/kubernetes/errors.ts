import { CouchestorError, type Retry } from '../service/errors.ts';

/** The `Status` object that the API server answers with, as far as we read it. */
export interface StatusBody {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}

/** The API server refused or failed; nothing is known to have been done unless the status says so. */
export class KubernetesStatusError extends CouchestorError {
  /** The HTTP status, or that of an ERROR event. */
  readonly status: number;
  /** The API's own word, such as `NotFound`, `AlreadyExists`, `Conflict`, `Expired`, `Forbidden`, `Invalid`. */
  readonly reason: string;
  /** How long the server asked to be left alone; undefined if it did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(operation: string, status: number, body: StatusBody, retryAfterMs: number | undefined) {
    const reason = body.reason ?? 'Unknown';
    const text = `${operation} was answered with ${status} ${reason}: ${(body.message ?? '').slice(0, 500)}`;
    super('COUCHESTOR_KUBERNETES_STATUS', text, retryOf(status, retryAfterMs));
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** No usable answer: no connection, a broken one, or none in time. A write may or may not have happened. */
export class KubernetesUnreachableError extends CouchestorError {
  constructor(operation: string, options?: ErrorOptions) {
    super('COUCHESTOR_KUBERNETES_UNREACHABLE', `${operation} was not answered`, AFTER_A_SECOND, options);
  }
}

/** An answer that no API server gives: not JSON, or larger than anything we ask for. */
export class KubernetesAnswerError extends CouchestorError {
  constructor(operation: string, problem: string, options?: ErrorOptions) {
    super('COUCHESTOR_KUBERNETES_ANSWER', `the answer to ${operation} ${problem}`, AFTER_A_SECOND, options);
  }
}

const AFTER_A_SECOND: Retry = { retry: 'after', delayMs: 1_000 };

function retryOf(status: number, retryAfterMs: number | undefined): Retry {
  // A conflict ends once the object was read again; 401 once the token was renewed; the rest is load or failure.
  const mayPass = status === 401 || status === 409 || status === 429 || status >= 500;
  return mayPass ? { retry: 'after', delayMs: retryAfterMs ?? 1_000 } : { retry: 'never' };
}

export function isStatus(error: unknown, status: number): error is KubernetesStatusError {
  return error instanceof KubernetesStatusError && error.status === status;
}
