import type { SimulatedProcess } from '../world/process.ts';

/**
 * What a process does one thing after the other. It is a generator, since most of what the cores ask is answered at once:
 * then nothing is waited for, and where something is, it is the virtual clock that goes on with the task.
 */
export type Task<T = void> = Iterable<Suspend, T, unknown>;

/** Told how to go on; what it is told is what `yield` answers. */
type Suspend = (resume: (value?: unknown) => void) => void;

/** What took no time. */
export function atOnce<T>(value: T): Task<T> {
  return new AtOnce(value);
}

/** A task, its iterator and its only result in one, since there are millions. */
class AtOnce<T> implements Iterable<Suspend, T, unknown>, IteratorReturnResult<T> {
  readonly done = true;
  readonly value: T;
  constructor(value: T) {
    this.value = value;
  }
  next(): this {
    return this;
  }
  [Symbol.iterator](): this {
    return this;
  }
}

class Failure {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

/** Runs the task until it waits for the first time; it goes on by itself. Whatever it throws is told. */
export function begin(task: Task, onFailure: (error: unknown) => void): void {
  const steps = task[Symbol.iterator]();
  const resume = (value?: unknown): void => {
    try {
      const next = value instanceof Failure ? steps.throw?.(value.error) : steps.next(value);
      if (next?.done === false) next.value(resume);
    } catch (error) {
      onFailure(error);
    }
  };
  resume();
}

/** A process that stands still goes on later, and one that is dead never. */
export function* sleep(process: SimulatedProcess, ms: number): Task {
  yield (resume) => void process.clock.after(ms, resume);
}

/** Sleeps until somebody calls what is in one of the sets, or for so long. */
export function* sleepUnlessWoken(process: SimulatedProcess, ms: number, ...sets: readonly Set<() => void>[]): Task {
  yield (resume) => {
    let isOver = false;
    const goOn = (): void => {
      if (isOver) return;
      isOver = true;
      for (const wakers of sets) wakers.delete(wake);
      cancel();
      resume();
    };
    const wake = (): void => process.deliver(goOn);
    const cancel = process.clock.after(ms, goOn);
    for (const wakers of sets) wakers.add(wake);
  };
}

/** What the promise comes to; by `lateMs`, if it comes so late, what `late` says. */
export function* settled<T>(
  process: SimulatedProcess,
  promise: Promise<T>,
  deadline?: { readonly ms: number; readonly late: () => T },
): Task<T> {
  return (yield (resume) => {
    let isOver = false;
    const once = (value: unknown): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      resume(value);
    };
    const cancel =
      deadline === undefined ? () => undefined : process.clock.after(deadline.ms, () => once(deadline.late()));
    promise.then(
      (value) => process.deliver(() => once(value)),
      (error: unknown) => process.deliver(() => once(new Failure(error))),
    );
  }) as T;
}
