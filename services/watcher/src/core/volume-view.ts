import type { DecisionReason, Score, VolumeObserved } from '@couchestor/shared/messages';
import type { Placement, Tier } from '@couchestor/shared/policy';
import type { RebuildProgress } from './objects.ts';
import type { World } from './world.ts';

/** What the scorer last said of a volume; it says something again only when the decision is another one. */
export interface LastDecision {
  readonly atMs: number;
  readonly action: 'move' | 'hold';
  readonly reason: DecisionReason;
  readonly tierWanted: Tier | undefined;
  /** At the moment of the decision. */
  readonly score: Score;
}

/** What people are shown of a volume in Kubernetes. */
export interface VolumeView {
  readonly volumeId: string;
  /** Name of the PersistentVolume. */
  readonly persistentVolume: string | undefined;
  readonly claim: { readonly namespace: string; readonly name: string } | undefined;
  /** Name of the policy that claims it. */
  readonly policy: string | undefined;
  /** Undefined while no policy claims it, since tiers are a policy's. */
  readonly tier: Placement | undefined;
  readonly sizeBytes: number;
  readonly state: VolumeObserved['status'];
  /** Undefined while it is not published. */
  readonly targetNode: string | undefined;
  /** Replicas that it is meant to have. */
  readonly replicaCount: number;
  readonly replicas: readonly ReplicaView[];
  readonly decision: LastDecision | undefined;
}

export interface ReplicaView {
  readonly replicaId: string;
  /** Undefined, as the pool, while its node is away. */
  readonly node: string | undefined;
  readonly pool: string | undefined;
  readonly tier: Tier | undefined;
  readonly state: ReplicaState;
  /** Undefined while nothing is copied. */
  readonly rebuildPercent: number | undefined;
}

type ReplicaState = VolumeObserved['replicas'][number]['state'];

/** A replica that is filled shows some twenty states on its way, however often it is looked at. */
const REBUILD_STEP_PERCENT = 5;

/**
 * @returns undefined while nothing certain can be said, when what was shown before stands; null once it is proven that
 * there is no such volume
 */
export function volumeViewOf(
  world: Pick<World, 'volumes' | 'census' | 'policies' | 'rebuilds'>,
  volumeId: string,
  decision: LastDecision | undefined,
): VolumeView | null | undefined {
  const { volumes, census, policies } = world;
  const fact = volumes.fact(volumeId);
  if (fact.kind === 'absent') return null;
  if (fact.kind === 'unproven' || census.isStale(volumeId)) return undefined;
  const { persistentVolume, sizeBytes, status, targetNode, replicaCount, replicas } = fact.value;
  const policyId = census.policyOf(volumeId);
  const rebuilds = world.rebuilds(volumeId) ?? {};
  return {
    volumeId,
    persistentVolume: persistentVolume?.name,
    claim: persistentVolume?.claim,
    policy: policyId === undefined ? undefined : policies.get(policyId)?.object.name,
    tier: census.placement(volumeId),
    sizeBytes,
    state: status,
    targetNode,
    replicaCount,
    replicas: replicas.map(({ replicaId, node, pool, state, childState }) => ({
      replicaId,
      node,
      pool,
      tier: pool === undefined ? undefined : census.tierOf(volumeId, pool),
      // A target may see less of a replica than its pool does; of two states the worse one is shown.
      state: state === 'Online' ? (childState ?? state) : state,
      rebuildPercent: inSteps(rebuilds, replicaId),
    })),
    decision,
  };
}

function inSteps(rebuilds: RebuildProgress, replicaId: string): number | undefined {
  const percent = rebuilds[replicaId];
  return percent === undefined ? undefined : Math.floor(percent / REBUILD_STEP_PERCENT) * REBUILD_STEP_PERCENT;
}
