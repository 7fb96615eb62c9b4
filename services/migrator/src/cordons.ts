import { pause, type Clock } from '@couchestor/shared/clock';
import type { Outcome } from '@couchestor/shared/mayastor';
import { cordonLabelOf } from '@couchestor/shared/messages';
import type { CordonDoubts } from './cordon-doubts.ts';
import { isDependencyError } from './dependency-error.ts';
import type { HeldLease } from './held-lease.ts';
import type { MoveLogger } from './move-context.ts';
import type { MoveFence } from './move-fence.ts';
import type { MoveGuards } from './move-guards.ts';
import type { MoveRecord } from './move-record.ts';
import { listedCordons, type CordonKind } from './move-rules.ts';
import type { Mayastor } from './ports.ts';

/** The cordons of one move. */
export interface Cordons {
  /** Whether all are set, or were before. */
  set(kind: CordonKind, names: readonly string[]): Promise<boolean>;
  /** Whether all are removed, or were before. */
  lift(pools: readonly string[], nodes: readonly string[]): Promise<boolean>;
}

/** So long a cordon that came when the move was another's is followed. */
const WITHDRAWAL_MS = 5 * 60_000;
/** A process that stops follows it for no longer than this. */
const FAREWELL_MS = 6_000;
const LOOK_AGAIN_MS = 5_000;

export function createCordons(options: {
  readonly migrationId: string;
  readonly mayastor: Pick<Mayastor, 'cordonPool' | 'uncordonPool' | 'cordonNode' | 'uncordonNode'>;
  readonly record: Pick<MoveRecord, 'stored' | 'intent'>;
  readonly ownership: Pick<HeldLease, 'lost'>;
  readonly fence: Pick<MoveFence, 'queue' | 'isNobodys' | 'drop'>;
  readonly clock: Clock;
  /** Ends whatever still goes on. */
  readonly signal: AbortSignal;
  /** The process is to stop. */
  readonly stopping: AbortSignal;
  readonly doubts: CordonDoubts;
  readonly guards: Pick<MoveGuards, 'mayCallFenced' | 'mayLift' | 'mayLiftPool' | 'mayWaitToLift'>;
  /** Sees what became of calls; true if all were done, or had been before. */
  readonly settle: (what: string, outcomes: readonly Outcome<unknown>[]) => boolean;
  readonly logger: Pick<MoveLogger, 'error'>;
  /** Fields of log lines. */
  readonly who: object;
}): Cordons {
  const { migrationId, mayastor, record, ownership, fence, clock, signal, stopping, doubts, guards, settle } = options;
  const { logger, who } = options;
  const label = cordonLabelOf(migrationId);

  const set = async (kind: CordonKind, names: readonly string[]): Promise<boolean> => {
    const { outcomes, failure } = await allOf(
      names.map((name) =>
        kind === 'pool'
          ? mayastor.cordonPool(name, guards.mayCallFenced)
          : mayastor.cordonNode(name, label, guards.mayCallFenced),
      ),
    );
    const doubtEndsMs = doubts.afterSet(outcomes);
    if (ownership.lost) {
      const sent = names.filter((_, position) => outcomes[position]?.kind !== 'refused');
      await withdraw(kind, sent, doubtEndsMs);
    }
    if (failure !== undefined) throw failure.reason;
    return settle(`cordon of a ${kind}`, outcomes);
  };
  /**
   * A process that stood still between its last check and the call may set a cordon when the move is another's. What
   * the record lists its owner takes away; the rest is known to nobody else. One without an answer may come until the
   * doubt ends, so it is taken away then as well. Where nobody has taken the move over by then, whoever does will look for
   * what the record lists, and can do so only once this one has ended here.
   */
  const withdraw = async (kind: CordonKind, names: readonly string[], doubtEndsMs: number): Promise<void> => {
    let left = names;
    let untilMs = clock.monotonicMs() + WITHDRAWAL_MS;
    const rest = async (ms: number): Promise<void> => {
      await pause(clock, ms, stopping.aborted ? signal : AbortSignal.any([signal, stopping]));
      if (stopping.aborted) untilMs = Math.min(untilMs, clock.monotonicMs() + FAREWELL_MS);
    };
    while (left.length > 0 && clock.monotonicMs() < untilMs && !signal.aborted) {
      try {
        const stored = await record.stored();
        const move = stored?.state === 'active' && stored.migrationId === migrationId ? stored : undefined;
        const isLeft = move?.ownerToken === record.intent.ownerToken;
        const listed = listedCordons(move?.round, kind);
        // Its owner may have looked before and forget it now, so that what is listed is looked at again.
        const unlisted = left.filter((name) => !listed.includes(name));
        if (kind === 'pool' && unlisted.length > 0) {
          await fence.queue(guards.mayWaitToLift).catch((error: unknown) => {
            if (!fence.isNobodys) throw error;
          });
        }
        const isDone = await lift(kind === 'pool' ? unlisted : [], kind === 'node' ? unlisted : []);
        const isCertain = clock.monotonicMs() >= doubtEndsMs;
        if (isDone && isCertain) left = isLeft ? [] : left.filter((name) => listed.includes(name));
        await fence.drop();
        if (isDone && !isCertain) await rest(Math.max(0, doubtEndsMs - clock.monotonicMs() - LOOK_AGAIN_MS));
      } catch (error) {
        if (!isDependencyError(error)) throw error;
      }
      if (left.length > 0) await rest(LOOK_AGAIN_MS);
    }
    if (left.length > 0) logger.error({ ...who, [kind]: left }, 'cordons that came too late may be left');
  };
  const lift = async (pools: readonly string[], nodes: readonly string[]): Promise<boolean> => {
    doubts.beforeLift(pools);
    const { outcomes, failure } = await allOf([
      ...pools.map((pool) => mayastor.uncordonPool(pool, () => guards.mayLiftPool(pool))),
      ...nodes.map((node) => mayastor.uncordonNode(node, label, guards.mayLift)),
    ]);
    doubts.afterLift(pools, outcomes);
    if (failure !== undefined) throw failure.reason;
    return settle('removal of a cordon', outcomes);
  };
  return { set, lift };
}

/**
 * Waits for all, also where one could not be made: the others are under way, or wait for their turn, and what they do
 * after the move went on is not what it looked for.
 */
async function allOf(
  calls: readonly Promise<Outcome<unknown>>[],
): Promise<{ readonly outcomes: readonly Outcome<unknown>[]; readonly failure: PromiseRejectedResult | undefined }> {
  const results = await Promise.allSettled(calls);
  return {
    outcomes: results.map((result) => (result.status === 'fulfilled' ? result.value : neverSent)),
    failure: results.find((result) => result.status === 'rejected'),
  };
}

const neverSent: Outcome<unknown> = {
  kind: 'refused',
  code: 'NotStarted',
  leftBehind: 'nothing',
  message: 'the call was not granted',
  status: undefined,
};
