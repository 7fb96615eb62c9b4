import type { JsonObject } from '@couchestor/simulator/kubernetes';
import { aVolume, pools } from './volumes.ts';

/** In one transaction of etcd, which takes at most 128 operations. */
const BATCH = 100;

/**
 * Writes the PersistentVolumes of a fleet into the store of an API server, as it would itself: asked one by one it takes
 * minutes for what takes seconds here. They are bound, carry what two managers wrote, and the annotation that a watcher of
 * before has left.
 */
export async function storePersistentVolumes(etcdUrl: string, volumes: number): Promise<void> {
  for (let first = 0; first < volumes; first += BATCH) {
    const count = Math.min(BATCH, volumes - first);
    const puts = Array.from({ length: count }, (_, index) => {
      const persistentVolume = aPersistentVolume(first + index);
      return {
        requestPut: {
          key: base64(`/registry/persistentvolumes/${persistentVolume.metadata.name}`),
          value: base64(JSON.stringify(persistentVolume)),
        },
      };
    });
    const answer = await fetch(`${etcdUrl}/v3/kv/txn`, { method: 'POST', body: JSON.stringify({ success: puts }) });
    if (!answer.ok) throw new Error(`etcd answers ${answer.status}: ${await answer.text()}`);
  }
}

export function diskPools(): readonly JsonObject[] {
  return pools.map(({ name, node, labels }) => ({
    apiVersion: 'openebs.io/v1beta3',
    kind: 'DiskPool',
    metadata: { name, namespace: 'mayastor', labels },
    spec: { node, disks: [`/dev/disk/by-id/${name}`] },
  }));
}

const CREATED = '2026-01-01T00:00:00Z';

function aPersistentVolume(number: number) {
  const { volumeId, persistentVolume, sizeBytes, replicas } = aVolume(number);
  const name = persistentVolume?.name ?? '';
  const { claim, labels } = persistentVolume ?? {};
  const tier = replicas[0]?.pool?.startsWith('hot') === true ? 'hot' : 'cold';
  return {
    kind: 'PersistentVolume',
    apiVersion: 'v1',
    metadata: {
      name,
      uid: persistentVolume?.uid,
      creationTimestamp: CREATED,
      labels,
      annotations: {
        'pv.kubernetes.io/provisioned-by': 'io.openebs.csi-mayastor',
        'volume.kubernetes.io/provisioner-deletion-secret-name': '',
        'volume.kubernetes.io/provisioner-deletion-secret-namespace': '',
        'storage.billyronks.io/current-tier': tier,
      },
      finalizers: ['external-provisioner.volume.kubernetes.io/finalizer', 'kubernetes.io/pv-protection'],
      managedFields: [
        managedBy('csi-provisioner', {
          'f:metadata': {
            'f:annotations': fields(
              'pv.kubernetes.io/provisioned-by',
              'volume.kubernetes.io/provisioner-deletion-secret-name',
            ),
            'f:finalizers': { 'v:"external-provisioner.volume.kubernetes.io/finalizer"': {} },
          },
          'f:spec': {
            ...fields('accessModes', 'capacity', 'nodeAffinity', 'persistentVolumeReclaimPolicy', 'storageClassName'),
            'f:claimRef': fields('apiVersion', 'kind', 'name', 'namespace', 'resourceVersion', 'uid'),
            'f:csi': {
              ...fields('driver', 'fsType', 'volumeHandle'),
              'f:volumeAttributes': fields('protocol', 'repl'),
            },
          },
        }),
        managedBy('kube-controller-manager', { 'f:status': fields('phase') }),
        managedBy('couchestor', { 'f:metadata': { 'f:annotations': fields('storage.billyronks.io/current-tier') } }),
      ],
    },
    spec: {
      capacity: { storage: String(sizeBytes) },
      csi: {
        driver: 'io.openebs.csi-mayastor',
        volumeHandle: volumeId,
        fsType: 'ext4',
        volumeAttributes: {
          ioTimeout: '30',
          protocol: 'nvmf',
          repl: '3',
          'storage.kubernetes.io/csiProvisionerIdentity': '1767225600000-8081-io.openebs.csi-mayastor',
        },
      },
      accessModes: ['ReadWriteOnce'],
      claimRef: { kind: 'PersistentVolumeClaim', apiVersion: 'v1', ...claim, uid: volumeId, resourceVersion: '1' },
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: 'mayastor',
      volumeMode: 'Filesystem',
    },
    status: { phase: 'Bound', lastPhaseTransitionTime: CREATED },
  };
}

function managedBy(manager: string, fieldsV1: object): object {
  return { manager, operation: 'Update', apiVersion: 'v1', time: CREATED, fieldsType: 'FieldsV1', fieldsV1 };
}

function fields(...names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [`f:${name}`, {}]));
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
