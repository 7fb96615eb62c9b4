/** Lets everything else that is ready run first, so that long work never holds the event loop. */
export function yieldToOthers(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

const SLICE_MS = 10;

/** Yields whenever a slice of time is used up; to be asked between items of long work. */
export function createSlices(monotonicMs: () => number): { pause(): Promise<void> | undefined } {
  let startedMs = monotonicMs();
  return {
    pause: () => {
      if (monotonicMs() - startedMs < SLICE_MS) return undefined;
      return yieldToOthers().then(() => {
        startedMs = monotonicMs();
      });
    },
  };
}
