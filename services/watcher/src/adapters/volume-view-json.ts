import { formatTimestamp } from '@couchestor/shared/units';
import type { LastDecision, ReplicaView, VolumeView } from '../core/volume-view.ts';

/** `status` of a MayastorVolume. What is not known is left out: a missing score is unknown, not zero. */
export function formatVolumeView(view: VolumeView): Readonly<Record<string, unknown>> {
  const { claim, decision, replicas, sizeBytes } = view;
  const rebuilding = replicas.flatMap(({ rebuildPercent }) => rebuildPercent ?? []);
  return withoutUndefined({
    persistentVolume: view.persistentVolume,
    claim: claim === undefined ? undefined : `${claim.namespace}/${claim.name}`,
    policy: view.policy,
    tier: view.tier,
    size: formatQuantity(sizeBytes),
    sizeBytes,
    state: view.state,
    targetNode: view.targetNode,
    replicaCount: view.replicaCount,
    healthyReplicas: replicas.filter(({ state, rebuildPercent }) => state === 'Online' && rebuildPercent === undefined)
      .length,
    rebuildPercent: rebuilding.length === 0 ? undefined : Math.min(...rebuilding),
    replicas: replicas.map(formatReplica),
    ...(decision === undefined ? {} : formatDecision(decision)),
  });
}

function formatReplica({ replicaId, node, pool, tier, state, rebuildPercent }: ReplicaView): Record<string, unknown> {
  return withoutUndefined({ replicaId, node, pool, tier, state, rebuildPercent });
}

function formatDecision({ atMs, action, reason, tierWanted, score }: LastDecision): Record<string, unknown> {
  return {
    ...(score.kind === 'value' ? { score: Math.round(score.iops) } : { scoreUnknown: score.reason }),
    decision: withoutUndefined({ time: formatTimestamp(atMs), action, reason, tierWanted }),
  };
}

/** As Kubernetes writes sizes, with at most one decimal: `10Gi`, `1.5Ti`. */
function formatQuantity(sizeBytes: number): string {
  const suffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];
  let value = sizeBytes;
  let suffix = 0;
  while (value >= 1024 && suffix < suffixes.length - 1) {
    value /= 1024;
    suffix += 1;
  }
  return `${Math.round(value * 10) / 10}${suffixes[suffix]}`;
}

function withoutUndefined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
