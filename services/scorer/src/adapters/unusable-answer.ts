/**
 * What came back cannot be used. An error of its own, since it is also made in the thread that reads large answers,
 * which loads as little as possible.
 */
export class UnusableAnswer extends Error {
  override readonly name = 'UnusableAnswer';
  readonly reason: 'PrometheusUnavailable' | 'QueryFailed';
  /** The same question about fewer volumes may be answered. */
  readonly tooMuch: boolean;
  /** For so long Prometheus asks to be left alone. */
  readonly retryAfterMs: number;

  constructor(reason: UnusableAnswer['reason'], message: string, tooMuch = false, retryAfterMs = 0) {
    super(message);
    this.reason = reason;
    this.tooMuch = tooMuch;
    this.retryAfterMs = retryAfterMs;
  }
}
