import type { Clock } from '../clock/index.ts';
import { messageOf } from './errors.ts';

export type ReadinessState = { readonly ready: true } | { readonly ready: false; readonly reason: string };

export type ReadinessCheck = () => ReadinessState | Promise<ReadinessState>;

export interface DependencyReport {
  readonly name: string;
  readonly required: boolean;
  readonly ok: boolean;
  readonly reason?: string;
}

export interface ReadinessReport {
  /** Whether all required dependencies are. */
  readonly ready: boolean;
  readonly dependencies: readonly DependencyReport[];
}

export interface Readiness {
  /**
   * Adds a dependency, or replaces the one of that name. What is not required is reported, and does not make the service
   * unready. A check that throws, or takes longer than 2 s, counts as not ready.
   */
  add(name: string, check: ReadinessCheck, options?: { readonly required?: boolean }): void;
  report(): Promise<ReadinessReport>;
}

const CHECK_TIMEOUT_MS = 2_000;

export function createReadiness(clock: Clock): Readiness {
  const checks = new Map<string, { readonly check: ReadinessCheck; readonly required: boolean }>();
  return {
    add: (name, check, { required = true } = {}) => {
      checks.set(name, { check, required });
    },
    report: async () => {
      const dependencies = await Promise.all(
        [...checks].map(async ([name, { check, required }]): Promise<DependencyReport> => {
          const state = await settle(check, clock);
          return state.ready ? { name, required, ok: true } : { name, required, ok: false, reason: state.reason };
        }),
      );
      return { ready: dependencies.every(({ required, ok }) => ok || !required), dependencies };
    },
  };
}

async function settle(check: ReadinessCheck, clock: Clock): Promise<ReadinessState> {
  const finished = new AbortController();
  try {
    return await Promise.race([
      Promise.resolve().then(check),
      clock.sleep(CHECK_TIMEOUT_MS, finished.signal).then(
        (): ReadinessState => ({ ready: false, reason: `no answer within ${CHECK_TIMEOUT_MS} ms` }),
        (): ReadinessState => ({ ready: false, reason: 'the check was given up' }),
      ),
    ]);
  } catch (error) {
    return { ready: false, reason: messageOf(error) };
  } finally {
    finished.abort();
  }
}
