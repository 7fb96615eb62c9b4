/**
 * Runs loops side by side until the signal is aborted or one of them fails; then the others are ended too, and waited
 * for. Rejects with the first failure, or with the signal's reason.
 */
export async function runTogether(
  signal: AbortSignal,
  loops: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const ending = new AbortController();
  const both = AbortSignal.any([signal, ending.signal]);
  const running = loops.map(async (loop) => {
    try {
      await loop(both);
    } catch (error) {
      ending.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(running);
  both.throwIfAborted();
}
