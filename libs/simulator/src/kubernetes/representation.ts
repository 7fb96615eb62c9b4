import type { Json, JsonObject } from './json.ts';
import type { KubeObject } from './kube-object.ts';
import type { Representation } from './request.ts';
import { presentAs, type ServedVersion } from './resource-kind.ts';

function columnDefinitions(served: ServedVersion): Json {
  return served.columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
}

function metadataOnly(object: KubeObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

function row(
  object: KubeObject,
  served: ServedVersion,
  includeObject: 'None' | 'Metadata' | 'Object',
  nowMs: number,
): JsonObject {
  const cells = served.columns.map(({ cell }) => cell(object, nowMs));
  switch (includeObject) {
    case 'None':
      return { cells, object: null };
    case 'Metadata':
      return { cells, object: metadataOnly(object) };
    case 'Object':
      return { cells, object: presentAs(object, served) };
  }
}

/** One object, as the client asked for it. `columns` says whether a table names its columns. */
export function represent(
  object: KubeObject,
  served: ServedVersion,
  form: Representation,
  nowMs: number,
  columns = true,
): JsonObject {
  switch (form.kind) {
    case 'object':
      return presentAs(object, served);
    case 'metadata':
      return metadataOnly(object);
    case 'table':
      return {
        kind: 'Table',
        apiVersion: 'meta.k8s.io/v1',
        metadata: { resourceVersion: object.metadata.resourceVersion },
        columnDefinitions: columns ? columnDefinitions(served) : null,
        rows: [row(object, served, form.includeObject, nowMs)],
      };
  }
}

/** A list as text in pieces, one per item, so that a large one never stands in memory as a whole. */
export function* representList(
  objects: readonly KubeObject[],
  listMetadata: JsonObject,
  listKind: string,
  apiVersion: string,
  served: ServedVersion,
  form: Representation,
  nowMs: number,
): Generator<string> {
  const metadata = JSON.stringify(listMetadata);
  switch (form.kind) {
    case 'object':
      yield `{"kind":${JSON.stringify(listKind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":${metadata},"items":[`;
      break;
    case 'metadata':
      yield `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":${metadata},"items":[`;
      break;
    case 'table':
      yield `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":${metadata},"columnDefinitions":${JSON.stringify(columnDefinitions(served))},"rows":[`;
      break;
  }
  let comma = '';
  for (const object of objects) {
    const item =
      form.kind === 'table'
        ? row(object, served, form.includeObject, nowMs)
        : represent(object, served, form, nowMs, false);
    yield comma + JSON.stringify(item);
    comma = ',';
  }
  yield ']}';
}

/** What a bookmark carries: nothing but how far the watch has come. */
export function bookmarkObject(kind: string, apiVersion: string, revision: number, form: Representation): JsonObject {
  const metadata = { resourceVersion: String(revision) };
  switch (form.kind) {
    case 'object':
      return { kind, apiVersion, metadata };
    case 'metadata':
      return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
    case 'table':
      return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata, columnDefinitions: null, rows: [] };
  }
}
