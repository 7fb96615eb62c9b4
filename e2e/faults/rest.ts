import type { Observer } from '@couchestor/demo/observer';
import { missing, type Resting } from '@couchestor/demo/settlement';
import type { MayastorModel } from '@couchestor/simulator/mayastor';

export interface RestNow {
  /** Volumes that are at rest. */
  readonly atRest: ReadonlySet<string>;
  /** What the others wait for. */
  readonly waiting: readonly string[];
}

export function lookForRest(model: MayastorModel, observer: Observer): RestNow {
  const atRest = new Set<string>();
  const waiting: string[] = [];
  for (const id of model.volumeIds()) {
    const decision = observer.decision(id);
    const volume: Resting = {
      name: decision?.volumeName ?? `pvc-${id}`,
      decision,
      moving: observer.intents().get(id)?.intent.state === 'active',
    };
    const reasons = missing([volume]);
    if (reasons.length === 0) atRest.add(id);
    waiting.push(...reasons);
  }
  return { atRest, waiting };
}
