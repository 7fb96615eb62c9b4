import type { KubernetesAccess } from './access.ts';
import { isStatus } from './errors.ts';
import {
  apiVersionOf,
  collectionPath,
  type KubernetesObject,
  type ObjectName,
  objectPath,
  type Resource,
} from './objects.ts';
import { listObjects } from './paged-list.ts';

/** What is written: identity is added from the resource and the name. */
export type ObjectBody = Readonly<Record<string, unknown>>;

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** 500 by default. */
  readonly pageSize?: number;
  readonly signal?: AbortSignal;
}

export interface ApplyOptions {
  /** `couchestor` by default. */
  readonly fieldManager?: string;
  readonly subresource?: 'status';
  readonly signal?: AbortSignal;
}

export interface PatchOptions {
  readonly subresource?: 'status';
  readonly signal?: AbortSignal;
}

/** Reads and writes of single objects. Every write throws KubernetesStatusError when it is refused. */
export interface KubernetesClient {
  /** Undefined if there is no such object. */
  get<T extends KubernetesObject>(resource: Resource, name: ObjectName, signal?: AbortSignal): Promise<T | undefined>;
  /** All objects, read in pages. */
  list<T extends KubernetesObject>(resource: Resource, options?: ListOptions): Promise<readonly T[]>;
  create<T extends KubernetesObject>(
    resource: Resource,
    name: ObjectName,
    body: ObjectBody,
    signal?: AbortSignal,
  ): Promise<T>;
  /** Server-side apply: afterwards exactly the fields of `body` belong to the field manager, taken from others if need be. */
  apply<T extends KubernetesObject>(
    resource: Resource,
    name: ObjectName,
    body: ObjectBody,
    options?: ApplyOptions,
  ): Promise<T>;
  /** RFC 7386: null removes a field. With `metadata.resourceVersion` in it, it is refused if the object has changed. */
  mergePatch<T extends KubernetesObject>(
    resource: Resource,
    name: ObjectName,
    patch: ObjectBody,
    options?: PatchOptions,
  ): Promise<T>;
  /** Replaces the whole object; refused if `object.metadata.resourceVersion` is no longer the newest. */
  replace<T extends KubernetesObject>(
    resource: Resource,
    object: T,
    options?: PatchOptions & { readonly timeoutMs?: number },
  ): Promise<T>;
  /** False if there was no such object. */
  remove(resource: Resource, name: ObjectName, signal?: AbortSignal): Promise<boolean>;
}

const PAGE_SIZE = 500;
const LIST_ATTEMPTS_MAX = 3;

export function createKubernetesClient(access: KubernetesAccess): KubernetesClient {
  return {
    get: async (resource, name, signal) => {
      try {
        return await access.request({ method: 'GET', path: objectPath(resource, name), ...withSignal(signal) });
      } catch (error) {
        if (isStatus(error, 404)) return undefined;
        throw error;
      }
    },
    list: async <T extends KubernetesObject>(resource: Resource, options: ListOptions = {}) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await listAll<T>(access, resource, options);
        } catch (error) {
          // A list that takes longer than the server keeps its snapshot has to begin anew.
          if (!isStatus(error, 410) || attempt === LIST_ATTEMPTS_MAX) throw error;
        }
      }
    },
    create: (resource, name, body, signal) =>
      access.request({
        method: 'POST',
        path: collectionPath(resource, name.namespace),
        body: identified(resource, name, body),
        ...withSignal(signal),
      }),
    apply: (resource, name, body, { fieldManager = 'couchestor', subresource, signal } = {}) =>
      access.request({
        method: 'PATCH',
        path: objectPath(resource, name, subresource),
        query: { fieldManager, force: true },
        // JSON is YAML, and this content type is the one that every supported version takes.
        contentType: 'application/apply-patch+yaml',
        body: identified(resource, name, body),
        ...withSignal(signal),
      }),
    mergePatch: (resource, name, patch, { subresource, signal } = {}) =>
      access.request({
        method: 'PATCH',
        path: objectPath(resource, name, subresource),
        contentType: 'application/merge-patch+json',
        body: patch,
        ...withSignal(signal),
      }),
    replace: (resource, object, { subresource, signal, timeoutMs } = {}) =>
      access.request({
        method: 'PUT',
        path: objectPath(resource, object.metadata, subresource),
        body: object,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...withSignal(signal),
      }),
    remove: async (resource, name, signal) => {
      try {
        await access.request({ method: 'DELETE', path: objectPath(resource, name), ...withSignal(signal) });
        return true;
      } catch (error) {
        if (isStatus(error, 404)) return false;
        throw error;
      }
    },
  };
}

async function listAll<T extends KubernetesObject>(
  access: KubernetesAccess,
  resource: Resource,
  { namespace, labelSelector, fieldSelector, pageSize = PAGE_SIZE, signal }: ListOptions,
): Promise<readonly T[]> {
  const items: T[] = [];
  const query = { limit: pageSize, labelSelector, fieldSelector };
  for await (const page of listObjects<T>(access, collectionPath(resource, namespace), query, signal)) {
    for (const item of page) items.push(item);
  }
  return items;
}

function identified(resource: Resource, { name, namespace }: ObjectName, body: ObjectBody): ObjectBody {
  const metadata = {
    ...(body['metadata'] as ObjectBody | undefined),
    name,
    ...(namespace === undefined ? {} : { namespace }),
  };
  return { ...body, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
}

function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
