import { parse as parseYaml } from 'yaml';
import { badRequest, invalid, unsupportedMediaType, type FieldError } from './api-error.ts';
import { isJsonArray, isJsonObject, omit, parseJson, stringAt, type Json, type JsonObject } from './json.ts';
import type { KubeObject, ObjectMeta } from './kube-object.ts';
import { readMetadata, validateMetadata } from './metadata-validation.ts';
import type { KubeRequest } from './request.ts';
import { apiVersionOf, type ServedVersion } from './resource-kind.ts';
import type { Target } from './route.ts';
import { validateAgainstSchema } from './schema-validation.ts';
import { coerce } from './structural-schema.ts';

/** How unknown fields are met: dropped, dropped with a warning, or refused. */
export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface Decoded {
  /** In the stored form, defaults filled in. */
  readonly object: KubeObject;
  readonly unknownFields: readonly string[];
}

/** The body as JSON, or as YAML where the content type says so; throws 400, or 415 for a binary form. */
export function parseBody(request: KubeRequest, target: Target): JsonObject {
  const text = request.body ?? '';
  const contentType = request.headers?.['content-type'] ?? '';
  if (contentType.includes('protobuf') || contentType.includes('cbor')) {
    throw unsupportedMediaType(['application/json', 'application/yaml']);
  }
  const isYaml = contentType.includes('yaml');
  const refuse = (why: string): Error =>
    badRequest(
      `the object provided is unrecognized (must be of type ${target.kind.kind}): couldn't get version/kind; json parse error: ${why} (${text === '' ? '<empty>' : text.slice(0, 100)})`,
    );
  const parsed = parseText(text, isYaml, refuse);
  if (!isJsonObject(parsed)) throw refuse('the body is not an object');
  return parsed;
}

/** YAML is a superset of JSON, and slower to read: it is tried second. */
export function parseText(text: string, isYaml: boolean, refuse: (why: string) => Error): Json {
  try {
    return parseJson(text);
  } catch (error) {
    if (!isYaml) {
      throw refuse(text === '' ? 'unexpected end of JSON input' : error instanceof Error ? error.message : '');
    }
  }
  try {
    // The real server reads YAML 1.1, in which `yes` and `on` are booleans.
    return parseYaml(text, { version: '1.1' }) as Json;
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
}

/** The value without null members; shared where there are none. */
function withoutNulls(value: Json): Json {
  if (isJsonArray(value)) {
    const items = value.map(withoutNulls);
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  if (!isJsonObject(value)) return value;
  const kept: Record<string, Json> = {};
  let isChanged = false;
  for (const [name, member] of Object.entries(value)) {
    const next = member === undefined || member === null ? undefined : withoutNulls(member);
    isChanged ||= next !== member || member === undefined;
    if (next !== undefined) kept[name] = next;
  }
  return isChanged ? kept : value;
}

/**
 * Reads what a client sent into the stored form: address checked, unknown fields dropped, defaults filled in. Throws
 * 400 where it is not an object of this kind and version.
 */
export function decodeObject(raw: JsonObject, target: Target): Decoded {
  const { kind, served } = target;
  const apiVersion = apiVersionOf(served);
  const sent = stringAt(raw, 'apiVersion');
  if (sent !== undefined && sent !== apiVersion) {
    throw badRequest(`the API version in the data (${sent}) does not match the expected API version (${apiVersion})`);
  }
  const sentKind = stringAt(raw, 'kind');
  if (sentKind !== undefined && sentKind !== kind.kind) {
    throw invalid({ group: served.group, kind: sentKind, name: stringAt(raw, 'metadata', 'name') ?? '' }, [
      {
        field: 'kind',
        type: 'FieldValueInvalid',
        shown: JSON.stringify(sentKind),
        detail: `must be ${kind.kind}`,
      },
    ]);
  }
  const rawMetadata = isJsonObject(raw['metadata']) ? raw['metadata'] : {};
  const { metadata, unknownFields } = readMetadata(rawMetadata, kind.kind, served.version);
  const content = omit(raw, 'apiVersion', 'kind', 'metadata');
  const coerced =
    served.schema === undefined ? { value: withoutNulls(content), unknownFields: [] } : coerce(content, served.schema);
  const object = {
    apiVersion,
    kind: kind.kind,
    metadata,
    ...(coerced.value as JsonObject),
  };
  const fault = kind.formFault?.(object);
  if (fault !== undefined) {
    throw badRequest(`${kind.kind} in version "${served.version}" cannot be handled as a ${kind.kind}: ${fault}`);
  }
  const converted = served.convert === undefined ? object : served.convert.toStored(object);
  const stored = kind.fillDefaults?.(converted) ?? converted;
  return {
    object: { ...stored, apiVersion: kind.storageApiVersion },
    unknownFields: [...unknownFields, ...coerced.unknownFields],
  };
}

/** The warnings for dropped fields; throws 400 where the client wants none dropped. */
export function reportUnknownFields(fields: readonly string[], validation: FieldValidation, target: Target): string[] {
  const texts = fields.map((field) => `unknown field "${field}"`);
  switch (validation) {
    case 'Ignore':
      return [];
    case 'Warn':
      return texts;
    case 'Strict': {
      if (texts.length === 0) return [];
      const { kind, served } = target;
      throw badRequest(
        `${kind.kind} in version "${served.version}" cannot be handled as a ${kind.kind}: strict decoding error: ${texts.join(', ')}`,
      );
    }
  }
}

/** Holds an object against everything that its kind demands; throws 422 with all faults. */
export function validateObject(target: Target, object: KubeObject, previous: KubeObject | undefined): void {
  const { kind, served } = target;
  const ofObject: readonly FieldError[] = [
    ...validateMetadata(object.metadata, kind.nameForm, kind.namespaced),
    ...(kind.validate?.(object, served) ?? []),
  ];
  const errors = withSchema(served, object, previous, ofObject);
  if (errors.length === 0) return;
  throw invalid({ group: served.group, kind: kind.kind, name: object.metadata.name ?? '' }, errors);
}

function withSchema(
  served: ServedVersion,
  object: KubeObject,
  previous: KubeObject | undefined,
  earlier: readonly FieldError[],
): readonly FieldError[] {
  return served.schema === undefined ? earlier : validateAgainstSchema(object, served.schema, previous, earlier);
}

const serverMetadata =
  'uid creationTimestamp generation resourceVersion namespace name deletionTimestamp deletionGracePeriodSeconds selfLink'.split(
    ' ',
  );

/** Metadata that only the server sets is taken from the stored object. */
export function keepServerMetadata(metadata: ObjectMeta, live: ObjectMeta): ObjectMeta {
  const kept: Record<string, Json | undefined> = { ...metadata };
  for (const name of serverMetadata) {
    const value = live[name];
    if (value === undefined) delete kept[name];
    else kept[name] = value;
  }
  return kept;
}
