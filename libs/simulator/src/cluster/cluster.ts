import { readFileSync } from 'node:fs';
import type { Clock } from '@couchestor/shared/clock';
import { parse } from 'yaml';
import {
  createKubernetesModel,
  readDiskPoolCrd,
  type JsonObject,
  type KubernetesModel,
  type KubeObjectInput,
} from '../kubernetes/index.ts';
import { createMayastorModel, type MayastorModel, type MayastorModelOptions } from '../mayastor/index.ts';
import type { Scenario, ScenarioPool, ScenarioVolume } from './scenario.ts';

/** A cluster in one process: Mayastor, its exporter, and the Kubernetes objects that belong to both. */
export interface SimulatedCluster {
  readonly mayastor: MayastorModel;
  readonly kubernetes: KubernetesModel;
}

export interface SimulatedClusterOptions extends Omit<MayastorModelOptions, 'clock' | 'random'> {
  readonly clock: Clock;
  readonly random: () => number;
  readonly scenario: Scenario;
  /** Where Mayastor is installed. */
  readonly namespace?: string;
  readonly storageClassName?: string;
  /** Parsed CustomResourceDefinitions beside that of DiskPool. */
  readonly crds: readonly JsonObject[];
}

export const mayastorNamespace = 'mayastor';
export const storageClass = 'mayastor';
const APPLICATION_NAMESPACE = 'default';

export function createSimulatedCluster(options: SimulatedClusterOptions): SimulatedCluster {
  const { clock, random, scenario, crds, namespace = mayastorNamespace, storageClassName = storageClass } = options;
  const mayastor = createMayastorModel(options);
  const kubernetes = createKubernetesModel({ clock, random, crds: [readDiskPoolCrd(), ...crds] });
  kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  for (const node of scenario.nodes) mayastor.addNode({ id: node });
  for (const pool of scenario.pools) {
    mayastor.addPool(pool);
    kubernetes.apply(diskPoolOf(pool, namespace));
  }
  for (const volume of scenario.volumes) {
    const { id, sizeBytes, thin, allocatedBytes, placement, publishedOn, snapshots, load } = volume;
    mayastor.createVolume({
      uuid: id,
      sizeBytes,
      thin,
      allocatedBytes,
      placement,
      snapshots,
      ...(publishedOn === undefined ? {} : { publishedOn }),
      ...(load === undefined ? {} : { load }),
    });
    kubernetes.apply(claimOf(volume, storageClassName));
    kubernetes.apply(persistentVolumeOf(volume, storageClassName));
  }
  return { mayastor, kubernetes };
}

/** The definition of StoragePolicy, as it is installed in a cluster. */
export function readStoragePolicyCrd(path: string | URL): JsonObject {
  return parse(readFileSync(path, 'utf8')) as JsonObject;
}

function diskPoolOf({ id, node, capacityBytes, labels }: ScenarioPool, namespace: string): KubeObjectInput {
  return {
    apiVersion: 'openebs.io/v1beta3',
    kind: 'DiskPool',
    metadata: { name: id, namespace, labels },
    spec: { node, disks: [`/dev/disk/by-id/${id}`] },
    status: {
      cr_state: 'Created',
      pool_status: 'Online',
      capacity: capacityBytes,
      used: 0,
      available: capacityBytes,
    },
  };
}

const claimNameOf = ({ id }: ScenarioVolume): string => `data-${id.slice(0, 8)}`;

function claimOf(volume: ScenarioVolume, storageClassName: string): KubeObjectInput {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claimNameOf(volume), namespace: APPLICATION_NAMESPACE },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName,
      volumeName: `pvc-${volume.id}`,
      resources: { requests: { storage: String(volume.sizeBytes) } },
    },
    status: { phase: 'Bound' },
  };
}

function persistentVolumeOf(volume: ScenarioVolume, storageClassName: string): KubeObjectInput {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: `pvc-${volume.id}`,
      labels: { 'couchestor.example/role': volume.role },
      annotations: { 'pv.kubernetes.io/provisioned-by': 'io.openebs.csi-mayastor', ...volume.annotations },
    },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: String(volume.sizeBytes) },
      storageClassName,
      persistentVolumeReclaimPolicy: 'Delete',
      csi: { driver: 'io.openebs.csi-mayastor', volumeHandle: volume.id, fsType: 'ext4' },
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: APPLICATION_NAMESPACE,
        name: claimNameOf(volume),
      },
    },
    status: { phase: 'Bound' },
  };
}
