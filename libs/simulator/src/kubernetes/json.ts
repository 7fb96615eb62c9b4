/** JSON as it is stored and sent: never changed in place, so that history, watchers and snapshots may share it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A member that is `undefined` is absent. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isJsonArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Equality of content; the order of members does not count. */
export function jsonEqual(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (isJsonArray(left)) {
    return (
      isJsonArray(right) && left.length === right.length && left.every((item, index) => jsonEqual(item, right[index]))
    );
  }
  if (!isJsonObject(left) || !isJsonObject(right)) return false;
  const leftKeys = definedKeys(left);
  return leftKeys.length === definedKeys(right).length && leftKeys.every((key) => jsonEqual(left[key], right[key]));
}

/** The names of the members that are there. */
export function definedKeys(value: JsonObject): string[] {
  return Object.keys(value).filter((key) => value[key] !== undefined);
}

/** The object without some of its members. */
export function omit(value: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

/** The value at a path of member names, or `undefined` where the path ends early. */
export function valueAt(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let found = value;
  for (const name of path) {
    if (!isJsonObject(found)) return undefined;
    found = found[name];
  }
  return found;
}

export function stringAt(value: Json | undefined, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

/** Reads text as JSON; throws `SyntaxError`. */
export function parseJson(text: string): Json {
  return JSON.parse(text) as Json;
}
