import type { MayastorModel } from '@couchestor/simulator/mayastor';
import type { StoredIntent } from '@couchestor/shared/bus';

/** What a move must not leave behind. */
export interface Leftovers {
  readonly cordons: number;
  readonly leases: number;
  readonly intents: number;
  readonly extraReplicas: number;
}

export function countLeftovers(
  model: MayastorModel,
  intents: ReadonlyMap<string, StoredIntent>,
  leases: number,
): Leftovers {
  const extra = model.volumeIds().map((id) => {
    const declared = model.ledger.volume(id)?.declared ?? 0;
    return Math.max(0, (model.volume(id)?.replicas.length ?? 0) - declared);
  });
  return {
    cordons: model.ledger.cordons().length,
    leases,
    intents: [...intents.values()].filter(({ intent }) => intent.state === 'active').length,
    extraReplicas: extra.reduce((sum, count) => sum + count, 0) + model.orphans().length,
  };
}
