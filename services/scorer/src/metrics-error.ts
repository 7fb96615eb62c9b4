import { CouchestorError } from '@couchestor/shared/service';

/** Prometheus gave no answer that may be believed. What it would have said is unknown, never zero. */
export class MetricsError extends CouchestorError {
  readonly reason: 'PrometheusUnavailable' | 'QueryFailed';

  constructor(reason: MetricsError['reason'], message: string, options?: ErrorOptions) {
    const code = reason === 'QueryFailed' ? 'COUCHESTOR_QUERY_FAILED' : 'COUCHESTOR_PROMETHEUS_UNAVAILABLE';
    super(code, message, { retry: 'after', delayMs: 5_000 }, options);
    this.reason = reason;
  }
}
