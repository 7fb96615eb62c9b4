import { isJsonArray, isJsonObject, stringAt, type Json, type JsonObject } from './json.ts';

export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
}

/** The part of a CustomResourceDefinition's `openAPIV3Schema` that the model understands, read once. */
export interface StructuralSchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly format?: string;
  readonly nullable: boolean;
  readonly default?: Json;
  readonly properties: ReadonlyMap<string, StructuralSchema>;
  readonly additionalProperties?: StructuralSchema;
  readonly items?: StructuralSchema;
  readonly required: readonly string[];
  readonly enum?: readonly Json[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum: boolean;
  readonly exclusiveMaximum: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: { readonly text: string; readonly expression: RegExp };
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly preserveUnknownFields: boolean;
  readonly intOrString: boolean;
  readonly listType: 'atomic' | 'set' | 'map';
  readonly listMapKeys: readonly string[];
  readonly mapType: 'granular' | 'atomic';
  readonly rules: readonly ValidationRule[];
}

const understood: ReadonlySet<string> = new Set(
  [
    'type format nullable default properties additionalProperties items required enum',
    'minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength pattern',
    'minItems maxItems minProperties maxProperties description title example externalDocs',
    'x-kubernetes-preserve-unknown-fields x-kubernetes-int-or-string x-kubernetes-embedded-resource',
    'x-kubernetes-list-type x-kubernetes-list-map-keys x-kubernetes-map-type x-kubernetes-validations',
  ].flatMap((names) => names.split(' ')),
);

/** Reads a schema; throws on a construct that the model would silently ignore, and on one that no cluster accepts. */
export function readSchema(raw: Json | undefined, path = 'openAPIV3Schema'): StructuralSchema {
  if (!isJsonObject(raw)) throw new TypeError(`${path} is not a schema`);
  const unknown = Object.keys(raw).find((name) => !understood.has(name));
  if (unknown !== undefined) throw new TypeError(`${path}: the model does not understand ${unknown}`);
  const number = (name: string): number | undefined => {
    const value = raw[name];
    return typeof value === 'number' ? value : undefined;
  };
  const strings = (name: string): string[] => {
    const value = raw[name];
    return isJsonArray(value) ? value.filter((item) => typeof item === 'string') : [];
  };
  const properties = new Map<string, StructuralSchema>();
  if (isJsonObject(raw['properties'])) {
    for (const [name, property] of Object.entries(raw['properties'])) {
      properties.set(name, readSchema(property, `${path}.${name}`));
    }
  }
  const additional = raw['additionalProperties'];
  const pattern = stringAt(raw, 'pattern');
  const listType = stringAt(raw, 'x-kubernetes-list-type');
  return {
    ...given('type', stringAt(raw, 'type') as StructuralSchema['type']),
    ...given('format', stringAt(raw, 'format')),
    nullable: raw['nullable'] === true,
    ...given('default', raw['default']),
    properties,
    ...given('additionalProperties', isJsonObject(additional) ? readSchema(additional, `${path}.*`) : undefined),
    ...given('items', raw['items'] === undefined ? undefined : readSchema(raw['items'], `${path}[]`)),
    required: strings('required'),
    ...given('enum', isJsonArray(raw['enum']) ? raw['enum'] : undefined),
    ...given('minimum', number('minimum')),
    ...given('maximum', number('maximum')),
    exclusiveMinimum: raw['exclusiveMinimum'] === true,
    exclusiveMaximum: raw['exclusiveMaximum'] === true,
    ...given('minLength', number('minLength')),
    ...given('maxLength', number('maxLength')),
    ...given('pattern', pattern === undefined ? undefined : { text: pattern, expression: new RegExp(pattern) }),
    ...given('minItems', number('minItems')),
    ...given('maxItems', number('maxItems')),
    ...given('minProperties', number('minProperties')),
    ...given('maxProperties', number('maxProperties')),
    preserveUnknownFields: raw['x-kubernetes-preserve-unknown-fields'] === true || additional === true,
    intOrString: raw['x-kubernetes-int-or-string'] === true,
    listType: listType === 'set' || listType === 'map' ? listType : 'atomic',
    listMapKeys: strings('x-kubernetes-list-map-keys'),
    mapType: stringAt(raw, 'x-kubernetes-map-type') === 'atomic' ? 'atomic' : 'granular',
    rules: isJsonArray(raw['x-kubernetes-validations']) ? raw['x-kubernetes-validations'].map(readRule) : [],
  };
}

function given<Name extends string, Value>(name: Name, value: Value | undefined): { readonly [key in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [key in Name]?: Value };
}

function readRule(raw: Json): ValidationRule {
  const rule = stringAt(raw, 'rule');
  if (rule === undefined) throw new TypeError('an entry of x-kubernetes-validations has no rule');
  return {
    rule,
    ...given('message', stringAt(raw, 'message')),
    ...given('messageExpression', stringAt(raw, 'messageExpression')),
    ...given('reason', stringAt(raw, 'reason')),
    ...given('fieldPath', stringAt(raw, 'fieldPath')),
  };
}

export interface Coerced {
  readonly value: Json;
  /** Paths of fields that the schema does not know, which were dropped. */
  readonly unknownFields: readonly string[];
}

/**
 * Drops unknown fields and nulls that are not allowed, then fills in defaults, as the API server does whenever it
 * decodes an object. The value is shared where nothing changed.
 */
export function coerce(value: Json, schema: StructuralSchema, path = ''): Coerced {
  const unknownFields: string[] = [];
  return { value: coerceNode(value, schema, path, unknownFields), unknownFields };
}

function coerceNode(value: Json, schema: StructuralSchema, path: string, unknown: string[]): Json {
  if (isJsonArray(value)) {
    const { items } = schema;
    return items === undefined
      ? value
      : value.map((item, index) => coerceNode(item, items, `${path}[${index}]`, unknown));
  }
  if (!isJsonObject(value) || (schema.type !== undefined && schema.type !== 'object')) return value;
  return coerceObject(value, schema, path, unknown);
}

function coerceObject(value: JsonObject, schema: StructuralSchema, path: string, unknown: string[]): JsonObject {
  const result: Record<string, Json> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const memberPath = path === '' ? name : `${path}.${name}`;
    const memberSchema = schema.properties.get(name) ?? schema.additionalProperties;
    if (memberSchema === undefined) {
      if (schema.preserveUnknownFields || schema.type === undefined) result[name] = member;
      else unknown.push(memberPath);
      continue;
    }
    if (member === null && !memberSchema.nullable) continue;
    result[name] = coerceNode(member, memberSchema, memberPath, unknown);
  }
  for (const [name, property] of schema.properties) {
    if (result[name] === undefined && property.default !== undefined) {
      result[name] = coerceNode(property.default, property, path, []);
    }
  }
  return result;
}
