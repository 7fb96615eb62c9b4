import { pause } from '@couchestor/shared/clock';
import { createAdoption } from './adoption.ts';
import { isDependencyError } from './dependency-error.ts';
import { createEndedRecords, OUTBOX_PATIENCE_MS } from './ended-records.ts';
import { createLateCalls } from './late-calls.ts';
import { createLimits } from './limits.ts';
import type { MigratorOptions } from './migrator-options.ts';
import type { MoveProgress } from './moves-in-flight.ts';
import { createRequests, type Requests } from './requests.ts';
import { createRunningMoves } from './running-moves.ts';

const ADOPT_EVERY_MS = 2_000;
const RENEW_EVERY_MS = 5_000;
const LATE_CALL_EVERY_MS = 5_000;

export interface Migrator extends Requests {
  progress(): readonly MoveProgress[];
  /** Takes up moves that nobody works on and renews limits, until the signal; then ends its own moves in good order. */
  run(signal: AbortSignal): Promise<void>;
}

export function createMigrator(options: MigratorOptions): Migrator {
  const { instance, board, metrics, clock, logger, leases, intents, mayastor, permission, settings } = options;
  const stopping = new AbortController();
  const { signal: stopped } = stopping;
  const isRunning = (volumeId: string): boolean => moves.has(volumeId);
  const { events } = options;
  const lateCalls = createLateCalls({ instance, intents, board, events, mayastor, clock, logger, isRunning });
  const moves = createRunningMoves(options, { stopping, onLateCall: (intent, count) => lateCalls.note(intent, count) });
  const limits = createLimits({ leases, intents, board, fleet: settings.fleet, clock, logger, signal: stopped });
  const requests = createRequests(options, { limits, moves, stopping });
  const adoption = createAdoption(options, { limits, moves, stopping });
  const endedRecords = createEndedRecords({ ...options, signal: stopped, isRunning });

  const every = async (ms: number, job: () => Promise<void>, what: string): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await job();
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (!isDependencyError(error)) throw error;
        logger.info({ err: error, job: what }, 'a dependency is away, trying again');
      }
      await pause(clock, ms, stopping.signal);
    }
  };

  const gauge = (): void => {
    const active = [...board.active().values()].map(({ intent }) => intent);
    metrics.setActive(moves.count);
    metrics.setAttention(active.filter((intent) => intent.attention !== undefined).length);
    metrics.setCordons(
      active.reduce(
        (sum, { round }) => sum + (round?.fence?.ours.length ?? 0) + (round?.steer === undefined ? 0 : 1),
        0,
      ),
    );
    metrics.setPermitted(permission.mayAct(settings.callTimeoutMs + settings.marginMs));
    const nowMs = clock.nowMs();
    metrics.setClockAhead(nowMs - (permission.watcherNowMs() ?? nowMs));
  };

  return {
    ...requests,
    progress: () => moves.progress(),
    run: async (signal) => {
      signal.addEventListener('abort', () => stopping.abort(signal.reason), { once: true });
      if (signal.aborted) stopping.abort(signal.reason);
      await Promise.race([board.synced, aborted(stopped)]);
      const adoptAll = async (): Promise<void> => {
        adoption.adoptAll();
        gauge();
      };
      await Promise.all([
        every(
          settings.leaseTtlMs < 3 * RENEW_EVERY_MS ? settings.leaseTtlMs / 3 : RENEW_EVERY_MS,
          () => limits.renew(),
          'renewal of limits',
        ),
        every(ADOPT_EVERY_MS, adoptAll, 'search for moves without owner'),
        every(OUTBOX_PATIENCE_MS, () => endedRecords.tellForgotten(), 'search for untold events'),
        every(OUTBOX_PATIENCE_MS, () => endedRecords.forgetDeleted(), 'search for records of deleted volumes'),
        every(LATE_CALL_EVERY_MS, () => lateCalls.follow(stopped), 'following of late calls'),
      ]);
      await moves.over();
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
