import { ApiError, badRequest, invalid, notFound, unsupportedMediaType } from './api-error.ts';
import { parseText } from './decoding.ts';
import { isJsonObject, omit, stringAt, type Json, type JsonObject } from './json.ts';
import type { KubeObject } from './kube-object.ts';
import { applyConfiguration } from './managed-fields.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from './patches.ts';
import { readBoolean, type KubeRequest } from './request.ts';
import { apiVersionOf, presentAs } from './resource-kind.ts';
import type { Target } from './route.ts';
import { coerce } from './structural-schema.ts';
import {
  checkRevision,
  requireObject,
  schemaOf,
  subjectOf,
  type ObjectWriter,
  type WriteOptions,
  type Written,
} from './writes.ts';
import type { ObjectTable } from './object-store.ts';

const types = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** Handles PATCH in all its forms. */
export function patchObject(
  table: ObjectTable,
  writer: ObjectWriter,
  request: KubeRequest,
  query: URLSearchParams,
  target: Target,
  options: WriteOptions,
): Written {
  const contentType = (request.headers?.['content-type'] ?? '').split(';')[0]?.trim() ?? '';
  const refuse = (why: string): ApiError => badRequest(`error decoding patch: ${why}`);
  const body = (isYaml: boolean): Json => parseText(request.body ?? '', isYaml, refuse);
  switch (contentType) {
    case types.apply:
      return applyPatch(table, writer, body(true), query, target, options);
    case types.merge: {
      const patch = body(false);
      return patchLive(table, writer, target, options, (live) => mergePatch(live, patch));
    }
    case types.json: {
      const patch = body(false);
      return patchLive(table, writer, target, options, (live) => jsonPatch(live, patch));
    }
    case types.strategic: {
      if (target.kind.isCustom) break;
      const patch = body(false);
      return patchLive(table, writer, target, options, (live) =>
        strategicMergePatch(live, patch, target.kind.mergeKeys),
      );
    }
    default:
      break;
  }
  throw unsupportedMediaType(
    target.kind.isCustom
      ? [types.json, types.merge, types.apply]
      : [types.json, types.merge, types.strategic, types.apply, 'application/apply-patch+cbor'],
  );
}

function patchLive(
  table: ObjectTable,
  writer: ObjectWriter,
  target: Target,
  options: WriteOptions,
  patch: (live: Json) => Json,
): Written {
  const live = requireObject(table, target);
  const patched = patch(presentAs(live, target.served));
  if (!isJsonObject(patched)) throw badRequest('the patch leaves no object');
  checkIdentity(patched, live, target);
  checkForm(patched, target);
  checkRevision(stringAt(patched, 'metadata', 'resourceVersion'), live, target);
  return writer.replace(target, live, patched, options);
}

/** A patch that leaves values of a wrong type is invalid, where a whole object of that kind is a bad request. */
function checkForm(patched: JsonObject, target: Target): void {
  const fault = target.kind.formFault?.(patched);
  if (fault === undefined) return;
  throw invalid({ group: '', kind: '', name: '' }, [
    { field: 'patch', type: 'FieldValueInvalid', shown: JSON.stringify(JSON.stringify(patched)), detail: fault },
  ]);
}

function checkIdentity(patched: JsonObject, live: KubeObject, target: Target): void {
  const name = stringAt(patched, 'metadata', 'name');
  if (name !== live.metadata.name) {
    throw badRequest(
      `the name of the object (${name ?? ''}) does not match the name on the URL (${live.metadata.name ?? ''})`,
    );
  }
  const uid = stringAt(patched, 'metadata', 'uid');
  if (uid !== undefined && uid !== live.metadata.uid) {
    throw invalid({ group: target.served.group, kind: target.kind.kind, name: name ?? '' }, [
      {
        field: 'metadata.uid',
        type: 'FieldValueInvalid',
        shown: JSON.stringify(uid),
        detail: 'field is immutable',
      },
    ]);
  }
}

/** An apply must be understood in full, where other writes drop what the schema does not know. */
function refuseUndeclared(body: JsonObject, { served, kind }: Target): void {
  if (served.schema === undefined) return;
  const content = omit(body, 'apiVersion', 'kind', 'metadata');
  const faults = coerce(content, served.schema).unknownFields.map((field) => `.${field}: field not declared in schema`);
  if (faults.length === 0) return;
  const address = `${stringAt(body, 'metadata', 'namespace') ?? ''}/${stringAt(body, 'metadata', 'name') ?? ''}`;
  const told = faults.length === 1 ? faults.join() : ['errors:', ...faults.map((fault) => `  ${fault}`)].join('\n');
  throw new ApiError({
    code: 500,
    message: `failed to create typed patch object (${address}; ${apiVersionOf(served)}, Kind=${kind.kind}): ${told}`,
  });
}

function applyPatch(
  table: ObjectTable,
  writer: ObjectWriter,
  body: Json,
  query: URLSearchParams,
  target: Target,
  options: WriteOptions,
): Written {
  const { kind, served } = target;
  if ((query.get('fieldManager') ?? '') === '') {
    throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions', name: '' }, [
      { field: 'fieldManager', type: 'FieldValueRequired', detail: 'is required for apply patch' },
    ]);
  }
  const apiVersion = stringAt(body, 'apiVersion') ?? '';
  if (!isJsonObject(body) || apiVersion !== apiVersionOf(served) || stringAt(body, 'kind') !== kind.kind) {
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
    throw badRequest(`invalid object type: ${group ?? ''}/${version ?? ''}, Kind=${stringAt(body, 'kind') ?? ''}`);
  }
  const name = stringAt(body, 'metadata', 'name');
  if (name !== undefined && name !== target.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${target.name ?? ''})`);
  }
  if (isJsonObject(body['metadata']) && body['metadata']['managedFields'] !== undefined) {
    throw badRequest('metadata.managedFields must be nil');
  }
  refuseUndeclared(body, target);
  // The fields that this endpoint does not write are not owned through it either.
  const foreign = target.subresource === 'status' ? ['spec'] : kind.hasStatus ? ['status'] : [];
  const config = omit(body, ...foreign);
  const stored = table.get(target.namespace, target.name ?? '');
  if (stored === undefined && name === undefined && target.subresource === undefined) {
    throw badRequest(
      `the name of the object (${target.name ?? ''} based on URL) was undeterminable: name must be provided`,
    );
  }
  if (stored === undefined && target.subresource !== undefined) throw notFound(subjectOf(target));
  const addressed = {
    apiVersion,
    kind: kind.kind,
    metadata: {
      name: target.name ?? '',
      ...(target.namespace === undefined ? {} : { namespace: target.namespace }),
    },
  };
  const live = stored === undefined ? addressed : presentAs(requireObject(table, target), served);
  const { object, managedFields } = applyConfiguration(
    live,
    config,
    schemaOf(target),
    writer.writerOf(target, options),
    { force: readBoolean(query, 'force'), isStored: stored !== undefined },
  );
  if (stored === undefined) return writer.createApplied(target, object, options, managedFields);
  checkRevision(stringAt(config, 'metadata', 'resourceVersion'), stored, target);
  return writer.replace(target, stored, object, options, managedFields);
}
