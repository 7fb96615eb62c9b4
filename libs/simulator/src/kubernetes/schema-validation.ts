import { shownValue, type FieldError } from './api-error.ts';
import { celValue, compileRule, hasRules } from './cel-rules.ts';
import { isJsonArray, isJsonObject, jsonEqual, type Json, type JsonObject } from './json.ts';
import type { StructuralSchema, ValidationRule } from './structural-schema.ts';

/**
 * Holds an object against its schema and then against its rules. What is as it was stored (`previous`) is not held
 * against rules that came later; the API server calls that ratcheting.
 */
export function validateAgainstSchema(
  value: JsonObject,
  schema: StructuralSchema,
  previous: JsonObject | undefined,
  earlier: readonly FieldError[],
): FieldError[] {
  const errors = [...earlier];
  checkMembers(value, schema, '', previous, errors);
  if (!hasRules(schema)) return errors;
  if (errors.some(({ type }) => blocking.has(type))) {
    return [
      ...errors,
      {
        field: '<nil>',
        type: 'FieldValueInvalid',
        shown: 'null',
        detail:
          'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
      },
    ];
  }
  checkRules(value, schema, '', previous, errors);
  return errors;
}

/** The faults of one value that stands alone. */
export function validateValue(value: Json, schema: StructuralSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  checkMembers(value, schema, path, undefined, errors);
  checkRules(value, schema, path, undefined, errors);
  return errors;
}

const blocking: ReadonlySet<FieldError['type']> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

/** With `key` for a member that the schema does not name; rules write its path otherwise than bounds do. */
type Member = readonly [
  value: Json,
  schema: StructuralSchema,
  path: string,
  previous: Json | undefined,
  key?: string | undefined,
];

function membersOf(value: Json, schema: StructuralSchema, path: string, previous: Json | undefined): readonly Member[] {
  const { items } = schema;
  if (isJsonArray(value)) {
    if (items === undefined) return [];
    return value.map((item, index) => [item, items, `${path}[${index}]`, previousItem(item, schema, previous)]);
  }
  if (!isJsonObject(value)) return [];
  const members: Member[] = [];
  for (const [name, member] of Object.entries(value)) {
    const named = schema.properties.get(name);
    const memberSchema = named ?? schema.additionalProperties;
    if (member === undefined || memberSchema === undefined || (path === '' && name === 'metadata')) continue;
    const before = isJsonObject(previous) ? previous[name] : undefined;
    const memberPath = path === '' ? name : `${path}.${name}`;
    members.push([member, memberSchema, memberPath, before, named === undefined ? name : undefined]);
  }
  return members;
}

function previousItem(item: Json, schema: StructuralSchema, previous: Json | undefined): Json | undefined {
  if (schema.listType !== 'map' || !isJsonArray(previous) || !isJsonObject(item)) return undefined;
  return previous.find(
    (candidate) => isJsonObject(candidate) && schema.listMapKeys.every((key) => jsonEqual(candidate[key], item[key])),
  );
}

function checkMembers(
  value: Json,
  schema: StructuralSchema,
  path: string,
  previous: Json | undefined,
  errors: FieldError[],
): void {
  if (previous !== undefined && jsonEqual(value, previous)) return;
  const typeFault = typeError(value, schema, path);
  if (typeFault !== undefined) {
    errors.push(typeFault);
    return;
  }
  errors.push(...boundErrors(value, schema, path));
  for (const [member, memberSchema, memberPath, before] of membersOf(value, schema, path, previous)) {
    checkMembers(member, memberSchema, memberPath, before, errors);
  }
}

/** Messages name a field of the status without `status.`, for it is validated on its own. */
function nameInMessage(path: string): string {
  return path.startsWith('status.') ? path.slice('status.'.length) : path;
}

function jsonType(value: Json): string {
  if (value === null) return 'null';
  if (isJsonArray(value)) return 'array';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function typeError(value: Json, schema: StructuralSchema, path: string): FieldError | undefined {
  const found = jsonType(value);
  if (value === null && schema.nullable) return undefined;
  if (schema.intOrString) {
    if (found === 'integer' || found === 'string') return undefined;
  } else if (schema.type === undefined || schema.type === found || (schema.type === 'number' && found === 'integer')) {
    return undefined;
  }
  return {
    field: path,
    type: 'FieldValueTypeInvalid',
    shown: `"${found}"`,
    detail: `${nameInMessage(path)} in body must be of type ${schema.intOrString ? 'integer,string' : String(schema.type)}: "${found}"`,
  };
}

function boundErrors(value: Json, schema: StructuralSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const shown = shownValue(value);
  const should = (detail: string): void => {
    errors.push({ field: path, type: 'FieldValueInvalid', shown, detail: `${nameInMessage(path)} in body ${detail}` });
  };
  if (typeof value === 'string') checkString(value, schema, path, errors, should);
  if (typeof value === 'number') checkNumber(value, schema, should);
  if (isJsonArray(value)) checkArray(value, schema, path, errors, should);
  if (isJsonObject(value)) checkObject(value, schema, path, errors, should);
  if (schema.enum !== undefined && !schema.enum.some((allowed) => jsonEqual(allowed, value))) {
    const detail = `supported values: ${schema.enum.map(shownValue).join(', ')}`;
    errors.push({ field: path, type: 'FieldValueNotSupported', shown, detail });
  }
  return errors;
}

type Should = (detail: string) => void;

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** Of length and pattern the first fault is told, as the real server does. */
function checkString(text: string, schema: StructuralSchema, path: string, errors: FieldError[], should: Should): void {
  const length = Array.from(text).length;
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    errors.push({ field: path, type: 'FieldValueTooLong', detail: `may not be more than ${schema.maxLength} bytes` });
  } else if (schema.minLength !== undefined && length < schema.minLength) {
    should(`should be at least ${schema.minLength} chars long`);
  } else if (schema.pattern !== undefined && !schema.pattern.expression.test(text)) {
    should(`should match '${schema.pattern.text}'`);
  }
  if (schema.format === 'date-time' && (!rfc3339.test(text) || Number.isNaN(Date.parse(text)))) {
    errors.push({
      field: path,
      type: 'FieldValueTypeInvalid',
      shown: shownValue(text),
      detail: `${nameInMessage(path)} in body must be of type date-time: ${shownValue(text)}`,
    });
  }
}

