import type { LeaseGrant } from '@couchestor/shared/leases';
import type { ActiveIntent, EndedIntent } from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import type { Capabilities, Evidence } from './core/evidence.ts';
import type { Step } from './core/step.ts';
import { keepLease, type HeldLease } from './held-lease.ts';
import type { ActiveRecord } from './intent-board.ts';
import { fieldsOf, type MigratorOptions } from './migrator-options.ts';
import type { MoveResult } from './move-context.ts';
import { progressOf, type MoveProgress } from './moves-in-flight.ts';
import { runMove } from './move.ts';

/** The moves that this process works on. */
export interface RunningMoves {
  readonly count: number;
  has(volumeId: string): boolean;
  progress(): readonly MoveProgress[];
  /** Keeps the ownership of a volume that was granted. */
  own(volumeId: string, grant: LeaseGrant): HeldLease;
  giveBack(volumeId: string, ownership: HeldLease): Promise<void>;
  /** Runs a move that is ours, and gives its volume back. Rejects only for a defect. */
  work(record: ActiveRecord, ownership: HeldLease, token: number, how: Capabilities): Promise<void>;
  /** From now on this is done for the volume, and nothing else. A defect in it stops the process. */
  track(volumeId: string, job: Promise<void>): void;
  /** Resolves when none runs any more. @throws what stopped the process */
  over(): Promise<void>;
}

export function createRunningMoves(
  options: MigratorOptions,
  {
    stopping,
    onLateCall,
  }: {
    readonly stopping: AbortController;
    readonly onLateCall: (intent: ActiveIntent, replicaCount: number) => void;
  },
): RunningMoves {
  const { instance, world, metrics, clock, logger, leases, settings } = options;
  const running = new Map<string, Promise<void>>();
  const progress = new Map<string, MoveProgress>();
  /** Moves that wait for the fence here, the first to ask for it in front. */
  const fenceQueue = new Set<string>();
  let failure: unknown;

  const own = (volumeId: string, grant: LeaseGrant): HeldLease =>
    keepLease({
      clock,
      term: grant,
      renewEveryMs: settings.leaseTtlMs / 3,
      renew: async () => {
        const answer = await leases.renewOwnership(volumeId, instance, grant.token);
        return answer.renewed ? answer : undefined;
      },
      release: () => leases.releaseOwnership(volumeId, instance, grant.token),
      onError: (error) => logger.info({ volumeId, err: error }, 'ownership lease not renewed'),
    });

  const onStep = (intent: ActiveIntent, step: Step, evidence: Evidence): void => {
    metrics.step(step.kind);
    const { volume } = evidence;
    const newcomer =
      volume === 'absent' ? undefined : volume.replicas.find((replica) => replica.rebuildPercent !== undefined);
    const words = step.kind === 'wait' ? step.reason : step.kind;
    progress.set(intent.volumeId, progressOf(intent, words, newcomer?.rebuildPercent));
  };

  const onEnded = (ended: EndedIntent): void => {
    metrics.ended(ended.outcome, parseTimestampMs(ended.endedAt) - parseTimestampMs(ended.startedAt));
    const { outcome, reason, message: detail } = ended;
    logger.info({ ...fieldsOf(ended), outcome, reason, detail }, 'migration ended');
  };

  const work = async (record: ActiveRecord, ownership: HeldLease, token: number, how: Capabilities): Promise<void> => {
    const { volumeId } = record.intent;
    try {
      const result: MoveResult = await runMove(
        {
          ...options,
          settings: { ...settings, capabilities: how },
          fenceQueue,
          abortRequested: (intent) => world.volume(intent.volumeId)?.persistentVolume?.abort === intent.migrationId,
          onLateCall,
          onStep,
          onEnded,
        },
        record,
        ownership,
        token,
        stopping.signal,
      );
      logger.info({ ...fieldsOf(record.intent), result }, 'done with a move');
    } finally {
      progress.delete(volumeId);
      await giveBack(volumeId, ownership);
    }
  };
  const giveBack = async (volumeId: string, ownership: HeldLease): Promise<void> => {
    await ownership.release().catch((error: unknown) => {
      logger.info({ volumeId, err: error }, 'ownership lease not given back, it lapses');
    });
  };
  const track = (volumeId: string, job: Promise<void>): void => {
    const tracked = job
      .catch((error: unknown) => {
        failure ??= error;
        // Not unseen, and not only this move: a restart shows whether it comes back.
        logger.error({ volumeId, err: error }, 'a move ended by a defect');
        stopping.abort(error);
      })
      .finally(() => running.delete(volumeId));
    running.set(volumeId, tracked);
  };
  return {
    get count() {
      return running.size;
    },
    has: (volumeId) => running.has(volumeId),
    progress: () => [...progress.values()],
    own,
    giveBack,
    work,
    track,
    over: async () => {
      while (running.size > 0) await Promise.all(running.values());
      if (failure !== undefined) throw failure;
    },
  };
}
