import { CouchestorError } from '@couchestor/shared/service';

/** Prometheus gave no answer that may be believed. What it would have said is unknown, never zero. */
export class MetricsError extends CouchestorError {
  readonly reason: 'PrometheusUnavailable' | 'QueryFailed';
  /** Too much was asked for at once: the same question about fewer volumes may be answered. */
  readonly tooMuch: boolean;

  constructor(
    reason: MetricsError['reason'],
    message: string,
    { tooMuch = false, ...options }: ErrorOptions & { readonly tooMuch?: boolean } = {},
  ) {
    const code = reason === 'QueryFailed' ? 'COUCHESTOR_QUERY_FAILED' : 'COUCHESTOR_PROMETHEUS_UNAVAILABLE';
    super(code, message, { retry: 'after', delayMs: 5_000 }, options);
    this.reason = reason;
    this.tooMuch = tooMuch;
  }
}
