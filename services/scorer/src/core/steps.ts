/**
 * Work on all volumes is written as steps of a millisecond or so, between which others may have their turn; the result
 * is what the generator returns.
 */
export type Steps<T> = Generator<undefined, T>;

/** The result at once, for those who can wait. */
export function allSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const { value, done } = steps.next();
    if (done === true) return value;
  }
}
