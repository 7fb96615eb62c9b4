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

/** Aborted as soon as one of them is. */
export function eitherSignal(first: AbortSignal, second: AbortSignal | undefined): AbortSignal {
  return second === undefined || second === first ? first : AbortSignal.any([first, second]);
}
