import { cordonLabelOf, type ActiveIntent } from '@couchestor/shared/messages';
import type { Evidence } from './evidence.ts';
import type { Step } from './step.ts';

/** Our cordons first, then `then`. */
export function cleanUpThen(intent: ActiveIntent, evidence: Evidence, then: Step): Step {
  return cleanUp(intent, evidence, 'all') ?? then;
}

/**
 * The step that takes away what is left of our cordons, as far as Mayastor shows them; undefined when none is left. A
 * cordon of a pool bears no name: what stands there may be of another move that has the fence now, and grows behind it.
 */
export function cleanUp(intent: ActiveIntent, evidence: Evidence, what: 'fence' | 'all'): Step | undefined {
  const { round } = intent;
  const fence = round?.fence;
  const steer = what === 'all' ? round?.steer : undefined;
  const steerCordon = steer?.kind === 'nodeCordon' ? steer : undefined;
  if ((fence === undefined || fence.ours.length === 0) && steerCordon === undefined) return undefined;
  if (evidence.cluster === undefined) return { kind: 'look', at: 'cluster' };
  const { pools, nodes } = evidence.cluster;
  const label = cordonLabelOf(intent.migrationId);
  const labelled = (name: string): boolean => nodes.get(name)?.cordonLabels.includes(label) === true;
  const cordonedPools = fence?.kind === 'pool' ? fence.ours.filter((name) => pools.get(name)?.cordoned === true) : [];
  const cordonedNodes = [
    ...(fence?.kind === 'node' ? fence.ours : []),
    ...(steerCordon === undefined ? [] : [steerCordon.node]),
  ].filter(labelled);
  const ownPools = evidence.fenceHeld || evidence.fenceIsNobodys === true ? cordonedPools : [];
  if (ownPools.length > 0 || cordonedNodes.length > 0) {
    return { kind: 'lift', pools: ownPools, nodes: [...new Set(cordonedNodes)] };
  }
  if (cordonedPools.length > 0) return { kind: 'takeFence', toLift: true };
  return { kind: 'forgetCordons' };
}
