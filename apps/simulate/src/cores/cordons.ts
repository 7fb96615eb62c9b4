import {
  isDependencyError,
  listedCordons,
  type CordonDoubts,
  type CordonKind,
  type MoveGuards,
} from '@couchestor/migrator/core-parts';
import type { Outcome } from '@couchestor/shared/mayastor';
import { cordonLabelOf } from '@couchestor/shared/messages';
import type { CoreFence } from './fence.ts';
import type { CoreLease } from './leases.ts';
import type { MayastorCalls } from './mayastor-calls.ts';
import type { CoreRecord } from './record.ts';
import type { Task } from './task.ts';

/** The cordons of one move: as the service does it. */
export interface CoreCordons {
  set(kind: CordonKind, names: readonly string[]): Task<boolean>;
  lift(pools: readonly string[], nodes: readonly string[]): Task<boolean>;
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
  readonly doubts: CordonDoubts;
  readonly guards: Pick<MoveGuards, 'mayCallFenced' | 'mayLift' | 'mayLiftPool' | 'mayWaitToLift'>;
  readonly settle: (outcomes: readonly Outcome<unknown>[]) => boolean;
}): CoreCordons {
  const { calls, record, ownership, fence, clock, sleep, isStopping, doubts, guards, settle } = options;
  const label = cordonLabelOf(options.migrationId);

  const pathOf = (kind: CordonKind, name: string): string =>
    kind === 'pool' ? `/pools/${name}/cordon` : `/nodes/${name}/cordon/${label}`;
  function* set(kind: CordonKind, names: readonly string[]): Task<boolean> {
    const outcomes: Outcome[] = [];
    for (const name of names)
      outcomes.push(
        yield* calls.change(
          kind === 'pool' ? 'cordonPool' : 'cordonNode',
          'PUT',
          pathOf(kind, name),
          guards.mayCallFenced,
        ),
      );
    const doubtEndsMs = doubts.afterSet(outcomes);
    if (ownership.lost) {
      const sent = names.filter((_, position) => outcomes[position]?.kind !== 'refused');
      yield* withdraw(kind, sent, doubtEndsMs);
    }
    return settle(outcomes);
  }
  /** What came when the move was another's is taken away, unless its record lists it; and again when the doubt ends. */
  function* withdraw(kind: CordonKind, names: readonly string[], doubtEndsMs: number): Task {
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
        const listed = listedCordons(move?.round, kind);
        const unlisted = left.filter((name) => !listed.includes(name));
        if (kind === 'pool' && unlisted.length > 0) {
          try {
            yield* fence.queue(guards.mayWaitToLift);
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
    doubts.beforeLift(pools);
    const outcomes: Outcome[] = [];
    for (const pool of pools) {
      const mayLift = (): boolean => guards.mayLiftPool(pool);
      outcomes.push(yield* calls.change('uncordonPool', 'DELETE', pathOf('pool', pool), mayLift));
    }
    for (const node of nodes)
      outcomes.push(yield* calls.change('uncordonNode', 'DELETE', pathOf('node', node), guards.mayLift));
    doubts.afterLift(pools, outcomes);
    return settle(outcomes);
  }
  return { set, lift };
}
