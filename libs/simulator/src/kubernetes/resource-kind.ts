import type { FieldError } from './api-error.ts';
import type { Json, JsonObject } from './json.ts';
import type { KubeObject } from './kube-object.ts';
import type { MergeKeys } from './patches.ts';
import type { StructuralSchema } from './structural-schema.ts';

export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0 is shown always, 1 with `-o wide`. */
  readonly priority: number;
  readonly cell: (object: KubeObject, nowMs: number) => Json;
}

/** One group and version under which objects of a kind are served. */
export interface ServedVersion {
  readonly group: string;
  readonly version: string;
  readonly columns: readonly TableColumn[];
  /** Absent for built-in kinds, whose content is taken as it comes. */
  readonly schema?: StructuralSchema;
  /** The raw OpenAPI schema, for `kubectl explain` and client-side validation. */
  readonly openApi: JsonObject;
  /** How the stored form and the form of this version differ beyond `apiVersion`. */
  readonly convert?: {
    readonly fromStored: (object: KubeObject) => KubeObject;
    readonly toStored: (object: KubeObject) => KubeObject;
  };
  readonly selectableFields: readonly string[];
}

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** Everything the model knows about a kind; adding one needs no code elsewhere. */
export interface ResourceKind {
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** The preferred one first. */
  readonly versions: readonly ServedVersion[];
  /** `apiVersion` of the stored form. */
  readonly storageApiVersion: string;
  readonly isCustom: boolean;
  readonly hasStatus: boolean;
  /** Whether `metadata.generation` counts changes of what is neither metadata nor a status with its own endpoint. */
  readonly hasGeneration: boolean;
  readonly verbs: readonly Verb[];
  readonly nameForm: 'subdomain' | 'label' | 'path';
  readonly mergeKeys: MergeKeys;
  /** Whether a delete answers with the object instead of a Status. */
  readonly returnsDeleted: boolean;
  /** Whether an update without a resourceVersion is taken. */
  readonly takesUnconditionalUpdate: boolean;
  /** Whether an update of what is not there creates it. */
  readonly createsOnUpdate: boolean;
  /** What is wrong with the form of an object, in the words of the JSON decoder of the real server. */
  readonly formFault?: (object: JsonObject) => string | undefined;
  /** Fills in what every stored object of the kind has, whenever one is decoded. */
  readonly fillDefaults?: (object: KubeObject) => KubeObject;
  /** Fills in what the server sets on create. */
  readonly prepareCreate?: (object: KubeObject) => KubeObject;
  readonly validate?: (object: KubeObject, requested: ServedVersion) => FieldError[];
  /** How long an object is kept, in milliseconds; for ever if absent. */
  readonly timeToLiveMs?: number;
}

export const allVerbs: readonly Verb[] = [
  ...(['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const),
];

export function apiVersionOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The name under which the objects of a kind are stored: stable over versions and groups. */
export function storageName(kind: ResourceKind): string {
  const group = kind.storageApiVersion.includes('/') ? kind.storageApiVersion.split('/')[0] : '';
  return group === '' ? kind.plural : `${kind.plural}.${group}`;
}

/** The object as the requested version shows it; shared with the store where both are the same. */
export function presentAs(object: KubeObject, served: ServedVersion): KubeObject {
  const apiVersion = apiVersionOf(served);
  const converted = served.convert === undefined ? object : served.convert.fromStored(object);
  return converted.apiVersion === apiVersion ? converted : { ...converted, apiVersion };
}
