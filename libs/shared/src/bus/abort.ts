/** Settles as `promise` does, or rejects with the reason of the signal that is aborted first. */
export function untilAborted<T>(promise: Promise<T>, ...signals: readonly AbortSignal[]): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const aborted = signals.find((signal) => signal.aborted);
    if (aborted !== undefined) {
      // What was started must not become an unhandled rejection because nobody waits for it any more.
      promise.catch(() => undefined);
      reject(aborted.reason);
      return;
    }
    const listeners = signals.map((signal) => {
      const abort = (): void => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      return () => signal.removeEventListener('abort', abort);
    });
    const settled = (): void => {
      for (const remove of listeners) remove();
    };
    promise.then(resolve, reject).finally(settled);
  });
}

/**
 * Aborted as soon as one of them is. The same two have the same one for as long as they live: thousands of messages are
 * sent until one of them is aborted, and a signal for each would cost more than the rest of it.
 */
export function eitherSignal(first: AbortSignal, second: AbortSignal | undefined): AbortSignal {
  if (second === undefined || second === first) return first;
  const ofSecond = joined.get(second) ?? new WeakMap<AbortSignal, AbortSignal>();
  const either = ofSecond.get(first) ?? AbortSignal.any([first, second]);
  ofSecond.set(first, either);
  joined.set(second, ofSecond);
  return either;
}

const joined = new WeakMap<AbortSignal, WeakMap<AbortSignal, AbortSignal>>();
