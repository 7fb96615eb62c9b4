import type { Clock } from '../clock/index.ts';
import { CALL_LIFE_MAX_MS, CALL_LIFE_MIN_MS } from './call-life.ts';
import type { CallKind } from './mayastor-client.ts';
import type { HttpAnswer, HttpRequest, Transport } from './transport.ts';

/**
 * Resolves when a call of this kind may be made, with the time on the monotonic clock by which it has to be sent: within
 * `lifeMs` of being asked. A call that it rejects is never sent.
 */
export type Pace = (kind: CallKind, lifeMs: number, signal?: AbortSignal) => Promise<number>;

export interface TimedAnswer {
  readonly answer: HttpAnswer;
  readonly tookMs: number;
}

/** Where no grant of the longest life is in time, it is the machine that is too slow, and the call is not made. */
const TRIES_MAX = 10;

/** Sends what was granted, as long as its grant is good; else another is asked for, with a longer life. */
export function createPacedSender({
  pace,
  transport,
  clock,
  onSend,
}: {
  readonly pace: Pace;
  readonly transport: Pick<Transport, 'send'>;
  readonly clock: Clock;
  /** Told in the moment before the first byte goes out. */
  readonly onSend: (request: HttpRequest) => void;
}): (kind: CallKind, request: HttpRequest) => Promise<TimedAnswer> {
  // As long as it takes here from asking to sending: a long life takes a slot for longer.
  let lifeMs = CALL_LIFE_MIN_MS;

  return async (kind, request) => {
    for (let tries = 1; ; tries += 1) {
      const grantedMs = lifeMs;
      const goodUntilMs = await pace(kind, grantedMs, request.signal);
      let isLate = false;
      const mayStart = (): boolean => {
        const leftMs = goodUntilMs - clock.monotonicMs();
        isLate = leftMs < 0;
        if (isLate || request.mayStart?.() === false) return false;
        if (leftMs > 0.75 * grantedMs) lifeMs = Math.max(CALL_LIFE_MIN_MS, grantedMs / 2);
        onSend(request);
        return true;
      };
      const sentAtMs = clock.monotonicMs();
      const answer = await transport.send({ ...request, mayStart });
      if (!isLate || tries === TRIES_MAX) return { answer, tookMs: clock.monotonicMs() - sentAtMs };
      lifeMs = Math.max(lifeMs, Math.min(CALL_LIFE_MAX_MS, 2 * grantedMs));
    }
  };
}
