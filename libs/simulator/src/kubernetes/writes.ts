import type { Clock } from '@couchestor/shared/clock';
import { alreadyExists, ApiError, badRequest, conflict, invalid, notFound, type ErrorSubject } from './api-error.ts';
import {
  decodeObject,
  keepServerMetadata,
  reportUnknownFields,
  validateObject,
  type FieldValidation,
} from './decoding.ts';
import { builtInSchema } from './field-set.ts';
import { definedKeys, jsonEqual, type JsonObject } from './json.ts';
import { timestamp, type KubeObject, type ManagedFieldsEntry } from './kube-object.ts';
import { ownAfterUpdate, type Writer } from './managed-fields.ts';
import type { ObjectStore, ObjectTable } from './object-store.ts';
import { createNames, type Names } from './names.ts';
import type { ResourceKind } from './resource-kind.ts';
import { apiVersionOf } from './resource-kind.ts';
import type { Target } from './route.ts';
import type { StructuralSchema } from './structural-schema.ts';

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
}

export interface Written {
  readonly object: KubeObject;
  readonly isNew: boolean;
  readonly warnings: readonly string[];
}

interface Preconditions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

export interface ObjectWriter {
  readonly create: (target: Target, raw: JsonObject, options: WriteOptions) => Written;
  readonly update: (target: Target, raw: JsonObject, options: WriteOptions) => Written;
  /** Stores what a patch made of the live object. `managedFields` is given where apply has settled them. */
  readonly replace: (
    target: Target,
    live: KubeObject,
    raw: JsonObject,
    options: WriteOptions,
    managedFields?: readonly ManagedFieldsEntry[],
  ) => Written;
  readonly createApplied: (
    target: Target,
    raw: JsonObject,
    options: WriteOptions,
    managedFields: readonly ManagedFieldsEntry[],
  ) => Written;
  /** Removes the object, or marks it where finalizers hold it; tells which. */
  readonly remove: (
    target: Target,
    live: KubeObject,
    options: { readonly dryRun: boolean; readonly preconditions: Preconditions },
  ) => { readonly object: KubeObject; readonly isGone: boolean };
  readonly writerOf: (target: Target, options: WriteOptions) => Writer;
}

/** How error bodies name the object of a request: by the plural. */
export function subjectOf(target: Target, name = target.name ?? ''): ErrorSubject {
  return { group: target.served.group, kind: target.kind.plural, name };
}

export function schemaOf(target: Target): StructuralSchema {
  return target.served.schema ?? builtInSchema;
}

/** The live object; throws 404. */
export function requireObject(table: ObjectTable, target: Target): KubeObject {
  const live = table.get(target.namespace, target.name ?? '');
  const isStatus = target.subresource === 'status' && target.kind.hasStatus;
  if (live === undefined || (target.subresource !== undefined && !isStatus)) throw notFound(subjectOf(target));
  return live;
}

