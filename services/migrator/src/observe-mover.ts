import type { MoverObserved } from '@couchestor/shared/messages';
import type { Method } from './capabilities.ts';
import type { IntentBoard } from './intent-board.ts';

/** What this migrator tells of itself: what it can do, and which cordons its moves hold. */
export function observeMover(
  board: Pick<IntentBoard, 'active'>,
  self: { readonly instance: string; readonly version: string; readonly method: Method; readonly fleetLimit: number },
): MoverObserved {
  const ours = [...board.active().values()].filter(({ intent }) => intent.owner === self.instance);
  const rounds = ours.flatMap(({ intent }) => (intent.round === undefined ? [] : [intent.round]));
  return {
    ...self,
    activeMigrations: ours.length,
    cordonedPools: rounds.flatMap(({ fence }) => (fence?.kind === 'pool' ? fence.ours : [])).sort(),
    cordonedNodes: rounds
      .flatMap(({ fence, steer }) => [
        ...(fence?.kind === 'node' ? fence.ours : []),
        ...(steer?.kind === 'nodeCordon' ? [steer.node] : []),
      ])
      .sort(),
  };
}
