import type { ActiveIntent, Round } from '@couchestor/shared/messages';
import type { Evidence, SeenNode, SeenPool, SeenReplica, SeenVolume } from '../src/core/evidence.ts';

/** What a move is shown, made up piece by piece: nodes n1 to n4 with a pool `nvme-` and one `sata-` each. */

const GIB = 1024 ** 3;
const NODES = ['n1', 'n2', 'n3', 'n4'];
export const START = '2026-06-15T12:00:00.000Z';
export const START_MS = Date.parse(START);

const nodeOf = (pool: string): string => pool.slice(pool.indexOf('-') + 1);
const idOf = (pool: string): string => `on-${pool}`;

export function aReplica(pool: string, change: Partial<SeenReplica> = {}): SeenReplica {
  return {
    replicaId: idOf(pool),
    node: nodeOf(pool),
    pool,
    state: 'Online',
    childState: 'Online',
    childUri: `nvmf://${pool}`,
    rebuildPercent: undefined,
    ...change,
  };
}

/** Published on n1 and wholly healthy, unless said otherwise. */
export function aVolume({
  placement,
  ...change
}: { readonly placement: readonly string[] } & Partial<SeenVolume>): SeenVolume {
  return {
    volumeId: 'v',
    created: true,
    replicaCount: placement.length,
    status: 'Online',
    selfHeal: true,
    hasSnapshots: false,
    sizeBytes: 10 * GIB,
    thin: true,
    encrypted: false,
    allocatedBytes: 5 * GIB,
    target: { nexusId: 'nexus', node: 'n1', online: true },
    replicas: placement.map((pool) => aReplica(pool)),
    ...change,
  };
}

export function anIntent({
  placement,
  ...change
}: { readonly placement: readonly string[] } & Partial<ActiveIntent>): ActiveIntent {
  return {
    state: 'active',
    migrationId: 'm1',
    proposalId: 'p1',
    attempt: 0,
    volumeId: 'v',
    volumeName: 'pvc-v',
    policyId: 'policy',
    policyName: 'tiering',
    policyGeneration: 1,
    fromTier: 'cold',
    toTier: 'hot',
    startedAt: START,
    seenIds: [],
    failuresInRow: 0,
    outbox: [],
    replicas: placement.map(placeOf),
    replicaCount: placement.length,
    sizeBytes: 10 * GIB,
    syncTimeoutMs: 1_800_000,
    allowSnapshots: false,
    allowReducedRedundancy: false,
    maxPoolUsedPercent: 85,
    limits: { policy: 2, perPool: 1, perNode: 1 },
    targetPools: NODES.map((node) => `nvme-${node}`),
    replicasMoved: 0,
    roundsStarted: 0,
    owner: 'one',
    ownerToken: 1,
    ...change,
  };
}

const placeOf = (pool: string) => ({ replicaId: idOf(pool), pool, node: nodeOf(pool) });

/** A round from the first replica to a pool. */
export function aRound(before: readonly string[], targetPool: string, change: Partial<Round> = {}): Round {
  const [source = ''] = before;
  return {
    number: 1,
    startedAt: START,
    replicasBefore: before.map(placeOf),
    sourceReplicaId: idOf(source),
    targetPool,
    targetNode: nodeOf(targetPool),
    growths: 0,
    shrinks: 0,
    ...change,
  };
}

export function aPool(name: string, change: Partial<SeenPool> = {}): SeenPool {
  return {
    name,
    node: nodeOf(name),
    online: true,
    cordoned: false,
    capacityBytes: 1_000 * GIB,
    usedBytes: 0,
    committedBytes: 0,
    mayastorLabels: {},
    ...change,
  };
}

export function aNode(name: string, change: Partial<SeenNode> = {}): SeenNode {
  return { name, online: true, cordoned: false, cordonLabels: [], draining: false, labels: {}, ...change };
}

/** Everything looked at, everything in order. */
export function evidenceOf(volume: SeenVolume | 'absent', change: Partial<Evidence> = {}): Evidence {
  const owners = volume === 'absent' ? [] : volume.replicas.map(({ replicaId }) => replicaId);
  return {
    nowMs: START_MS + 60_000,
    volume,
    stableForMs: 60_000,
    idle: 'idle',
    cluster: {
      pools: new Map(NODES.flatMap((node) => [`nvme-${node}`, `sata-${node}`]).map((name) => [name, aPool(name)])),
      nodes: new Map(NODES.map((name) => [name, aNode(name)])),
    },
    owners: new Map(owners.map((id) => [id, ['nexus']])),
    arriving: new Map(),
    fenceHeld: true,
    mayAct: true,
    abortRequested: false,
    ...change,
  };
}
