import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '@couchestor/shared/kubernetes';
import { projectDiskPool, projectPersistentVolume, projectPolicy, readControl } from './kubernetes-objects.ts';

/** Objects have more than what all kinds have in common. */
const stored = (object: KubernetesObject & { readonly spec?: object }): KubernetesObject => object;
const metadata = { name: 'pvc-1', uid: 'u', resourceVersion: '5', creationTimestamp: '2026-01-01T00:00:00Z' };

describe('what is kept of Kubernetes objects', () => {
  test('a PersistentVolume of Mayastor with the annotations of people', () => {
    const object = {
      metadata: {
        ...metadata,
        labels: { app: 'db' },
        annotations: {
          'storage.billyronks.io/hold': 'true',
          'storage.billyronks.io/current-tier': 'hot',
          'storage.billyronks.io/last-migration': '2026-01-02T00:00:00Z',
          'somebody.else/note': 'x',
        },
      },
      spec: {
        csi: { driver: 'io.openebs.csi-mayastor', volumeHandle: 'volume-1' },
        storageClassName: 'mayastor',
        claimRef: { namespace: 'default', name: 'data' },
      },
      status: { phase: 'Bound' },
    };
    expect(projectPersistentVolume(object)).toEqual({
      volumeId: 'volume-1',
      createdAtMs: Date.UTC(2026, 0, 1),
      currentTier: 'hot',
      view: {
        name: 'pvc-1',
        uid: 'u',
        phase: 'Bound',
        storageClassName: 'mayastor',
        labels: { app: 'db' },
        claim: { namespace: 'default', name: 'data' },
        hold: 'true',
        lastMigration: '2026-01-02T00:00:00Z',
      },
    });
  });

  test('nothing of a PersistentVolume of another driver', () => {
    const csi = { driver: 'ebs.csi.aws.com', volumeHandle: 'v' };
    expect(projectPersistentVolume(stored({ metadata, spec: { csi } }))).toBeUndefined();
    expect(projectPersistentVolume({ metadata })).toBeUndefined();
  });

  test('a policy with its spec as it is stored', () => {
    const policy = projectPolicy(
      stored({ metadata: { ...metadata, generation: 3 }, spec: { highWatermarkIOPS: 'x' } }),
    );
    expect(policy).toMatchObject({ policyId: 'u', generation: 3, spec: { highWatermarkIOPS: 'x' }, status: undefined });
  });

  test('a DiskPool with its labels', () => {
    const pool = projectDiskPool(stored({ metadata: { ...metadata, labels: { tier: 'nvme' } }, spec: { node: 'n' } }));
    expect(pool).toMatchObject({ diskPoolId: 'u', name: 'pvc-1', node: 'n', labels: { tier: 'nvme' } });
  });

  test.each([
    [undefined, false],
    [{}, false],
    [{ paused: 'false' }, false],
    [{ paused: 'False' }, false],
    [{ paused: '' }, false],
    [{ paused: 'true' }, true],
    [{ paused: 'yes please' }, true],
  ])('a ConfigMap with %j is a pause: %s', (data, paused) => {
    expect(readControl(data).paused).toBe(paused);
  });
});
