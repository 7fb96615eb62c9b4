import type { Flags, Invocation } from './command-line.ts';
import type { Cluster } from './cluster.ts';

/** What a verb answers: the data, and how people read it. */
export interface Report {
  /** Printed with -o json and -o yaml. */
  readonly data: unknown;
  /** Lines for people; `wide` with -o wide. */
  readonly text: (wide: boolean) => string;
  /** What could not be had and why, printed to standard error. */
  readonly warnings?: readonly string[];
  /** 0 by default. */
  readonly exitCode?: number;
}

interface VerbContext {
  readonly invocation: Invocation;
  readonly cluster: Cluster;
  readonly nowMs: number;
}

export interface Verb {
  readonly name: string;
  /** What follows the name in the help. */
  readonly takes: string;
  readonly summary: string;
  readonly example: string;
  readonly flags: Flags;
  /** What -l selects; without it -l is refused, since a verb that heeds it not would do more than was asked. */
  readonly selects?: 'policies' | 'volumes';
  /** Whether -n means anything; it is refused where it does not. */
  readonly heedsNamespace: boolean;
  /** What is wrong with the command line is said before anything is asked of the cluster. @throws CommandError */
  check?(invocation: Invocation): void;
  run(context: VerbContext): Promise<Report>;
}
