import type { Outcome } from '@couchestor/shared/mayastor';
import type { ActiveIntent, Round } from '@couchestor/shared/messages';
import type { CallStep, Step } from './core/step.ts';

/** What whoever walks a move distinguishes, beside the protocol itself. */

/** Takes cordons away, which may be done while nothing else may. */
export function isRemoval(step: Step): boolean {
  return step.kind === 'lift' || (step.kind === 'takeFence' && step.toLift === true);
}

/** A fence says nothing of the volume. A steer does not either, but before the shrink that follows all is read again. */
export function touchesVolume({ kind }: CallStep): boolean {
  return kind !== 'fencePools' && kind !== 'fenceNodes' && kind !== 'lift';
}

/** While a replica fills nothing rests on the volume being idle. */
export function isFilling({ round, rollback }: ActiveIntent): boolean {
  return rollback === undefined && round?.addedAt !== undefined && round.syncedAt === undefined;
}

/** Why what was asked for may not be so; undefined if it is, by this call or already before. */
export function failureOf(outcome: Outcome<unknown>): { readonly code: string; readonly message: string } | undefined {
  switch (outcome.kind) {
    case 'done':
      return undefined;
    case 'unknown':
      return { code: 'unknown', message: outcome.message };
    case 'refused':
      return outcome.code === 'AlreadyCordoned' || outcome.code === 'NotCordoned' ? undefined : outcome;
  }
}

/** Pools have no name on their cordon, nodes have ours. */
export type CordonKind = 'pool' | 'node';

/** The cordons that a round says are its own. */
export function listedCordons(round: Round | undefined, kind: CordonKind): readonly string[] {
  const fence = round?.fence?.kind === kind ? round.fence.ours : [];
  const steer = round?.steer?.kind === 'nodeCordon' && kind === 'node' ? [round.steer.node] : [];
  return [...fence, ...steer];
}
