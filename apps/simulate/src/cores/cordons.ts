import { isDependencyError } from '@couchestor/migrator/core-parts';
import type { Outcome } from '@couchestor/shared/mayastor';
import { cordonLabelOf, type Round } from '@couchestor/shared/messages';
import type { CoreFence } from './fence.ts';
import type { CoreLease } from './leases.ts';
import type { MayastorCalls, MayStart } from './mayastor-calls.ts';
import type { CoreRecord } from './record.ts';
import type { Task } from './task.ts';

/** The cordons of one move, and what may yet come of those that had no answer: as the service does it. */
export interface CoreCordons {
  set(kind: 'pool' | 'node', names: readonly string[]): Task<boolean>;
  lift(pools: readonly string[], nodes: readonly string[]): Task<boolean>;
  doubtMs(): number;
  isLiftInDoubt(): boolean;
  areGone(): void;
}

const WITHDRAWAL_MS = 5 * 60_000;
const FAREWELL_MS = 6_000;
const LOOK_AGAIN_MS = 5_000;

export function createCoreCordons(options: {
  readonly migrationId: string;
  readonly calls: MayastorCalls;
  readonly record: Pick<CoreRecord, 'stored' | 'intent'>;
  readonly ownership: Pick<CoreLease, 'lost'>;
  readonly fence: Pick<CoreFence, 'queue' | 'isNobodys' | 'drop'>;
  readonly clock: { monotonicMs(): number };
  readonly sleep: (ms: number) => Task;
  readonly isStopping: () => boolean;
  readonly lateMs: number;
  readonly inheritedDoubtUntilMs: number;
  readonly maySet: MayStart;
  readonly mayLiftNode: MayStart;
  readonly mayLiftPool: (pool: string) => boolean;
  readonly mayWait: () => boolean;
  readonly settle: (outcomes: readonly Outcome<unknown>[]) => boolean;
}): CoreCordons {
  const { calls, record, ownership, fence, clock, sleep, isStopping, lateMs, settle } = options;
  const { maySet, mayLiftNode, mayLiftPool, mayWait } = options;
  const label = cordonLabelOf(options.migrationId);
  let cordonsInDoubtUntilMs = options.inheritedDoubtUntilMs;
  const unansweredLifts = new Map<string, number>();
  let liftsInDoubtUntilMs = 0;
  let liftMayComeUntilMs = options.inheritedDoubtUntilMs;

  const pathOf = (kind: 'pool' | 'node', name: string): string =>
    kind === 'pool' ? `/pools/${name}/cordon` : `/nodes/${name}/cordon/${label}`;
  function* set(kind: 'pool' | 'node', names: readonly string[]): Task<boolean> {
    const outcomes: Outcome[] = [];
    for (const name of names)
      outcomes.push(
        yield* calls.change(kind === 'pool' ? 'cordonPool' : 'cordonNode', 'PUT', pathOf(kind, name), maySet),
      );
    const isInDoubt = outcomes.some((outcome) => outcome.kind === 'unknown');
    const doubtEndsMs = clock.monotonicMs() + lateMs;
    if (isInDoubt) cordonsInDoubtUntilMs = doubtEndsMs;
    if (ownership.lost) {
      const sent = names.filter((_, position) => outcomes[position]?.kind !== 'refused');
      yield* withdraw(kind, sent, isInDoubt ? doubtEndsMs : 0);
    }
    return settle(outcomes);
  }
  /** What came when the move was another's is taken away, unless its record lists it; and again when the doubt ends. */
  function* withdraw(kind: 'pool' | 'node', names: readonly string[], doubtEndsMs: number): Task {
    let left = names;
    let untilMs = clock.monotonicMs() + WITHDRAWAL_MS;
    function* rest(ms: number): Task {
      yield* sleep(ms);
      if (isStopping()) untilMs = Math.min(untilMs, clock.monotonicMs() + FAREWELL_MS);
    }
    while (left.length > 0 && clock.monotonicMs() < untilMs) {
      try {
        const stored = yield* record.stored();
        const move = stored?.state === 'active' && stored.migrationId === options.migrationId ? stored : undefined;
        const isLeft = move?.ownerToken === record.intent.ownerToken;
        const listed = cordonsIn(move?.round, kind);
        const unlisted = left.filter((name) => !listed.includes(name));
        if (kind === 'pool' && unlisted.length > 0) {
          try {
            yield* fence.queue(mayWait);
          } catch (error) {
            if (!fence.isNobodys) throw error;
          }
        }
        const isDone = yield* lift(kind === 'pool' ? unlisted : [], kind === 'node' ? unlisted : []);
        const isCertain = clock.monotonicMs() >= doubtEndsMs;
        if (isDone && isCertain) left = isLeft ? [] : left.filter((name) => listed.includes(name));
        yield* fence.drop();
        if (isDone && !isCertain) yield* rest(Math.max(0, doubtEndsMs - clock.monotonicMs() - LOOK_AGAIN_MS));
      } catch (error) {
        if (!isDependencyError(error)) throw error;
      }
      if (left.length > 0) yield* rest(LOOK_AGAIN_MS);
    }
  }
  function* lift(pools: readonly string[], nodes: readonly string[]): Task<boolean> {
    for (const pool of pools) liftsInDoubtUntilMs = Math.max(liftsInDoubtUntilMs, unansweredLifts.get(pool) ?? 0);
    const outcomes: Outcome[] = [];
    for (const pool of pools) {
      const outcome = yield* calls.change('uncordonPool', 'DELETE', pathOf('pool', pool), () => mayLiftPool(pool));
      if (outcome.kind === 'unknown') unansweredLifts.set(pool, clock.monotonicMs() + lateMs);
      outcomes.push(outcome);
    }
    for (const node of nodes)
      outcomes.push(yield* calls.change('uncordonNode', 'DELETE', pathOf('node', node), mayLiftNode));
    if (outcomes.some(({ kind }) => kind === 'unknown')) liftMayComeUntilMs = clock.monotonicMs() + lateMs;
    return settle(outcomes);
  }
  return {
    set,
    lift,
    isLiftInDoubt: () => clock.monotonicMs() < liftMayComeUntilMs,
    areGone: () => {
      liftMayComeUntilMs = 0;
    },
    doubtMs: () => Math.max(0, Math.max(cordonsInDoubtUntilMs, liftsInDoubtUntilMs) - clock.monotonicMs()),
  };
}

function cordonsIn(round: Round | undefined, kind: 'pool' | 'node'): readonly string[] {
  const fence = round?.fence?.kind === kind ? round.fence.ours : [];
  const steer = round?.steer?.kind === 'nodeCordon' && kind === 'node' ? [round.steer.node] : [];
  return [...fence, ...steer];
}
