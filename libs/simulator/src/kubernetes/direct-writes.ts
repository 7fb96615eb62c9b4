import type { Clock } from '@couchestor/shared/clock';
import { decodeObject, keepServerMetadata, validateObject } from './decoding.ts';
import { jsonEqual, omit, type JsonObject } from './json.ts';
import { timestamp, type KubeObject, type KubeObjectInput } from './kube-object.ts';
import { createNames } from './names.ts';
import type { ObjectStore } from './object-store.ts';
import { mergePatch } from './patches.ts';
import { presentAs, type ResourceKind } from './resource-kind.ts';
import type { Target } from './route.ts';

/** Which object; `namespace` for namespaced kinds only. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/**
 * Access for whoever builds the world around the model, who is no client: the whole object is written, status included,
 * nobody becomes owner of its fields, a missing namespace is made, and what is the same as stored is no write.
 */
export interface DirectWriter {
  /** Creates or replaces. `validate: false` stores what the rules refuse, as from before a rule existed. */
  readonly apply: (object: KubeObjectInput, options?: { readonly validate?: boolean }) => KubeObject;
  /** Lays a merge patch over the stored object, status included; throws if it is not there. */
  readonly patch: (reference: ObjectReference, patch: JsonObject) => KubeObject;
  readonly get: (reference: ObjectReference) => KubeObject | undefined;
  readonly list: (apiVersion: string, kind: string) => readonly KubeObject[];
  /** Removes at once, finalizers or not; false if it was not there. */
  readonly remove: (reference: ObjectReference) => boolean;
}

export interface DirectWriterParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: () => number;
  /** Throws for a kind that is not served. */
  readonly requireKind: (apiVersion: string, kind: string) => Target;
  readonly namespaceKind: ResourceKind;
}

export function createDirectWriter(parts: DirectWriterParts): DirectWriter {
  const { store, clock, random, requireKind, namespaceKind } = parts;
  const names = createNames(random);

  const find = ({ apiVersion, kind, name, namespace }: ObjectReference): [Target, KubeObject | undefined] => {
    const target = requireKind(apiVersion, kind);
    return [target, store.table(target.kind).get(namespace, name)];
  };
  const ensureNamespace = (name: string): void => {
    if (store.table(namespaceKind).get(undefined, name) === undefined) {
      writer.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
  };
  const write = (target: Target, raw: JsonObject, validate: boolean): KubeObject => {
    const { kind } = target;
    const decoded = decodeObject(raw, target).object;
    const { name = '', namespace } = decoded.metadata;
    if (kind.namespaced) {
      if (namespace === undefined) throw new TypeError(`${kind.kind} ${name} has no namespace`);
      ensureNamespace(namespace);
    }
    const table = store.table(kind);
    const live = table.get(namespace, name);
    const prepared = live === undefined ? (kind.prepareCreate?.(decoded) ?? decoded) : decoded;
    const metadata =
      live === undefined
        ? {
            ...omit(prepared.metadata, 'resourceVersion'),
            uid: prepared.metadata.uid ?? names.uid(),
            creationTimestamp: prepared.metadata.creationTimestamp ?? timestamp(clock.nowMs()),
            ...(kind.hasGeneration ? { generation: 1 } : {}),
          }
        : keepServerMetadata(prepared.metadata, live.metadata);
    // Who says nothing of the status leaves it as it is.
    const status = prepared['status'] ?? live?.['status'];
    const candidate: KubeObject = { ...prepared, ...(status === undefined ? {} : { status }), metadata };
    if (validate) validateObject(target, candidate, live);
    if (live === undefined) return table.put(candidate);
    if (jsonEqual(candidate, live)) return live;
    const { generation } = live.metadata;
    const apart = kind.hasStatus ? ['metadata', 'status'] : ['metadata'];
    const isSameSpec = jsonEqual(omit(candidate, ...apart), omit(live, ...apart));
    return table.put(
      generation === undefined || isSameSpec
        ? candidate
        : { ...candidate, metadata: { ...candidate.metadata, generation: generation + 1 } },
    );
  };

  const writer: DirectWriter = {
    apply: (object, { validate = true } = {}) => write(requireKind(object.apiVersion, object.kind), object, validate),
    patch: (reference, patch) => {
      const [target, live] = find(reference);
      if (live === undefined) throw new Error(`there is no ${reference.kind} ${reference.name}`);
      return write(target, mergePatch(presentAs(live, target.served), patch) as JsonObject, true);
    },
    get: (reference) => {
      const [target, live] = find(reference);
      return live === undefined ? undefined : presentAs(live, target.served);
    },
    list: (apiVersion, kind) => {
      const target = requireKind(apiVersion, kind);
      return store
        .table(target.kind)
        .snapshot()
        .objects.map((object) => presentAs(object, target.served));
    },
    remove: (reference) => {
      const [target, live] = find(reference);
      if (live !== undefined) store.table(target.kind).remove(live);
      return live !== undefined;
    },
  };
  return writer;
}
