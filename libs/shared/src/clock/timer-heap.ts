/** Timers by the time they are due; those of one moment in the order they were set. */
export interface TimerHeap {
  /** Returns what takes the timer out again. */
  add(dueMs: number, run: () => void): () => void;
  /** Takes the earliest out. Only while there is one. */
  take(): { readonly dueMs: number; readonly run: () => void };
  /** Infinity if there is none. */
  nextDueMs(): number;
  size(): number;
}

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
  isSet: boolean;
}

/** A binary heap. What is taken out early stays in it, marked, until it comes to the top. */
export function createTimerHeap(): TimerHeap {
  const heap: Timer[] = [];
  let order = 0;
  let size = 0;

  const isBefore = (a: Timer, b: Timer): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
  const at = (index: number): Timer => heap[index] as Timer;
  const rise = (timer: Timer): void => {
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(timer, at(parent))) break;
      heap[index] = at(parent);
      index = parent;
    }
    heap[index] = timer;
  };
  const removeTop = (): Timer => {
    const top = at(0);
    const last = heap.pop() as Timer;
    if (heap.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(at(child + 1), at(child))) child += 1;
      if (!isBefore(at(child), last)) break;
      heap[index] = at(child);
      index = child;
    }
    heap[index] = last;
    return top;
  };
  const dropUnset = (): void => {
    while (heap[0]?.isSet === false) removeTop();
  };

  return {
    add: (dueMs, run) => {
      const timer: Timer = { dueMs, order: order++, run, isSet: true };
      rise(timer);
      size += 1;
      return () => {
        if (!timer.isSet) return;
        timer.isSet = false;
        size -= 1;
      };
    },
    take: () => {
      dropUnset();
      const timer = removeTop();
      timer.isSet = false;
      size -= 1;
      return timer;
    },
    nextDueMs: () => {
      dropUnset();
      return heap[0]?.dueMs ?? Infinity;
    },
    size: () => size,
  };
}
