import { isJsonArray, isJsonObject, jsonEqual, type Json, type JsonObject } from './json.ts';
import type { StructuralSchema } from './structural-schema.ts';

/** A path of FieldsV1 elements (`f:name`, `k:{"type":"Ready"}`, `v:"x"`), joined by `separator`. */
export type FieldPath = string;
export type FieldSet = ReadonlySet<FieldPath>;

const separator = '\u0001';

export function isWithin(path: FieldPath, ancestor: FieldPath): boolean {
  return path === ancestor || path.startsWith(ancestor + separator);
}

interface Field {
  /** Absent for a container, whose content is listed by paths of their own. */
  readonly leaf?: Json;
  /** A container that exists by itself: an item of a list, or an entry of a map, rather than a field of a struct. */
  readonly isElement: boolean;
}

/** Every field of an object by path, containers included. */
export type Fields = ReadonlyMap<FieldPath, Field>;

/** Set by the server, or part of the address: nobody owns them. */
const unowned: ReadonlySet<string> = new Set(
  'name namespace creationTimestamp uid generation resourceVersion managedFields selfLink deletionTimestamp deletionGracePeriodSeconds'
    .split(' ')
    .map((name) => `f:metadata${separator}f:${name}`),
);

const noSchema = undefined;
type Schema = StructuralSchema | undefined;

export function fieldsOf(object: JsonObject, schema: Schema): Fields {
  const fields = new Map<FieldPath, Field>();
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined || name === 'apiVersion' || name === 'kind') continue;
    if (name === 'metadata') collectMetadata(value, fields);
    else collect(value, schema?.properties.get(name), `f:${name}`, false, fields);
  }
  return fields;
}

function collectMetadata(metadata: Json, fields: Map<FieldPath, Field>): void {
  if (!isJsonObject(metadata)) return;
  for (const [name, value] of Object.entries(metadata)) {
    const path = `f:metadata${separator}f:${name}`;
    if (value === undefined || unowned.has(path)) continue;
    collect(value, metadataSchemas[name], path, false, fields);
  }
}

const plain: StructuralSchema = {
  nullable: false,
  properties: new Map(),
  required: [],
  exclusiveMinimum: false,
  exclusiveMaximum: false,
  preserveUnknownFields: true,
  intOrString: false,
  listType: 'atomic',
  listMapKeys: [],
  mapType: 'granular',
  rules: [],
};

const metadataSchemas: Readonly<Record<string, StructuralSchema>> = {
  finalizers: { ...plain, type: 'array', listType: 'set' },
  ownerReferences: {
    ...plain,
    type: 'array',
    listType: 'map',
    listMapKeys: ['uid'],
    items: { ...plain, type: 'object', mapType: 'atomic' },
  },
};

/** The schema of `status.conditions` of the built-in kinds, whose other lists are replaced as a whole. */
export const builtInSchema: StructuralSchema = {
  ...plain,
  properties: new Map([
    [
      'status',
      {
        ...plain,
        properties: new Map([
          ['conditions', { ...plain, type: 'array', listType: 'map', listMapKeys: ['type'], items: plain }],
        ]),
      },
    ],
  ]),
};

function collect(
  value: Json,
  schema: Schema,
  path: FieldPath,
  isElement: boolean,
  fields: Map<FieldPath, Field>,
): void {
  if (isJsonArray(value) && schema !== undefined && schema.listType !== 'atomic') {
    fields.set(path, { isElement });
    for (const item of value) {
      const element = itemElement(item, schema);
      collect(item, schema.items, `${path}${separator}${element}`, true, fields);
    }
    return;
  }
  if (!isJsonObject(value) || schema?.mapType === 'atomic' || Object.keys(value).length === 0) {
    fields.set(path, { leaf: value, isElement });
    return;
  }
  fields.set(path, { isElement });
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const property = schema?.properties.get(name);
    const isEntry = property === undefined && schema?.additionalProperties !== undefined;
    collect(member, property ?? schema?.additionalProperties, `${path}${separator}f:${name}`, isEntry, fields);
  }
}

function itemElement(item: Json, schema: StructuralSchema): string {
  if (schema.listType === 'set' || !isJsonObject(item)) return `v:${JSON.stringify(item)}`;
  const keys = [...schema.listMapKeys].sort().map((key) => [key, item[key] ?? null] as const);
  return `k:${JSON.stringify(Object.fromEntries(keys))}`;
}

/** What somebody who applies these fields owns: the values and the list items, not the structs around them. */
export function appliedSet(fields: Fields): FieldSet {
  const owned = new Set<FieldPath>();
  for (const [path, field] of fields) if (field.leaf !== undefined || field.isElement) owned.add(path);
  return owned;
}

