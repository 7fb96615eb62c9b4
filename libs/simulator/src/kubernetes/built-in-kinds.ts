import { eventKind } from './event-kind.ts';
import { isJsonArray, isJsonObject, stringAt, valueAt, type Json, type JsonObject } from './json.ts';
import type { KubeObject } from './kube-object.ts';
import { allVerbs, type ResourceKind, type TableColumn } from './resource-kind.ts';
import { microTimeFault } from './time-fields.ts';
import { ageColumn, column, nameColumn } from './table-columns.ts';

type Definition = Pick<ResourceKind, 'kind' | 'plural' | 'shortNames' | 'namespaced'> & {
  readonly group: string;
  readonly columns: readonly TableColumn[];
} & Partial<ResourceKind>;

function builtIn({ group, columns, ...definition }: Definition): ResourceKind {
  return {
    listKind: `${definition.kind}List`,
    singular: definition.kind.toLowerCase(),
    categories: [],
    storageApiVersion: group === '' ? 'v1' : `${group}/v1`,
    isCustom: false,
    hasStatus: false,
    hasGeneration: false,
    verbs: allVerbs,
    nameForm: 'subdomain',
    mergeKeys: { 'metadata.ownerReferences': 'uid', 'status.conditions': 'type' },
    returnsDeleted: false,
    takesUnconditionalUpdate: true,
    createsOnUpdate: false,
    versions: [
      {
        group,
        version: 'v1',
        columns,
        openApi: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        selectableFields: definition.namespaced ? ['metadata.name', 'metadata.namespace'] : ['metadata.name'],
      },
    ],
    ...definition,
  };
}

/** The object with members of `spec` or `status` filled in where they are absent. */
function withDefaults(object: KubeObject, section: 'spec' | 'status', defaults: JsonObject): KubeObject {
  const present = object[section];
  return { ...object, [section]: { ...defaults, ...(isJsonObject(present) ? present : {}) } };
}

const text =
  (...path: readonly string[]) =>
  (object: KubeObject): Json =>
    stringAt(object, ...path) ?? '';

const modes: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

function accessModes(value: Json | undefined): string {
  return isJsonArray(value)
    ? value.flatMap((mode) => (typeof mode === 'string' ? [modes[mode] ?? mode] : [])).join(',')
    : '';
}

const persistentVolumes = builtIn({
  group: '',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  hasStatus: true,
  returnsDeleted: true,
  fillDefaults: (object) =>
    withDefaults(object, 'spec', { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' }),
  prepareCreate: (object) => withDefaults(object, 'status', { phase: 'Pending' }),
  columns: [
    nameColumn,
    column('Capacity', text('spec', 'capacity', 'storage')),
    column('Access Modes', (object) => accessModes(valueAt(object, 'spec', 'accessModes'))),
    column('Reclaim Policy', text('spec', 'persistentVolumeReclaimPolicy')),
    column('Status', (object) =>
      object.metadata.deletionTimestamp === undefined ? text('status', 'phase')(object) : 'Terminating',
    ),
    column('Claim', (object) => {
      const name = stringAt(object, 'spec', 'claimRef', 'name');
      return name === undefined ? '' : `${stringAt(object, 'spec', 'claimRef', 'namespace') ?? ''}/${name}`;
    }),
    column('StorageClass', text('spec', 'storageClassName')),
    column('VolumeAttributesClass', (object) => stringAt(object, 'spec', 'volumeAttributesClassName') ?? '<unset>'),
    column('Reason', text('status', 'reason')),
    ageColumn,
    column('VolumeMode', text('spec', 'volumeMode'), 1),
  ],
});

const persistentVolumeClaims = builtIn({
  group: '',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  namespaced: true,
  hasStatus: true,
  returnsDeleted: true,
  fillDefaults: (object) => withDefaults(object, 'spec', { volumeMode: 'Filesystem' }),
  prepareCreate: (object) => withDefaults(object, 'status', { phase: 'Pending' }),
  columns: [
    nameColumn,
    column('Status', (object) =>
      object.metadata.deletionTimestamp === undefined ? text('status', 'phase')(object) : 'Terminating',
    ),
    column('Volume', text('spec', 'volumeName')),
    column('Capacity', (object) => {
      const storage = stringAt(object, 'status', 'capacity', 'storage');
      return storage ?? (stringAt(object, 'spec', 'volumeName') === undefined ? '' : '0');
    }),
    column('Access Modes', (object) => accessModes(valueAt(object, 'status', 'accessModes'))),
    column('StorageClass', text('spec', 'storageClassName')),
    column('VolumeAttributesClass', (object) => stringAt(object, 'spec', 'volumeAttributesClassName') ?? '<unset>'),
    ageColumn,
    column('VolumeMode', text('spec', 'volumeMode'), 1),
  ],
});

const configMaps = builtIn({
  group: '',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  namespaced: true,
  formFault: (object) => {
    const { data } = object;
    const wrong = isJsonObject(data) ? Object.values(data).find((value) => typeof value !== 'string') : undefined;
    if (wrong === undefined || wrong === null) return undefined;
    const type = typeof wrong === 'boolean' ? 'bool' : isJsonArray(wrong) ? 'array' : typeof wrong;
    return `json: cannot unmarshal ${type} into Go struct field ConfigMap.data of type string`;
  },
  columns: [
    nameColumn,
    column('Data', (object) =>
      [object['data'], object['binaryData']].reduce<number>(
        (count, data) => count + (isJsonObject(data) ? Object.keys(data).length : 0),
        0,
      ),
    ),
    ageColumn,
  ],
});

const namespaces = builtIn({
  group: '',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  hasStatus: true,
  nameForm: 'label',
  returnsDeleted: true,
  verbs: allVerbs.filter((verb) => verb !== 'deletecollection'),
  fillDefaults: (object) => ({
    ...withDefaults(object, 'spec', { finalizers: ['kubernetes'] }),
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name ?? '' },
    },
  }),
  prepareCreate: (object) => withDefaults(object, 'status', { phase: 'Active' }),
  columns: [nameColumn, column('Status', text('status', 'phase')), ageColumn],
});

const leases = builtIn({
  group: 'coordination.k8s.io',
  kind: 'Lease',
  plural: 'leases',
  shortNames: [],
  namespaced: true,
  takesUnconditionalUpdate: false,
  createsOnUpdate: true,
  formFault: (object) =>
    microTimeFault(object, [
      ['spec', 'acquireTime'],
      ['spec', 'renewTime'],
    ]),
  columns: [nameColumn, column('Holder', text('spec', 'holderIdentity')), ageColumn],
});

/** Read-only over the API: kinds are registered by the model. */
const customResourceDefinitions = builtIn({
  group: 'apiextensions.k8s.io',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  hasStatus: true,
  hasGeneration: true,
  verbs: ['get', 'list', 'watch'],
  columns: [nameColumn, { ...column('Created At', ({ metadata }) => metadata.creationTimestamp ?? ''), type: 'date' }],
});

export const builtInKinds: readonly ResourceKind[] = [
  persistentVolumes,
  persistentVolumeClaims,
  configMaps,
  namespaces,
  eventKind((definition) => builtIn(definition)),
  leases,
  customResourceDefinitions,
];
