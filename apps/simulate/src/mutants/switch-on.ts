import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    readonly mutant: number;
  }
}

/** What the switches in the code ask, in unit tests. */
const on = inject('mutant');
Object.assign(globalThis, { couchestorMutant: (number: number) => number === on });