export function createObjectWriter(
  store: ObjectStore,
  clock: Clock,
  random: () => number,
  namespaceKind: ResourceKind,
): ObjectWriter {
  const names: Names = createNames(random);

  const writerOf = (target: Target, options: WriteOptions): Writer => ({
    manager: options.fieldManager,
    apiVersion: apiVersionOf(target.served),
    subresource: target.subresource,
    time: timestamp(clock.nowMs()),
  });

  const create = (
    target: Target,
    raw: JsonObject,
    options: WriteOptions,
    managedFields?: readonly ManagedFieldsEntry[],
  ): Written => {
    const { kind } = target;
    const decoded = decodeObject(raw, target);
    const warnings = reportUnknownFields(decoded.unknownFields, options.fieldValidation, target);
    const placed = place(decoded.object, target);
    if (kind.namespaced && store.table(namespaceKind).get(undefined, target.namespace ?? '') === undefined) {
      throw notFound({ group: '', kind: 'namespaces', name: target.namespace ?? '' });
    }
    const started = startLife(placed, kind, names, timestamp(clock.nowMs()));
    const prepared = kind.prepareCreate?.(started) ?? started;
    const named = subjectOf(target, prepared.metadata.name ?? '');
    validateObject(target, prepared, undefined);
    const table = store.table(kind);
    if (table.get(target.namespace, named.name) !== undefined) throw alreadyExists(named);
    const owned =
      managedFields ?? ownAfterUpdate(undefined, prepared, schemaOf(target), writerOf(target, options)) ?? [];
    const object = withManagedFields(prepared, owned);
    expireOld(table, kind, clock.nowMs());
    return { object: options.dryRun ? object : table.put(object), isNew: true, warnings };
  };

  const replace: ObjectWriter['replace'] = (target, live, raw, options, managedFields) => {
    const decoded = decodeObject(raw, target);
    const warnings = reportUnknownFields(decoded.unknownFields, options.fieldValidation, target);
    const table = store.table(target.kind);
    const next = limitToEndpoint(decoded.object, live, target);
    const settled = managedFields ?? clearedOrKept(decoded.object, live, next, target, writerOf(target, options));
    const candidate = settled === undefined ? next : withManagedFields(next, settled);
    validateObject(target, candidate, live);
    if (candidate.metadata.deletionTimestamp !== undefined && (candidate.metadata.finalizers ?? []).length === 0) {
      if (!options.dryRun) table.remove(candidate);
      return { object: candidate, isNew: false, warnings };
    }
    if (jsonEqual(candidate, live)) return { object: live, isNew: false, warnings };
    return { object: options.dryRun ? candidate : table.put(candidate), isNew: false, warnings };
  };

  return {
    writerOf,
    create: (target, raw, options) => create(target, raw, options),
    createApplied: (target, raw, options, managedFields) => create(target, raw, options, managedFields),
    replace,
    update: (target, raw, options) => {
      const { kind } = target;
      const decoded = decodeObject(raw, target).object;
      const { name } = decoded.metadata;
      if (name !== undefined && name !== target.name) {
        throw badRequest(`the name of the object (${name}) does not match the name on the URL (${target.name ?? ''})`);
      }
      place(decoded, target);
      const isMissing = store.table(kind).get(target.namespace, target.name ?? '') === undefined;
      if (isMissing && kind.createsOnUpdate && target.subresource === undefined) return create(target, raw, options);
      const live = requireObject(store.table(kind), target);
      const { uid, resourceVersion } = decoded.metadata;
      if (uid !== undefined && uid !== live.metadata.uid) {
        throw conflict(
          subjectOf(target),
          `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid ?? ''}`,
        );
      }
      if (resourceVersion === undefined && !kind.takesUnconditionalUpdate) {
        throw invalid(subjectOf(target), [
          {
            field: 'metadata.resourceVersion',
            type: 'FieldValueInvalid',
            shown: '0',
            detail: 'must be specified for an update',
          },
        ]);
      }
      checkRevision(resourceVersion, live, target);
      return replace(target, live, raw, options);
    },
    remove: (target, live, { dryRun, preconditions }) => {
      checkPreconditions(preconditions, live, target);
      const table = store.table(target.kind);
      const { deletionTimestamp, finalizers = [], generation } = live.metadata;
      if (finalizers.length > 0) {
        if (deletionTimestamp !== undefined || dryRun) return { object: live, isGone: false };
        const marked = {
          ...live,
          metadata: {
            ...live.metadata,
            deletionTimestamp: timestamp(clock.nowMs()),
            deletionGracePeriodSeconds: 0,
            ...(generation === undefined ? {} : { generation: generation + 1 }),
          },
        };
        return { object: table.put(marked), isGone: false };
      }
      if (dryRun) return { object: live, isGone: true };
      if (target.kind === namespaceKind) emptyNamespace(store, live.metadata.name ?? '');
      return { object: table.remove(live), isGone: true };
    },
  };
}

/** The object at the address of the request; throws 400 where it names another. */
function place(object: KubeObject, target: Target): KubeObject {
  const { namespace, ...metadata } = object.metadata;
  if (!target.kind.namespaced) return { ...object, metadata };
  if (target.namespace === undefined) throw badRequest('an empty namespace may not be set during creation');
  if (namespace !== undefined && namespace !== target.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  return { ...object, metadata: { ...metadata, namespace: target.namespace } };
}

function startLife(object: KubeObject, kind: ResourceKind, names: Names, now: string): KubeObject {
  const { metadata, ...content } = object;
  const { resourceVersion, name, generateName } = metadata;
  if (resourceVersion !== undefined && resourceVersion !== '') {
    throw new ApiError({ code: 500, message: 'resourceVersion should not be set on objects to be created' });
  }
  const { status, ...withoutStatus } = content;
  const isGenerated = (name === undefined || name === '') && generateName !== undefined && generateName !== '';
  return {
    ...(kind.hasStatus || status === undefined ? withoutStatus : { ...withoutStatus, status }),
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      ...keepServerMetadata(metadata, {}),
      ...(name === undefined ? {} : { name }),
      ...(isGenerated ? { name: names.generate(generateName) } : {}),
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      uid: names.uid(),
      creationTimestamp: now,
      ...(kind.hasGeneration ? { generation: 1 } : {}),
    },
  };
}

