import { servedIn } from './discovery.ts';
import { isJsonArray, isJsonObject, omit, type Json, type JsonObject } from './json.ts';
import type { ResourceKind, ServedVersion } from './resource-kind.ts';
import type { KindRegistry } from './route.ts';

/** The index of OpenAPI v3 documents: one for each group and version. */
export function openApiIndex(registry: KindRegistry): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const { versions } of registry.kinds) {
    for (const { group, version } of versions) {
      const path = group === '' ? `api/${version}` : `apis/${group}/${version}`;
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}` };
    }
  }
  return { paths };
}

/** The document of one group and version, with what kubectl reads of it: schemas, and which verbs take which options. */
export function openApiDocument(registry: KindRegistry, group: string, version: string): JsonObject | undefined {
  const served = servedIn(registry, group, version);
  if (served.length === 0) return undefined;
  const paths: Record<string, Json> = {};
  const schemas: Record<string, Json> = {};
  for (const entry of served) {
    Object.assign(paths, pathsOf(entry.kind, entry.served));
    schemas[schemaName(entry.kind, entry.served)] = schemaOf(entry.kind, entry.served);
  }
  return {
    openapi: '3.0.0',
    info: { title: 'CoucheStor simulator', version: 'v1.34' },
    paths,
    components: { schemas },
  };
}

function schemaName(kind: ResourceKind, { group, version }: ServedVersion): string {
  const reversed = group === '' ? 'io.k8s.api.core' : group.split('.').reverse().join('.');
  return `${reversed}.${version}.${kind.kind}`;
}

function groupVersionKind(kind: ResourceKind, { group, version }: ServedVersion): JsonObject {
  return { group, version, kind: kind.kind };
}

const metadataSchema: JsonObject = {
  type: 'object',
  description:
    "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
  'x-kubernetes-preserve-unknown-fields': true,
};

function schemaOf(kind: ResourceKind, served: ServedVersion): JsonObject {
  const published = served.schema === undefined ? served.openApi : withoutRules(served.openApi);
  const properties = isJsonObject(published['properties']) ? published['properties'] : {};
  return {
    ...published,
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      ...properties,
      metadata: metadataSchema,
    },
    'x-kubernetes-group-version-kind': [groupVersionKind(kind, served)],
  };
}

/** The rules stay with the server: clients only need the shape. */
function withoutRules(schema: JsonObject): JsonObject {
  const prune = (value: Json | undefined): Json | undefined => {
    if (isJsonArray(value)) return value;
    return isJsonObject(value) ? withoutRules(value) : value;
  };
  return Object.fromEntries(
    Object.entries(omit(schema, 'x-kubernetes-validations')).map(([name, value]) => [name, prune(value)]),
  );
}

const queryParameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force', 'pretty'].map((name) => ({
  name,
  in: 'query',
  schema: { type: 'string' },
}));

function pathsOf(kind: ResourceKind, served: ServedVersion): JsonObject {
  const root = served.group === '' ? `/api/${served.version}` : `/apis/${served.group}/${served.version}`;
  const collection = `${root}${kind.namespaced ? '/namespaces/{namespace}' : ''}/${kind.plural}`;
  const reference = { $ref: `#/components/schemas/${schemaName(kind, served)}` };
  const operation = (action: string, parameters: readonly JsonObject[]): JsonObject => ({
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': groupVersionKind(kind, served),
    parameters,
    responses: { 200: { description: 'OK', content: { 'application/json': { schema: reference } } } },
  });
  return {
    [collection]: { get: operation('list', []), post: operation('post', queryParameters) },
    [`${collection}/{name}`]: {
      get: operation('get', []),
      put: operation('put', queryParameters),
      patch: operation('patch', queryParameters),
      delete: operation('delete', []),
    },
  };
}
