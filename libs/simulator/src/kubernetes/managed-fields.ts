import { applyConflict } from './api-error.ts';
import {
  ancestors,
  appliedSet,
  compareFields,
  decodeFieldSet,
  describePath,
  encodeFieldSet,
  fieldsOf,
  isWithin,
  mergeApplied,
  removeField,
  type FieldSet,
} from './field-set.ts';
import { isJsonObject, jsonEqual, omit, type JsonObject } from './json.ts';
import type { ManagedFieldsEntry } from './kube-object.ts';
import type { StructuralSchema } from './structural-schema.ts';

/** Who writes, through which version and endpoint, and when. */
export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  readonly time: string;
}

interface Owner {
  /** As it was written last; `fields` is what it says now. */
  readonly entry: ManagedFieldsEntry;
  readonly fields: FieldSet;
}

type Entries = readonly ManagedFieldsEntry[];

function managedFieldsOf(object: JsonObject | undefined): Entries | undefined {
  const metadata = object?.['metadata'];
  return isJsonObject(metadata) ? (metadata['managedFields'] as Entries | undefined) : undefined;
}

function readOwners(entries: Entries): Owner[] {
  return entries.map((entry) => ({ entry, fields: decodeFieldSet(entry.fieldsV1) }));
}

/** The entries as they were, if nothing changed in them; time is that of the last change. */
function writeOwners(owners: readonly Owner[], before: Entries): Entries {
  const entries = owners
    .filter(({ fields }) => fields.size > 0)
    .map(({ entry, fields }) => ({ ...entry, fieldsV1: encodeFieldSet(fields) }))
    .sort(
      (left, right) =>
        compareText(left.operation, right.operation) ||
        compareText(left.time, right.time) ||
        compareText(left.manager, right.manager),
    );
  const isSame = jsonEqual(
    entries.map((entry) => omit(entry, 'time')),
    before.map((entry) => omit(entry, 'time')),
  );
  return isSame ? before : entries;
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function entryOf(writer: Writer, operation: 'Apply' | 'Update'): Owner['entry'] {
  return {
    manager: writer.manager,
    operation,
    apiVersion: writer.apiVersion,
    time: writer.time,
    fieldsType: 'FieldsV1',
    fieldsV1: {},
    ...(writer.subresource === undefined ? {} : { subresource: writer.subresource }),
  };
}

function isOwn(owner: Owner, writer: Writer, operation: 'Apply' | 'Update'): boolean {
  const { entry } = owner;
  return (
    entry.manager === writer.manager &&
    entry.operation === operation &&
    entry.subresource === writer.subresource &&
    (operation === 'Apply' || entry.apiVersion === writer.apiVersion)
  );
}

function without(set: FieldSet, ...others: readonly FieldSet[]): FieldSet {
  return others.reduce<FieldSet>((rest, other) => rest.difference(other), set);
}

/**
 * Ownership after a create, update or patch: what the writer changed is the writer's. `undefined` for a stored object
 * that nobody's ownership is known of, for only apply begins to track those. `sent` are the entries that a client wrote
 * itself, as kubectl does when it hands fields over from client-side to server-side apply.
 */
export function ownAfterUpdate(
  live: JsonObject | undefined,
  next: JsonObject,
  schema: StructuralSchema,
  writer: Writer,
  sent?: Entries,
): Entries | undefined {
  const stored = managedFieldsOf(live);
  const before = sent ?? stored;
  if (live !== undefined && before === undefined) return undefined;
  const { changed, removed } = compareFields(fieldsOf(live ?? {}, schema), fieldsOf(next, schema));
  const owners = readOwners(before ?? []).map((owner) =>
    isOwn(owner, writer, 'Update')
      ? changedOwner(owner, without(owner.fields.union(changed), removed), writer)
      : { ...owner, fields: without(owner.fields, changed, removed) },
  );
  if (!owners.some((owner) => isOwn(owner, writer, 'Update'))) {
    owners.push({ entry: entryOf(writer, 'Update'), fields: changed });
  }
  return writeOwners(owners, stored ?? []);
}

function changedOwner(owner: Owner, fields: FieldSet, writer: Writer): Owner {
  const isSame = fields.size === owner.fields.size && fields.isSubsetOf(owner.fields);
  return isSame ? owner : { entry: { ...owner.entry, time: writer.time }, fields };
}

/**
 * Server-side apply: lays `config` over the stored object, removes what this manager applied before, no longer does and
 * nobody else owns, and throws 409 where a field that changes is another's, unless `force`.
 */
export function applyConfiguration(
  live: JsonObject,
  config: JsonObject,
  schema: StructuralSchema,
  writer: Writer,
  options: { readonly force: boolean; readonly isStored: boolean },
): { readonly object: JsonObject; readonly managedFields: Entries } {
  const before = managedFieldsOf(live);
  const owners =
    before === undefined && options.isStored ? [ownerBeforeFirstApply(live, schema, writer)] : readOwners(before ?? []);
  const own = owners.find((owner) => isOwn(owner, writer, 'Apply'));
  const others = owners.filter((owner) => owner !== own);
  const applied = appliedSet(fieldsOf(config, schema));
  const merged = prune(mergeApplied(live, config, schema), own?.fields ?? new Set(), [
    applied,
    ...others.map(({ fields }) => fields),
  ]);
  const { changed, removed } = compareFields(fieldsOf(live, schema), fieldsOf(merged, schema));
  const conflicts = others.flatMap((owner) =>
    [...owner.fields.intersection(changed)].map((path) => ({ with: describeOwner(owner), field: describePath(path) })),
  );
  if (conflicts.length > 0 && !options.force) throw applyConflict(conflicts);
  const next: Owner[] = [
    ...others.map((owner) => ({ ...owner, fields: without(owner.fields, changed, removed) })),
    changedOwner(own ?? { entry: entryOf(writer, 'Apply'), fields: new Set() }, applied, writer),
  ];
  return { object: merged, managedFields: writeOwners(next, before ?? []) };
}

function ownerBeforeFirstApply(live: JsonObject, schema: StructuralSchema, writer: Writer): Owner {
  return {
    entry: entryOf({ ...writer, manager: 'before-first-apply', subresource: undefined }, 'Update'),
    fields: compareFields(new Map(), fieldsOf(live, schema)).changed,
  };
}

function prune(merged: JsonObject, appliedBefore: FieldSet, owned: readonly FieldSet[]): JsonObject {
  const isOwned = (path: string): boolean =>
    owned.some((set) => set.has(path) || [...set].some((candidate) => isWithin(candidate, path)));
  let pruned = merged;
  for (const path of appliedBefore) {
    if (isOwned(path)) continue;
    pruned = removeField(pruned, path, false);
    for (const ancestor of ancestors(path)) {
      if (isOwned(ancestor) || ancestor === 'f:metadata') break;
      pruned = removeField(pruned, ancestor, true);
    }
  }
  return pruned;
}

function describeOwner({ entry }: Owner): string {
  const through = entry.subresource === undefined ? '' : ` with subresource "${entry.subresource}"`;
  const version = entry.operation === 'Update' ? ` using ${entry.apiVersion}` : '';
  return `"${entry.manager}"${through}${version}`;
}
