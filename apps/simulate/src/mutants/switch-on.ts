import { afterAll, inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    readonly mutant: number;
  }
  interface TaskMeta {
    /** Mutants that would have made a difference, by their numbers. */
    passed?: readonly number[];
  }
}

/** What the switches in the code ask, in unit tests. */
const on = inject('mutant');
const passed = new Set<number>();
Object.assign(globalThis, {
  couchestorMutant: (number: number) => {
    passed.add(number);
    return number === on;
  },
});
// Vitest reads from the text of the function what it wants of the first argument.
// oxlint-disable-next-line no-empty-pattern -- nothing
afterAll(({}, suite) => {
  suite.meta.passed = [...passed];
});