/** What the endpoint lets through: the status alone, or everything but the status. */
function limitToEndpoint(sent: KubeObject, live: KubeObject, target: Target): KubeObject {
  if (target.subresource === 'status') return withMember(live, 'status', sent['status']);
  const metadata = keepServerMetadata(sent.metadata, live.metadata);
  const own: KubeObject = { ...sent, metadata };
  const next = target.kind.hasStatus ? withMember(own, 'status', live['status']) : own;
  if (!target.kind.hasGeneration || sameContent(next, live, target.kind)) return next;
  return { ...next, metadata: { ...metadata, generation: (live.metadata.generation ?? 0) + 1 } };
}

function withMember(object: KubeObject, name: string, value: JsonObject[string]): KubeObject {
  const next: Record<string, JsonObject[string]> = { ...object, [name]: value };
  if (value === undefined) delete next[name];
  return next as KubeObject;
}

function sameContent(left: KubeObject, right: KubeObject, { hasStatus }: ResourceKind): boolean {
  const names = new Set([...definedKeys(left), ...definedKeys(right)]);
  names.delete('metadata');
  // A status without an endpoint of its own is content like any other.
  if (hasStatus) names.delete('status');
  return [...names].every((name) => jsonEqual(left[name], right[name]));
}

function withManagedFields(object: KubeObject, managedFields: readonly ManagedFieldsEntry[]): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: managedFields.length === 0 ? metadata : { ...metadata, managedFields } };
}

/** A client that sends an empty list clears the ownership; otherwise it follows from what changed. */
function clearedOrKept(
  sent: KubeObject,
  live: KubeObject,
  next: KubeObject,
  target: Target,
  writer: Writer,
): readonly ManagedFieldsEntry[] | undefined {
  if (sent.metadata.managedFields?.length === 0) return [];
  const settled = ownAfterUpdate(live, next, schemaOf(target), writer, sent.metadata.managedFields);
  return settled ?? live.metadata.managedFields;
}

export function checkRevision(resourceVersion: string | undefined, live: KubeObject, target: Target): void {
  if (resourceVersion === undefined || resourceVersion === '') return;
  if (resourceVersion !== live.metadata.resourceVersion) throw conflict(subjectOf(target));
}

function checkPreconditions({ uid, resourceVersion }: Preconditions, live: KubeObject, target: Target): void {
  const subject = { group: target.served.group, kind: target.kind.kind, name: live.metadata.name ?? '' };
  const refuse = (what: string, asked: string, found: string | undefined): ApiError =>
    conflict(
      subject,
      `the ${what} in the precondition (${asked}) does not match the ${what} in record (${found ?? ''}). The object might have been ${what === 'UID' ? 'deleted and then recreated' : 'modified'}`,
    );
  if (uid !== undefined && uid !== live.metadata.uid) throw refuse('UID', uid, live.metadata.uid);
  if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion) {
    throw refuse('ResourceVersion', resourceVersion, live.metadata.resourceVersion);
  }
}

function emptyNamespace(store: ObjectStore, namespace: string): void {
  for (const table of store.tables()) {
    if (!table.kind.namespaced) continue;
    for (const object of table.snapshot().objects) {
      if (object.metadata.namespace === namespace) table.remove(object);
    }
  }
}

/** Objects with a lifetime go when the next one of their kind comes. */
function expireOld(table: ObjectTable, kind: ResourceKind, nowMs: number): void {
  const { timeToLiveMs } = kind;
  if (timeToLiveMs === undefined) return;
  const oldest = timestamp(nowMs - timeToLiveMs);
  for (const object of table.oldest()) {
    if ((object.metadata.creationTimestamp ?? '') >= oldest) return;
    table.remove(object);
  }
}
