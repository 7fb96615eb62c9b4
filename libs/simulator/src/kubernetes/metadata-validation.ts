import { badRequest, shownValue, type FieldError } from './api-error.ts';
import { isJsonArray, isJsonObject, type JsonObject } from './json.ts';
import type { ObjectMeta } from './kube-object.ts';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const qualifiedPart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const texts = {
  subdomain: `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
  label: `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
  qualifiedPart: `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
  labelValue: `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
};

/** The largest total size of annotations, in bytes. */
const annotationsMaxBytes = 262_144;

const memberTypes: Readonly<Record<string, 'string' | 'number' | 'map' | 'array'>> = {
  name: 'string',
  generateName: 'string',
  namespace: 'string',
  selfLink: 'string',
  uid: 'string',
  resourceVersion: 'string',
  generation: 'number',
  creationTimestamp: 'string',
  deletionTimestamp: 'string',
  deletionGracePeriodSeconds: 'number',
  labels: 'map',
  annotations: 'map',
  ownerReferences: 'array',
  finalizers: 'array',
  managedFields: 'array',
};

/** Keeps the members that metadata has and drops nulls; throws 400 where one has a wrong type. */
export function readMetadata(
  raw: JsonObject,
  kind: string,
  version: string,
): { readonly metadata: ObjectMeta; readonly unknownFields: readonly string[] } {
  const metadata: Record<string, JsonObject[string]> = {};
  const unknownFields: string[] = [];
  for (const [name, value] of Object.entries(raw)) {
    const type = memberTypes[name];
    if (type === undefined) {
      unknownFields.push(`metadata.${name}`);
      continue;
    }
    if (value === undefined || value === null) continue;
    if (!hasType(value, type)) {
      throw badRequest(
        `${kind} in version "${version}" cannot be handled as a ${kind}: json: cannot unmarshal ${goType(value)} into Go struct field ObjectMeta.${name} of type ${type === 'map' ? 'map[string]string' : type}`,
      );
    }
    metadata[name] = value;
  }
  return { metadata, unknownFields };
}

function hasType(value: JsonObject[string], type: 'string' | 'number' | 'map' | 'array'): boolean {
  switch (type) {
    case 'map':
      return isJsonObject(value) && Object.values(value).every((member) => typeof member === 'string');
    case 'array':
      return isJsonArray(value);
    case 'string':
    case 'number':
      return typeof value === type;
  }
}

function goType(value: JsonObject[string]): string {
  if (isJsonArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

export function validateMetadata(
  metadata: ObjectMeta,
  nameForm: 'subdomain' | 'label' | 'path',
  namespaced: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  const wrong = (field: string, value: string, detail: string): void => {
    errors.push({ field: `metadata.${field}`, type: 'FieldValueInvalid', shown: shownValue(value), detail });
  };
  const { name } = metadata;
  if (name === undefined || name === '') {
    errors.push({
      field: 'metadata.name',
      type: 'FieldValueRequired',
      detail: 'name or generateName is required',
    });
  } else {
    for (const detail of nameFaults(name, nameForm)) wrong('name', name, detail);
  }
  if (namespaced && metadata.namespace !== undefined && !label.test(metadata.namespace)) {
    wrong('namespace', metadata.namespace, texts.label);
  }
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (!isQualifiedName(key)) wrong('labels', key, texts.qualifiedPart);
    if (value.length > 63) wrong('labels', value, 'must be no more than 63 bytes');
    else if (!labelValue.test(value)) wrong('labels', value, texts.labelValue);
  }
  let annotationBytes = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    if (!isQualifiedName(key.toLowerCase())) wrong('annotations', key, texts.qualifiedPart);
    annotationBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (annotationBytes > annotationsMaxBytes) {
    errors.push({
      field: 'metadata.annotations',
      type: 'FieldValueTooLong',
      detail: `may not be more than ${annotationsMaxBytes} bytes`,
    });
  }
  for (const finalizer of metadata.finalizers ?? []) {
    if (!isQualifiedName(finalizer)) wrong('finalizers', finalizer, texts.qualifiedPart);
  }
  return errors;
}

function nameFaults(name: string, form: 'subdomain' | 'label' | 'path'): string[] {
  switch (form) {
    case 'subdomain':
      return [
        ...(name.length > 253 ? ['must be no more than 253 bytes'] : []),
        ...(subdomain.test(name) ? [] : [texts.subdomain]),
      ];
    case 'label':
      return [
        ...(name.length > 63 ? ['must be no more than 63 bytes'] : []),
        ...(label.test(name) ? [] : [texts.label]),
      ];
    case 'path':
      return /[/%]/.test(name) || name === '.' || name === '..' ? ["may not contain '/' or '%'"] : [];
  }
}

/** `prefix/name` or `name`, as keys of labels and annotations and as finalizers are written. */
function isQualifiedName(key: string): boolean {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  return (
    parts.length <= 2 &&
    name.length <= 63 &&
    qualifiedPart.test(name) &&
    (prefix === undefined || (prefix.length <= 253 && subdomain.test(prefix)))
  );
}
