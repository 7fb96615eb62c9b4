import type { ActiveIntent, PolicyEvaluated } from '@couchestor/shared/messages';
import type { EndedMove } from '../src/core/ledger.ts';
import type { DiskPoolObject, PersistentVolumeObject, PoolReading, VolumeReading } from '../src/core/objects.ts';
import type { Measures } from '../src/ports.ts';

/** Things as tests need them; what a test is about it says itself. */

export const NOW_MS = Date.UTC(2026, 9, 1, 12);

export function aPolicySpec(changes: object = {}): object {
  return {
    highWatermarkIOPS: 5000,
    lowWatermarkIOPS: 500,
    nvmePoolSelector: { matchLabels: { tier: 'nvme' } },
    sataPoolSelector: { matchLabels: { tier: 'sata' } },
    ...changes,
  };
}

export function aVolume(
  volumeId: string,
  pools: readonly string[],
  changes: Partial<VolumeReading> = {},
): VolumeReading {
  return {
    volumeId,
    sizeBytes: 1_000_000,
    thin: false,
    replicaCount: pools.length,
    specStatus: 'Created',
    status: 'Online',
    selfHeal: true,
    rebuilding: false,
    snapshotCount: 0,
    fromSnapshot: false,
    replicas: pools.map((pool) => ({
      replicaId: `${volumeId}-${pool}`,
      node: `node-of-${pool}`,
      pool,
      state: 'Online',
    })),
    ...changes,
  };
}

export function aPersistentVolume(
  volumeId: string,
  changes: Partial<PersistentVolumeObject['view']> & { createdAtMs?: number; currentTier?: string } = {},
): PersistentVolumeObject {
  const { createdAtMs = NOW_MS, currentTier, ...view } = changes;
  return {
    volumeId,
    createdAtMs,
    currentTier,
    view: {
      name: `pvc-${volumeId}`,
      uid: `uid-${volumeId}`,
      phase: 'Bound',
      storageClassName: 'mayastor',
      labels: {},
      ...view,
    },
  };
}

export function aDiskPool(
  name: string,
  labels: Record<string, string>,
  changes: Partial<DiskPoolObject> = {},
): DiskPoolObject {
  return {
    diskPoolId: `${name}-uid`,
    name,
    namespace: 'mayastor',
    node: `node-of-${name}`,
    labels,
    createdAtMs: NOW_MS,
    ...changes,
  };
}

export function aPool(name: string, changes: Partial<PoolReading> = {}): PoolReading {
  return {
    name,
    node: `node-of-${name}`,
    labels: {},
    status: 'Online',
    capacityBytes: 1_000_000,
    usedBytes: 0,
    committedBytes: 0,
    cordoned: false,
    encrypted: undefined,
    ...changes,
  };
}

export function anEndedMove(migrationId: string, changes: Partial<EndedMove> = {}): EndedMove {
  return {
    migrationId,
    volumeId: 'volume-a',
    volumeName: 'pvc-volume-a',
    policyId: 'policy-a-uid',
    policyName: 'policy-a',
    fromTier: 'cold',
    toTier: 'hot',
    triggerIops: 6000,
    endedAtMs: NOW_MS,
    durationMs: 60_000,
    outcome: { kind: 'completed' },
    ...changes,
  };
}

export function anEvaluation(changes: Partial<PolicyEvaluated> = {}): PolicyEvaluated {
  return {
    policyId: 'policy-a-uid',
    policyName: 'policy-a',
    policyGeneration: 1,
    metrics: {
      available: true,
      reason: 'SourceFound',
      message: 'Mayastor counters are used.',
      source: 'MayastorCounters',
    },
    pools: { available: true, reason: 'PoolsFound', message: 'Both tiers have pools.' },
    brakes: [],
    volumes: 1,
    unknownVolumes: 0,
    reasons: {},
    ...changes,
  };
}

/** An active move that has cordoned these pools. */
export function anIntent(volumeId: string, ours: string[]): ActiveIntent {
  return {
    state: 'active',
    migrationId: `migration-of-${volumeId}`,
    proposalId: 'proposal',
    attempt: 0,
    volumeId,
    volumeName: `pvc-${volumeId}`,
    policyId: 'some-policy',
    policyName: 'p',
    fromTier: 'cold',
    toTier: 'hot',
    startedAt: '2026-10-01T12:00:00Z',
    seenIds: [],
    failuresInRow: 0,
    policyGeneration: 1,
    replicaCount: 1,
    sizeBytes: 1,
    syncTimeoutMs: 1,
    allowSnapshots: false,
    allowReducedRedundancy: false,
    maxPoolUsedPercent: 85,
    limits: { policy: 1, perPool: 1, perNode: 1 },
    targetPools: ['nvme-a'],
    replicasMoved: 0,
    roundsStarted: 1,
    round: {
      number: 1,
      startedAt: '2026-10-01T12:00:00Z',
      replicasBefore: [{ replicaId: 'r', pool: 'sata-a', node: 'node-a' }],
      sourceReplicaId: 'r',
      targetPool: 'nvme-a',
      targetNode: 'node-a',
      fence: { kind: 'pool', ours, foreign: [] },
      growths: 0,
      shrinks: 0,
    },
    outbox: [],
    ownerToken: 1,
    owner: 'm',
  };
}

export const noMeasures: Measures = {
  reconciled: () => undefined,
  moveEnded: () => undefined,
  activeMoves: () => undefined,
  policyPhase: () => undefined,
  factsPublished: () => undefined,
  mayastorPolled: () => undefined,
  permitWritten: () => undefined,
  kubernetesWritten: () => undefined,
  leading: () => undefined,
};