function checkNumber(value: number, schema: StructuralSchema, should: Should): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    should(`should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  }
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    should(`should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  }
}

function checkArray(
  items: readonly Json[],
  schema: StructuralSchema,
  path: string,
  errors: FieldError[],
  should: Should,
): void {
  if (schema.maxItems !== undefined && items.length > schema.maxItems) {
    errors.push(tooMany(path, items.length, schema.maxItems));
  }
  if (schema.minItems !== undefined && items.length < schema.minItems) {
    should(`should have at least ${schema.minItems} items`);
  }
  if (schema.listType === 'atomic') return;
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const identity = JSON.stringify(identityOf(item, schema));
    if (seen.has(identity)) {
      errors.push({ field: `${path}[${index}]`, type: 'FieldValueDuplicate', shown: identity, detail: '' });
    }
    seen.add(identity);
  }
}

function identityOf(item: Json, schema: StructuralSchema): Json {
  if (schema.listType === 'set' || !isJsonObject(item)) return item;
  return Object.fromEntries(schema.listMapKeys.map((key) => [key, item[key] ?? null]));
}

function checkObject(
  value: JsonObject,
  schema: StructuralSchema,
  path: string,
  errors: FieldError[],
  should: Should,
): void {
  const size = Object.keys(value).length;
  if (schema.maxProperties !== undefined && size > schema.maxProperties) {
    errors.push(tooMany(path, size, schema.maxProperties));
  }
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    should(`should have at least ${schema.minProperties} properties`);
  }
  for (const name of schema.required) {
    if (value[name] === undefined) {
      errors.push({ field: path === '' ? name : `${path}.${name}`, type: 'FieldValueRequired', detail: '' });
    }
  }
}

function tooMany(path: string, found: number, allowed: number): FieldError {
  return { field: path, type: 'FieldValueTooMany', shown: String(found), detail: `must have at most ${allowed} items` };
}

function checkRules(
  value: Json,
  schema: StructuralSchema,
  path: string,
  previous: Json | undefined,
  errors: FieldError[],
): void {
  if (previous !== undefined && jsonEqual(value, previous)) return;
  if (schema.rules.length > 0 && value !== null) {
    const self = celValue(value, schema);
    const oldSelf = previous === undefined ? undefined : celValue(previous, schema);
    for (const rule of schema.rules) {
      const fault = ruleFault(rule, self, oldSelf);
      if (fault === undefined) continue;
      errors.push({
        field: fault.atField ? `${path}${rule.fieldPath ?? ''}` : path,
        type: (fault.atField ? (rule.reason as FieldError['type'] | undefined) : undefined) ?? 'FieldValueInvalid',
        shown: `"${schema.type ?? 'object'}"`,
        detail: fault.message,
      });
    }
  }
  for (const [member, memberSchema, memberPath, before, key] of membersOf(value, schema, path, previous)) {
    checkRules(member, memberSchema, key === undefined ? memberPath : `${path}[${key}]`, before, errors);
  }
}

function ruleFault(
  source: ValidationRule,
  self: unknown,
  oldSelf: unknown,
): { readonly message: string; readonly atField: boolean } | undefined {
  const rule = compileRule(source);
  if (rule.isTransition && oldSelf === undefined) return undefined;
  const context = { self, ...(oldSelf === undefined ? {} : { oldSelf }) };
  const fallback = source.message ?? `failed rule: ${source.rule.trim()}`;
  try {
    if (rule.evaluate(context) === true) return undefined;
  } catch (cause) {
    // A rule that cannot be evaluated refuses the object: the API server takes it for failed, too.
    const said = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    const why = said.replace(/^Invalid time zone specified: /, 'unknown time zone ');
    return { message: `${why} evaluating rule: ${fallback}`, atField: false };
  }
  if (rule.message === undefined) return { message: fallback, atField: true };
  try {
    const message = String(rule.message(context));
    // The API server takes no sentence that is empty or has several lines.
    return { message: message.trim() === '' || /[\r\n]/.test(message) ? fallback : message, atField: true };
  } catch {
    return { message: fallback, atField: true };
  }
}
