import type { NodeObserved, PolicyObserved, PoolObserved, VolumeObserved } from '@couchestor/shared/messages';
import { GIB } from '@couchestor/shared/units';

/** A fleet of any size, the same each time: 100 nodes with a hot and a cold pool, volumes with three replicas. */
const NODES = 100;

/** Spread over the whole range of ids, as random ones are. */
export function volumeId(number: number): string {
  const hex = Math.imul(number + 1, 2_654_435_761) >>> 0;
  const tail = number.toString(16).padStart(12, '0');
  return `${hex.toString(16).padStart(8, '0')}-7c10-4d2e-9f3a-${tail}`;
}

/** One in ten is hot, two in ten lie between the watermarks, the rest is cold; no two are alike. */
export function iopsOf(number: number): number {
  const place = (number * 7) % 1_000;
  if (number % 10 === 0) return 5_000 + 20 * place;
  return number % 10 < 3 ? 600 + 4 * place : 100 + place / 10;
}

/** One in a hundred is on the wrong tier. */
function tierOf(number: number): 'hot' | 'cold' {
  const hot = number % 10 === 0;
  return hot === (number % 100 !== 0) ? 'hot' : 'cold';
}

export function aVolume(number: number): VolumeObserved {
  const id = volumeId(number);
  const tier = tierOf(number);
  return {
    volumeId: id,
    persistentVolume: {
      name: `pvc-${id}`,
      uid: `7d${id.slice(2)}`,
      phase: 'Bound',
      storageClassName: 'mayastor',
      labels: { app: `app-${number % 50}`, team: `team-${number % 7}` },
      claim: { namespace: `team-${number % 7}`, name: `data-${number}` },
    },
    sizeBytes: (10 + (number % 90)) * GIB,
    thin: number % 2 === 0,
    replicaCount: 3,
    specStatus: 'Created',
    status: 'Online',
    selfHeal: true,
    targetNode: nodeName(number),
    rebuilding: false,
    snapshotCount: 0,
    fromSnapshot: false,
    allocatedBytes: (1 + (number % 10)) * GIB,
    replicas: [0, 1, 2].map((offset) => ({
      replicaId: `${offset}${id.slice(1)}`,
      pool: `${tier}-${(number + offset) % NODES}`,
      node: nodeName(number + offset),
      state: 'Online',
      childState: 'Online',
    })),
  };
}

const nodeName = (number: number): string => `node-${number % NODES}`;

export const nodes: readonly NodeObserved[] = Array.from({ length: NODES }, (_, number) => ({
  name: nodeName(number),
  status: 'Online',
  version: 'v2.12.2',
  labels: {},
  cordonLabels: [],
  draining: false,
}));

export const pools: readonly PoolObserved[] = Array.from({ length: NODES }, (_, number) =>
  (['hot', 'cold'] as const).map((tier): PoolObserved => ({
    diskPoolId: `9a0${tier === 'hot' ? 1 : 2}-${number}`,
    name: `${tier}-${number}`,
    node: nodeName(number),
    labels: { tier },
    mayastorLabels: {},
    status: 'Online',
    capacityBytes: 1_000_000 * GIB,
    usedBytes: 100_000 * GIB,
    committedBytes: 300_000 * GIB,
    cordoned: false,
  })),
).flat();

export function aPolicy(generation: number, stored: object = {}): PolicyObserved {
  return {
    policyId: 'policy-1',
    name: 'tiering',
    generation,
    createdAt: '2026-01-01T00:00:00Z',
    spec: {
      nvmePoolSelector: { matchLabels: { tier: 'hot' } },
      sataPoolSelector: { matchLabels: { tier: 'cold' } },
      metrics: { maxUnknownPercent: 100 },
      ...stored,
    },
  };
}
