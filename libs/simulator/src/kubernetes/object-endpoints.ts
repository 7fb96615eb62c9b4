import type { Clock } from '@couchestor/shared/clock';
import { badRequest, methodNotAllowed } from './api-error.ts';
import { parseBody, type FieldValidation } from './decoding.ts';
import { stringAt, type JsonObject } from './json.ts';
import { readFilter, type ListReader } from './lists.ts';
import type { KubeObject } from './kube-object.ts';
import type { ObjectStore } from './object-store.ts';
import { patchObject } from './patch-requests.ts';
import { represent, representList } from './representation.ts';
import {
  jsonResponse,
  readBoolean,
  readRepresentation,
  textResponse,
  type KubeRequest,
  type KubeResponse,
} from './request.ts';
import { apiVersionOf } from './resource-kind.ts';
import { verbOf, type Target } from './route.ts';
import type { WatchReader } from './watches.ts';
import { requireObject, subjectOf, type ObjectWriter, type WriteOptions, type Written } from './writes.ts';

export interface ObjectEndpoints {
  /** Throws `ApiError`. */
  readonly answer: (request: KubeRequest, query: URLSearchParams, target: Target) => KubeResponse;
}

export interface ObjectEndpointParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly writer: ObjectWriter;
  readonly lists: ListReader;
  readonly watches: WatchReader;
}

/** The verbs on the objects of a kind. */
export function createObjectEndpoints({ store, clock, writer, lists, watches }: ObjectEndpointParts): ObjectEndpoints {
  const one = (
    request: KubeRequest,
    query: URLSearchParams,
    target: Target,
    object: KubeObject,
    code = 200,
    warnings: readonly string[] = [],
  ): KubeResponse => {
    const form = readRepresentation(request, query);
    return jsonResponse(represent(object, target.served, form, clock.nowMs()), code, warnings);
  };
  const written = (
    request: KubeRequest,
    query: URLSearchParams,
    target: Target,
    { object, isNew, warnings }: Written,
  ): KubeResponse => one(request, query, target, object, isNew ? 201 : 200, warnings);

  const remove = (request: KubeRequest, query: URLSearchParams, target: Target): KubeResponse => {
    const live = requireObject(store.table(target.kind), target);
    const options = readDeleteOptions(request, target);
    const { object, isGone } = writer.remove(target, live, {
      dryRun: isDryRun(query) || options['dryRun'] !== undefined,
      preconditions: {
        uid: stringAt(options, 'preconditions', 'uid'),
        resourceVersion: stringAt(options, 'preconditions', 'resourceVersion'),
      },
    });
    if (!isGone || target.kind.returnsDeleted) return one(request, query, target, object);
    const { name, group, kind } = subjectOf(target);
    return jsonResponse({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name, ...(group === '' ? {} : { group }), kind, uid: object.metadata.uid },
    });
  };

  const removeAll = (request: KubeRequest, query: URLSearchParams, target: Target): KubeResponse => {
    const filter = readFilter(query, target);
    const objects = store
      .table(target.kind)
      .snapshot()
      .objects.filter((object) => filter?.(object) ?? true);
    const removed = objects.map(
      (object) => writer.remove(target, object, { dryRun: isDryRun(query), preconditions: {} }).object,
    );
    const list = representList(
      removed,
      { resourceVersion: String(store.revision) },
      target.kind.listKind,
      apiVersionOf(target.served),
      target.served,
      readRepresentation(request, query),
      clock.nowMs(),
    );
    return textResponse(list, 'application/json');
  };

  return {
    answer: (request, query, target) => {
      const verb = verbOf(request.method, target, readBoolean(query, 'watch'));
      const options = readWriteOptions(request, query);
      switch (verb) {
        case 'get':
          return one(request, query, target, requireObject(store.table(target.kind), target));
        case 'list':
          return lists.list(request, query, target);
        case 'watch':
          return watches.watch(request, query, target);
        case 'create':
          return written(request, query, target, writer.create(target, parseBody(request, target), options));
        case 'update':
          return written(request, query, target, writer.update(target, parseBody(request, target), options));
        case 'patch': {
          const table = store.table(target.kind);
          return written(request, query, target, patchObject(table, writer, request, query, target, options));
        }
        case 'delete':
          return remove(request, query, target);
        case 'deletecollection':
          return removeAll(request, query, target);
        case undefined:
          throw methodNotAllowed(subjectOf(target));
      }
    },
  };
}

function isDryRun(query: URLSearchParams): boolean {
  const values = query.getAll('dryRun').filter((value) => value !== '');
  if (values.some((value) => value !== 'All')) throw badRequest('the only value of dryRun is All');
  return values.length > 0;
}

function readWriteOptions(request: KubeRequest, query: URLSearchParams): WriteOptions {
  const agent = request.headers?.['user-agent'] ?? '';
  const manager = query.get('fieldManager') ?? '';
  return {
    dryRun: isDryRun(query),
    fieldManager: manager === '' ? agent.split('/')[0] || 'unknown' : manager,
    fieldValidation: readFieldValidation(query.get('fieldValidation')),
  };
}

function readFieldValidation(text: string | null): FieldValidation {
  switch (text) {
    case 'Ignore':
    case 'Strict':
      return text;
    case null:
    case '':
    case 'Warn':
      return 'Warn';
    default:
      throw badRequest(`fieldValidation ${JSON.stringify(text)} is none of Ignore, Warn and Strict`);
  }
}

function readDeleteOptions(request: KubeRequest, target: Target): JsonObject {
  return (request.body ?? '') === '' ? {} : parseBody(request, target);
}
