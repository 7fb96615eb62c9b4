import assert from 'node:assert/strict';
import { isJsonArray, isJsonObject, omit, stringAt, valueAt, type Json, type JsonObject } from '../json.ts';
import type { ApiClient, ApiResponse } from './api-client.ts';

/** A behaviour that both servers must show. Its objects carry `name`, which no other case uses. */
export interface ConformanceCase {
  /** A sentence on the behaviour. */
  readonly title: string;
  readonly run: (client: ApiClient, name: string) => Promise<void>;
}

export const policies = '/apis/storage.billyronks.io/v1/storagepolicies';
export const volumes = '/api/v1/persistentvolumes';

export const mergePatch = 'application/merge-patch+json';
export const jsonPatch = 'application/json-patch+json';
export const strategicPatch = 'application/strategic-merge-patch+json';
export const applyPatch = 'application/apply-patch+yaml';
export const asTable = 'application/json;as=Table;g=meta.k8s.io;v=v1';

export const poolSelectors: JsonObject = {
  nvmePoolSelector: { matchLabels: { tier: 'hot' } },
  sataPoolSelector: { matchLabels: { tier: 'cold' } },
};

export function policy(metadata: JsonObject | string, spec: JsonObject = {}, rest: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'storage.billyronks.io/v1',
    kind: 'StoragePolicy',
    metadata: typeof metadata === 'string' ? { name: metadata } : metadata,
    spec: { ...poolSelectors, ...spec },
    ...rest,
  };
}

export function configMap(metadata: JsonObject | string, data: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: typeof metadata === 'string' ? { name: metadata } : metadata,
    data,
  };
}

export function volume(name: string, metadata: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, ...metadata },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'mayastor',
      persistentVolumeReclaimPolicy: 'Delete',
      csi: { driver: 'io.openebs.csi-mayastor', volumeHandle: 'd9bdd1a4-1f2b-4c2e-9a51-3d2f6f0a7c11' },
      claimRef: { namespace: 'default', name: 'data' },
    },
  };
}

/** Sends and demands the status code; the body in the message shows why not. */
export async function expectCode(response: Promise<ApiResponse>, code: number): Promise<ApiResponse> {
  const settled = await response;
  assert.equal(settled.status, code, settled.text.slice(0, 600));
  return settled;
}

export async function create(client: ApiClient, path: string, object: JsonObject): Promise<JsonObject> {
  return (await expectCode(client.send('POST', path, { body: object }), 201)).body;
}

/** Makes a namespace of the case's name; gives the path of its ConfigMaps. */
export async function createNamespace(client: ApiClient, name: string): Promise<string> {
  await create(client, '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return `/api/v1/namespaces/${name}/configmaps`;
}

export function revisionOf(object: JsonObject): string {
  const revision = stringAt(object, 'metadata', 'resourceVersion');
  assert.ok(revision !== undefined, 'the object has no resourceVersion');
  return revision;
}

export function items(list: JsonObject): JsonObject[] {
  const found = list['items'];
  assert.ok(isJsonArray(found), 'the answer is no list');
  return found.filter(isJsonObject);
}

export function namesOf(list: JsonObject): string[] {
  return items(list).map((item) => stringAt(item, 'metadata', 'name') ?? '');
}

/** What a refusal says: its status body, without the order of causes, which the real server does not fix. */
export interface Refusal {
  readonly code: number;
  readonly reason: string | undefined;
  readonly causes: readonly string[];
}

export function refusal({ status, body }: ApiResponse): Refusal {
  const causes = valueAt(body, 'details', 'causes');
  const describe = (cause: Json): string =>
    `${stringAt(cause, 'field') ?? ''} ${stringAt(cause, 'reason') ?? ''}: ${stringAt(cause, 'message') ?? ''}`;
  return {
    code: status,
    reason: stringAt(body, 'reason'),
    causes: isJsonArray(causes) ? causes.map(describe).sort() : [],
  };
}

/** The status body of a refusal with one message and no causes. */
export function failure(code: number, reason: string, message: string, details?: JsonObject): JsonObject {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  };
}

/** The entries of `managedFields` without their times. */
export function managers(object: JsonObject): JsonObject[] {
  const entries = valueAt(object, 'metadata', 'managedFields');
  if (!isJsonArray(entries)) return [];
  return entries.filter(isJsonObject).map((entry) => omit(entry, 'time'));
}
