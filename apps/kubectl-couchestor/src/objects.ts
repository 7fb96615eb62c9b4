import type { KubernetesObject, Resource } from '@couchestor/shared/kubernetes';

/** The kinds that this command reads and writes, as far as it looks at them. */

export const storagePolicies: Resource = {
  group: 'storage.billyronks.io',
  version: 'v1',
  kind: 'StoragePolicy',
  plural: 'storagepolicies',
};
export const persistentVolumes = core('PersistentVolume', 'persistentvolumes');
export const persistentVolumeClaims = core('PersistentVolumeClaim', 'persistentvolumeclaims');
export const configMaps = core('ConfigMap', 'configmaps');
export const events = core('Event', 'events');
export const pods = core('Pod', 'pods');
export const services = core('Service', 'services');

function core(kind: string, plural: string): Resource {
  return { group: '', version: 'v1', kind, plural };
}

const ANNOTATION_PREFIX = 'storage.billyronks.io/';
export const annotations = {
  hold: `${ANNOTATION_PREFIX}hold`,
  pinTier: `${ANNOTATION_PREFIX}pin-tier`,
  abort: `${ANNOTATION_PREFIX}abort`,
  approve: `${ANNOTATION_PREFIX}approve`,
  lastMigration: `${ANNOTATION_PREFIX}last-migration`,
  currentTier: `${ANNOTATION_PREFIX}current-tier`,
} as const;

export const MAYASTOR_CSI_DRIVER = 'io.openebs.csi-mayastor';
/** Events about kinds without a namespace are kept here. */
export const EVENTS_NAMESPACE = 'default';

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime?: string;
}

export interface HistoryEntry {
  readonly volumeName: string;
  readonly timestamp: string;
  readonly fromTier?: string;
  readonly toTier: string;
  readonly triggerIOPS?: number;
  readonly duration: string;
  readonly success: boolean;
  readonly error?: string;
  readonly migrationId: string;
}

interface PolicyStatus {
  readonly phase?: string;
  readonly watchedVolumes?: number;
  readonly hotVolumes?: number;
  readonly warmVolumes?: number;
  readonly coldVolumes?: number;
  readonly mixedVolumes?: number;
  readonly activeMigrations?: number;
  readonly totalMigrations?: number;
  readonly failedMigrations?: number;
  readonly lastReconcileTime?: string;
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  readonly migrationHistory?: readonly HistoryEntry[];
}

export interface StoragePolicy extends KubernetesObject {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: PolicyStatus;
}

export interface PersistentVolume extends KubernetesObject {
  readonly spec?: {
    readonly csi?: { readonly driver?: string; readonly volumeHandle?: string };
    readonly storageClassName?: string;
    readonly capacity?: { readonly storage?: string };
    readonly claimRef?: { readonly namespace?: string; readonly name?: string };
  };
  readonly status?: { readonly phase?: string };
}

export interface PersistentVolumeClaim extends KubernetesObject {
  readonly spec?: { readonly volumeName?: string };
}

export interface ConfigMap extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface DiskPool extends KubernetesObject {
  readonly spec?: { readonly node?: string };
}

export interface Pod extends KubernetesObject {
  readonly status?: { readonly phase?: string };
}

export interface Service extends KubernetesObject {
  readonly spec?: { readonly ports?: readonly { readonly name?: string; readonly port: number }[] };
}

export interface Event extends KubernetesObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly eventTime?: string | null;
  readonly lastTimestamp?: string | null;
  readonly involvedObject?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
}

export const CONTROL_NAME = 'couchestor-control';

export interface Control {
  readonly paused: boolean;
  readonly reason: string | undefined;
}

/** As the watcher reads it: whatever is not clearly no pause is one. */
export function readControl(configMap: ConfigMap | undefined): Control {
  const paused = (configMap?.data?.['paused'] ?? 'false').trim().toLowerCase();
  return { paused: !['', 'false', 'no'].includes(paused), reason: configMap?.data?.['reason'] };
}

export function claimNameOf(volume: PersistentVolume): string | undefined {
  const { namespace, name } = volume.spec?.claimRef ?? {};
  return namespace === undefined || name === undefined ? undefined : `${namespace}/${name}`;
}

/** 0 for an Event that carries no time. */
export function eventTimeMs({ eventTime, lastTimestamp, metadata }: Event): number {
  return Date.parse(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '') || 0;
}
