import { ConflictError } from '@couchestor/shared/bus';
import { withOwner } from './core/intent-changes.ts';
import { isDependencyError } from './dependency-error.ts';
import type { HeldLease } from './held-lease.ts';
import type { Limits } from './limits.ts';
import { capabilitiesOf, fieldsOf, type MigratorOptions } from './migrator-options.ts';
import type { RunningMoves } from './running-moves.ts';

/** An owner that stops gives its moves back, so a lease is not waited for to its end. */
const AGAIN_MAX_MS = 5_000;

/** Takes up the moves that nobody works on. */
export function createAdoption(
  options: MigratorOptions,
  {
    limits,
    moves,
    stopping,
  }: {
    readonly limits: Limits;
    readonly moves: RunningMoves;
    readonly stopping: AbortController;
  },
): { adoptAll(): void } {
  const { instance, board, clock, logger, leases, intents, settings } = options;
  /** When the owner of a volume was there, it is asked for again from then on. */
  const adoptableFromMs = new Map<string, number>();

  /** A move whose owner is gone: own it, wait until no call of the old owner can be under way, and go on. */
  const adopt = async (volumeId: string): Promise<void> => {
    const how = capabilitiesOf(options);
    if (how === undefined || stopping.signal.aborted || !limits.areKnown()) return;
    let ownership: HeldLease | undefined;
    try {
      const grant = await leases.acquireOwnership(volumeId, instance);
      if (!grant.granted) {
        if (grant.reason === 'Held') {
          const waitMs = Math.min(AGAIN_MAX_MS, grant.retryInMs);
          adoptableFromMs.set(volumeId, clock.monotonicMs() + waitMs);
        }
        return;
      }
      ownership = moves.own(volumeId, grant);
      await clock.sleep(settings.leaseTtlMs, stopping.signal);
      const stored = await intents.get(volumeId, stopping.signal);
      if (stored?.intent.state !== 'active' || ownership.lost) return;
      const intent = withOwner(stored.intent, { instance, token: grant.token });
      await limits.register(intent, grant.token);
      const revision = await intents.update(intent, stored.revision, stopping.signal);
      logger.info(fieldsOf(intent), 'migration taken up again');
      await moves.work({ intent, revision }, ownership, grant.token, how);
    } catch (error) {
      if (stopping.signal.aborted || error instanceof ConflictError) return;
      if (!isDependencyError(error)) throw error;
      logger.info({ volumeId, err: error }, 'a move could not be taken up, trying again');
    } finally {
      if (ownership !== undefined) await moves.giveBack(volumeId, ownership);
    }
  };

  const adoptAll = (): void => {
    const active = board.active();
    for (const volumeId of adoptableFromMs.keys()) if (!active.has(volumeId)) adoptableFromMs.delete(volumeId);
    for (const volumeId of active.keys()) {
      const fromMs = adoptableFromMs.get(volumeId) ?? 0;
      if (!moves.has(volumeId) && clock.monotonicMs() >= fromMs) moves.track(volumeId, adopt(volumeId));
    }
  };
  return { adoptAll };
}