export interface FieldChanges {
  /** Added, or there with another value. */
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

export function compareFields(before: Fields, after: Fields): FieldChanges {
  const changed = new Set<FieldPath>();
  const removed = new Set<FieldPath>();
  for (const [path, field] of after) {
    const earlier = before.get(path);
    if (earlier === undefined || !jsonEqual(earlier.leaf, field.leaf)) changed.add(path);
  }
  for (const path of before.keys()) if (!after.has(path)) removed.add(path);
  return { changed, removed };
}

type Tree = Map<string, Tree>;

export function encodeFieldSet(set: FieldSet): JsonObject {
  const root: Tree = new Map();
  for (const path of [...set].sort()) {
    let node = root;
    for (const element of path.split(separator)) {
      let child = node.get(element);
      if (child === undefined) node.set(element, (child = new Map()));
      node = child;
    }
  }
  return encodeTree(root, '', set);
}

function encodeTree(tree: Tree, path: FieldPath, set: FieldSet): JsonObject {
  const encoded: Record<string, Json> = {};
  if (tree.size > 0 && set.has(path)) encoded['.'] = {};
  for (const [element, child] of tree) {
    encoded[element] = encodeTree(child, path === '' ? element : `${path}${separator}${element}`, set);
  }
  return encoded;
}

export function decodeFieldSet(encoded: JsonObject): FieldSet {
  const set = new Set<FieldPath>();
  const decode = (node: Json | undefined, path: FieldPath): void => {
    if (!isJsonObject(node)) return;
    const elements = Object.keys(node);
    if (path !== '' && (elements.length === 0 || node['.'] !== undefined)) set.add(path);
    for (const element of elements) {
      if (element !== '.') decode(node[element], path === '' ? element : `${path}${separator}${element}`);
    }
  };
  decode(encoded, '');
  return set;
}

/** As conflicts name a field: `.status.conditions[type="Ready"].status`. */
export function describePath(path: FieldPath): string {
  return path
    .split(separator)
    .map((element) => {
      const text = element.slice(2);
      if (element.startsWith('f:')) return `.${text}`;
      if (element.startsWith('v:')) return `[=${text}]`;
      const keys = JSON.parse(text) as Record<string, Json>;
      return `[${Object.entries(keys)
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');
}

/** The paths above this one, the nearest first. */
export function ancestors(path: FieldPath): FieldPath[] {
  const elements = path.split(separator);
  return elements.slice(1).map((_, index) => elements.slice(0, elements.length - 1 - index).join(separator));
}

/** The object without what is at the path, and the schema-aware merge below, treat lists by their keys. */
export function removeField(value: JsonObject, path: FieldPath, onlyIfEmpty: boolean): JsonObject {
  return removeElement(value, path.split(separator), onlyIfEmpty) as JsonObject;
}

function removeElement(value: Json, elements: readonly string[], onlyIfEmpty: boolean): Json {
  const [element, ...rest] = elements;
  if (element === undefined) return value;
  const isRemovable = (child: Json): boolean => rest.length === 0 && (!onlyIfEmpty || isEmpty(child));
  if (isJsonArray(value)) {
    const index = value.findIndex((item) => matchesElement(item, element));
    const child = value[index];
    if (child === undefined) return value;
    return isRemovable(child) ? value.toSpliced(index, 1) : value.with(index, removeElement(child, rest, onlyIfEmpty));
  }
  if (!isJsonObject(value)) return value;
  const name = element.slice(2);
  const child = value[name];
  if (child === undefined) return value;
  if (!isRemovable(child)) return { ...value, [name]: removeElement(child, rest, onlyIfEmpty) };
  return Object.fromEntries(Object.entries(value).filter(([member]) => member !== name));
}

function isEmpty(value: Json): boolean {
  if (isJsonArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

function matchesElement(item: Json, element: string): boolean {
  const wanted = JSON.parse(element.slice(2)) as Json;
  if (element.startsWith('v:')) return jsonEqual(item, wanted);
  return (
    isJsonObject(item) && isJsonObject(wanted) && Object.keys(wanted).every((key) => jsonEqual(item[key], wanted[key]))
  );
}

/** Lays an applied configuration over an object: structs and maps merge, lists by their type. */
export function mergeApplied(live: JsonObject, applied: JsonObject, schema: Schema): JsonObject {
  const merged: Record<string, Json | undefined> = { ...live };
  for (const [name, value] of Object.entries(applied)) {
    if (value === undefined) continue;
    if (name === 'metadata' && isJsonObject(value) && isJsonObject(live['metadata'])) {
      const metadata: Record<string, Json | undefined> = { ...live['metadata'] };
      for (const [member, content] of Object.entries(value)) {
        if (content === undefined || unowned.has(`f:metadata${separator}f:${member}`)) continue;
        metadata[member] = mergeValue(metadata[member], content, metadataSchemas[member]);
      }
      merged[name] = metadata;
    } else {
      merged[name] = mergeValue(live[name], value, schema?.properties.get(name) ?? noSchema);
    }
  }
  return merged;
}

function mergeValue(live: Json | undefined, applied: Json, schema: Schema): Json {
  if (isJsonArray(applied) && isJsonArray(live) && schema !== undefined && schema.listType !== 'atomic') {
    const merged = [...live];
    for (const item of applied) {
      const element = itemElement(item, schema);
      const index = merged.findIndex((existing) => itemElement(existing, schema) === element);
      if (index < 0) merged.push(item);
      else merged[index] = mergeValue(merged[index], item, schema.items);
    }
    return merged;
  }
  if (!isJsonObject(applied) || !isJsonObject(live) || schema?.mapType === 'atomic') return applied;
  const merged: Record<string, Json | undefined> = { ...live };
  for (const [name, value] of Object.entries(applied)) {
    if (value === undefined) continue;
    merged[name] = mergeValue(live[name], value, schema?.properties.get(name) ?? schema?.additionalProperties);
  }
  return merged;
}
