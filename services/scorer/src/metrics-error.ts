import { CouchestorError } from '@couchestor/shared/service';

/** Prometheus gave no answer that may be believed. What it would have said is unknown, never zero. */
export class MetricsError extends CouchestorError {
  readonly reason: 'PrometheusUnavailable' | 'QueryFailed';
  /** Too much was asked for at once: the same question about fewer volumes may be answered. */
  readonly tooMuch: boolean;
  /** For so long Prometheus asks to be left alone. */
  readonly retryAfterMs: number;

  constructor(
    reason: MetricsError['reason'],
    message: string,
    {
      tooMuch = false,
      retryAfterMs = 0,
      ...options
    }: ErrorOptions & { readonly tooMuch?: boolean; readonly retryAfterMs?: number } = {},
  ) {
    const code = reason === 'QueryFailed' ? 'COUCHESTOR_QUERY_FAILED' : 'COUCHESTOR_PROMETHEUS_UNAVAILABLE';
    super(code, message, { retry: 'after', delayMs: 5_000 }, options);
    this.reason = reason;
    this.tooMuch = tooMuch;
    this.retryAfterMs = retryAfterMs;
  }
}
