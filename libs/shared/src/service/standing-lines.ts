import type { Clock } from '../clock/index.ts';

const REPEAT_MS = 300_000;
const SUBJECTS_MAX = 10_000;

/** Log lines about a state that lasts: whoever looks at the newest few lines only must still find them. */
export interface StandingLines {
  /** Calls `write` if the state of the subject is new, or was last written 5 minutes ago or earlier. */
  say(subject: string, state: string, write: () => void): void;
  /** The subject is gone; the next state of that name is new. */
  forget(subject: string): void;
}

/** To be told the state again and again, in each cycle; it decides what is written. Keeps up to 10,000 subjects. */
export function createStandingLines(clock: Clock, repeatMs = REPEAT_MS): StandingLines {
  const written = new Map<string, { readonly state: string; readonly atMs: number }>();
  return {
    say: (subject, state, write) => {
      const nowMs = clock.monotonicMs();
      const last = written.get(subject);
      if (last?.state === state && nowMs - last.atMs < repeatMs) return;
      written.delete(subject);
      written.set(subject, { state, atMs: nowMs });
      const [oldest] = written.keys();
      if (written.size > SUBJECTS_MAX && oldest !== undefined) written.delete(oldest);
      write();
    },
    forget: (subject) => {
      written.delete(subject);
    },
  };
}
