import type { MayastorNode, Pool, Volume } from '@couchestor/shared/mayastor';
import { describe, expect, test } from 'vitest';
import { readNode, readPool, readVolume } from './mayastor-source.ts';

const anything = { inclusion: {}, exclusion: {}, affinityKeys: [] };

function aMayastorVolume(changes: Partial<Volume> = {}): Volume {
  return {
    id: 'v',
    sizeBytes: 1000,
    replicaCount: 1,
    specStatus: 'Created',
    status: 'Online',
    selfHeal: true,
    thin: false,
    asThin: false,
    encrypted: false,
    snapshotCount: 0,
    restored: false,
    affinityGroup: undefined,
    topology: { poolLabels: anything, nodeLabels: anything, allowedNodes: [] },
    publishedOn: undefined,
    target: undefined,
    replicas: [],
    ...changes,
  };
}

const replica = {
  id: 'r',
  node: 'n',
  pool: 'p',
  state: 'Online',
  childStatus: 'Online',
  rebuildPercent: undefined,
  allocatedBytes: undefined,
  healthy: undefined,
} as const;

describe('what the watcher reads from Mayastor', () => {
  test('a published volume with its replicas', () => {
    const target = { id: 'x', node: 'n1', state: 'Online' as const, rebuilds: 0, children: [] };
    expect(readVolume(aMayastorVolume({ publishedOn: 'n0', target, replicas: [replica] }))).toMatchObject({
      targetNode: 'n1',
      rebuilding: false,
      replicas: [{ replicaId: 'r', node: 'n', pool: 'p', state: 'Online', childState: 'Online' }],
    });
  });

  test('a volume whose target is lost is still published, one without either is not', () => {
    expect(readVolume(aMayastorVolume({ publishedOn: 'n0' })).targetNode).toBe('n0');
    expect('targetNode' in readVolume(aMayastorVolume())).toBe(false);
  });

  test('a replica of a node that is away has neither node nor pool', () => {
    const away = { ...replica, node: undefined, pool: undefined, childStatus: undefined, state: 'Unknown' as const };
    expect(readVolume(aMayastorVolume({ replicas: [away] })).replicas).toEqual([{ replicaId: 'r', state: 'Unknown' }]);
  });

  test('a rebuild by the progress of a replica', () => {
    expect(readVolume(aMayastorVolume({ replicas: [{ ...replica, rebuildPercent: 7 }] })).rebuilding).toBe(true);
  });

  test('allocation in steps of 1 % of the fullest replica, and nothing where Mayastor does not say', () => {
    const replicas = [11, 21].map((allocatedBytes) => ({ ...replica, allocatedBytes }));
    expect(readVolume(aMayastorVolume({ replicas })).allocatedBytes).toBe(30);
    expect('allocatedBytes' in readVolume(aMayastorVolume({ replicas: [replica] }))).toBe(false);
  });

  test('an unknown number of snapshots as one, since it must not move', () => {
    expect(readVolume(aMayastorVolume({ snapshotCount: undefined })).snapshotCount).toBe(1);
    expect(readVolume(aMayastorVolume({ snapshotCount: 0 })).snapshotCount).toBe(0);
  });

  test('the topology that restricts it, and none where nothing does', () => {
    expect('topology' in readVolume(aMayastorVolume())).toBe(false);
    const poolLabels = { ...anything, inclusion: { tier: 'nvme' } };
    const topology = { poolLabels, nodeLabels: anything, allowedNodes: ['n'] };
    expect(readVolume(aMayastorVolume({ topology })).topology).toEqual({
      poolInclusion: { tier: 'nvme' },
      allowedNodes: ['n'],
    });
  });

  test('a pool is cordoned only when it takes no replicas, or is drained', () => {
    const pool: Pool = {
      id: 'p',
      node: undefined,
      labels: {},
      specStatus: 'Created',
      status: 'Unknown',
      capacityBytes: undefined,
      usedBytes: undefined,
      committedBytes: undefined,
      cordoned: { replicas: false, snapshots: true, restores: true, import: false },
      draining: false,
      encrypted: false,
    };
    expect(readPool(pool)).toMatchObject({ cordoned: false, capacityBytes: 0, node: '' });
    expect(readPool({ ...pool, cordoned: { ...pool.cordoned, replicas: true } }).cordoned).toBe(true);
    expect(readPool({ ...pool, draining: true }).cordoned).toBe(true);
  });

  test('a drained node shows the labels of cordon and drain once', () => {
    const node: MayastorNode = {
      id: 'n',
      status: 'Online',
      version: 'v2.10.0',
      cordonLabels: ['a', 'b'],
      drainLabels: ['b'],
      labels: {},
    };
    expect(readNode(node)).toMatchObject({ cordonLabels: ['a', 'b'], draining: true });
  });
});
