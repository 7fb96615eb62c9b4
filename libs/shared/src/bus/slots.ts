/** A bounded number of things at the same time; who waits longest goes first. */
export interface Slots {
  readonly free: number;
  /** Resolves when a slot was taken. */
  take(): Promise<void>;
  release(): void;
  /** Resolves when at least one slot is free, without taking it. */
  available(): Promise<void>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const takers: (() => void)[] = [];
  const watchers: (() => void)[] = [];
  let head = 0;

  const grant = (): void => {
    const next = takers[head];
    if (next === undefined) {
      free += 1;
      for (const watcher of watchers.splice(0)) watcher();
      return;
    }
    head += 1;
    // Shifting a long array for each release would be quadratic, so the dead part is cut off now and then.
    if (head > 1_000) {
      takers.splice(0, head);
      head = 0;
    }
    next();
  };

  return {
    get free() {
      return free;
    },
    take: () => {
      if (free > 0) {
        free -= 1;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        takers.push(resolve);
      });
    },
    release: grant,
    available: () =>
      free > 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            watchers.push(resolve);
          }),
  };
}
