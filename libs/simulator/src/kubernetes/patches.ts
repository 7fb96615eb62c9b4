import { ApiError } from './api-error.ts';
import { isJsonArray, isJsonObject, jsonEqual, stringAt, type Json, type JsonObject } from './json.ts';

/** RFC 7396: members of the patch replace those of the target, null removes. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, Json> = {};
  if (isJsonObject(target)) {
    for (const [name, value] of Object.entries(target)) if (value !== undefined) result[name] = value;
  }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else if (value !== undefined) result[name] = mergePatch(result[name], value);
  }
  return result;
}

/** The members by which a strategic merge patch tells the items of a list apart, by the path of the list. */
export type MergeKeys = Readonly<Record<string, string>>;

/**
 * Kubernetes' strategic merge patch as far as the kinds served here need it: maps merge, null removes, lists with a
 * known merge key merge by it (`$patch: delete` removes an item), finalizers are a set, other lists are replaced;
 * `$patch: replace` and `$retainKeys` are not supported.
 */
export function strategicMergePatch(target: Json | undefined, patch: Json, keys: MergeKeys, path = ''): Json {
  if (isJsonArray(patch)) return mergeLists(isJsonArray(target) ? target : [], patch, keys, path);
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, Json> = {};
  if (isJsonObject(target)) {
    for (const [name, value] of Object.entries(target)) if (value !== undefined) result[name] = value;
  }
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$setElementOrder/')) continue;
    if (name.startsWith('$deleteFromPrimitiveList/')) {
      const list = name.slice('$deleteFromPrimitiveList/'.length);
      const removed = isJsonArray(value) ? value : [];
      const kept = result[list];
      if (isJsonArray(kept)) result[list] = kept.filter((item) => !removed.some((gone) => jsonEqual(item, gone)));
      continue;
    }
    if (value === null) delete result[name];
    else if (value !== undefined) {
      result[name] = strategicMergePatch(result[name], value, keys, path === '' ? name : `${path}.${name}`);
    }
  }
  return result;
}

function mergeLists(target: readonly Json[], patch: readonly Json[], keys: MergeKeys, path: string): Json {
  if (path === 'metadata.finalizers') return [...new Set([...target, ...patch])];
  const key = keys[path];
  if (key === undefined) return patch;
  const result = [...target];
  for (const item of patch) {
    if (!isJsonObject(item)) continue;
    const index = result.findIndex((existing) => isJsonObject(existing) && jsonEqual(existing[key], item[key]));
    if (item['$patch'] === 'delete') {
      if (index >= 0) result.splice(index, 1);
    } else if (index >= 0) {
      result[index] = strategicMergePatch(result[index], item, keys, `${path}[]`);
    } else {
      result.push(item);
    }
  }
  return result;
}

/** RFC 6902; an operation that fails, `test` included, refuses the whole patch with 422. */
export function jsonPatch(target: Json, operations: Json): Json {
  if (!isJsonArray(operations)) throw unprocessable();
  let result = target;
  for (const operation of operations) {
    if (!isJsonObject(operation)) throw unprocessable();
    result = applyOperation(result, operation);
  }
  return result;
}

function unprocessable(): ApiError {
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
    details: {},
  });
}

function applyOperation(document: Json, operation: JsonObject): Json {
  const path = pointer(stringAt(operation, 'path'));
  const { value } = operation;
  const op = stringAt(operation, 'op') ?? '';
  switch (op) {
    case 'add':
      if (value === undefined) throw unprocessable();
      return setAt(document, path, value, 'add');
    case 'replace':
      if (value === undefined || read(document, path) === undefined) throw unprocessable();
      return setAt(document, path, value, 'replace');
    case 'remove':
      return removeAt(document, path);
    case 'test':
      if (!jsonEqual(read(document, path) ?? null, value ?? null)) throw unprocessable();
      return document;
    case 'move':
    case 'copy': {
      const from = pointer(stringAt(operation, 'from'));
      const moved = read(document, from);
      if (moved === undefined) throw unprocessable();
      return setAt(op === 'move' ? removeAt(document, from) : document, path, moved, 'add');
    }
    default:
      throw unprocessable();
  }
}

function pointer(text: string | undefined): readonly string[] {
  if (text === undefined || (text !== '' && !text.startsWith('/'))) throw unprocessable();
  return text
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(document: Json, path: readonly string[]): Json | undefined {
  let found: Json | undefined = document;
  for (const part of path) {
    if (isJsonArray(found)) found = found[Number(part)];
    else if (isJsonObject(found)) found = found[part];
    else return undefined;
  }
  return found;
}

function setAt(document: Json, path: readonly string[], value: Json, mode: 'add' | 'replace'): Json {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (isJsonArray(document)) {
    const index = first === '-' ? document.length : Number(first);
    if (!Number.isInteger(index) || index < 0 || index > document.length) throw unprocessable();
    const copy = [...document];
    const existing = copy[index];
    if (rest.length > 0) {
      if (existing === undefined) throw unprocessable();
      copy[index] = setAt(existing, rest, value, mode);
    } else if (mode === 'add') copy.splice(index, 0, value);
    else copy[index] = value;
    return copy;
  }
  if (!isJsonObject(document)) throw unprocessable();
  const child = document[first];
  if (rest.length === 0) return { ...document, [first]: value };
  if (child === undefined) throw unprocessable();
  return { ...document, [first]: setAt(child, rest, value, mode) };
}

function removeAt(document: Json, path: readonly string[]): Json {
  const [first, ...rest] = path;
  if (first === undefined || read(document, path) === undefined) throw unprocessable();
  if (isJsonArray(document)) {
    const index = Number(first);
    const existing = document[index];
    if (rest.length === 0) return document.toSpliced(index, 1);
    return existing === undefined ? document : document.with(index, removeAt(existing, rest));
  }
  if (!isJsonObject(document)) throw unprocessable();
  if (rest.length === 0) return Object.fromEntries(Object.entries(document).filter(([name]) => name !== first));
  const child = document[first];
  return child === undefined ? document : { ...document, [first]: removeAt(child, rest) };
}
