import type { Clock } from '@couchestor/shared/clock';
import { ApiError, badRequest, methodNotAllowed } from './api-error.ts';
import { refuseAnonymous } from './anonymous.ts';
import { builtInKinds } from './built-in-kinds.ts';
import { customKind } from './custom-kinds.ts';
import { createDirectWriter, type DirectWriter } from './direct-writes.ts';
import { coreVersions, groupList, oneGroup, resourceList, serverVersion } from './discovery.ts';
import type { JsonObject } from './json.ts';
import { createListReader } from './lists.ts';
import { createObjectStore } from './object-store.ts';
import { createObjectEndpoints } from './object-endpoints.ts';
import { openApiDocument, openApiIndex } from './openapi.ts';
import {
  createRequestCounter,
  createRequestFaults,
  type RequestCounter,
  type RequestFaults,
  type RequestInfo,
} from './request-faults.ts';
import { jsonResponse, readBoolean, textResponse, type KubeRequest, type KubeResponse } from './request.ts';
import { createKindRegistry, findRoute, verbOf, type Route, type Target } from './route.ts';
import { createWatchReader, type WatchReader } from './watches.ts';
import { createObjectWriter, subjectOf } from './writes.ts';

export interface KubernetesModelOptions {
  readonly clock: Clock;
  /** Numbers from 0 up to, not including, 1: the source of uids and generated names. */
  readonly random: () => number;
  /** Parsed `v1` CustomResourceDefinitions. */
  readonly crds: readonly JsonObject[];
  /** Changes remembered per kind, for watches that resume; 10,000 by default. */
  readonly historyMax?: number;
  /** How often a watch that allows bookmarks gets one; 60 s by default. */
  readonly bookmarkIntervalMs?: number;
  /** How long a watch without `timeoutSeconds` lasts; 45 minutes by default. */
  readonly watchTimeoutMs?: number;
}

/** A Kubernetes API server without HTTP: requests in, responses out, and direct access for whoever builds the world. */
export interface KubernetesModel extends DirectWriter {
  readonly handle: (request: KubeRequest) => Promise<KubeResponse>;
  /** The answer to a request without credentials, where they are demanded; `undefined` if it needs none. */
  readonly refuseAnonymous: (request: KubeRequest) => KubeResponse | undefined;
  readonly registerCrd: (crd: JsonObject) => void;
  readonly faults: RequestFaults;
  readonly requests: RequestCounter;
  readonly watches: Pick<WatchReader, 'openCount' | 'cut'>;
  /** Forgets all changes up to now: watches from earlier revisions and unfinished lists get 410. */
  readonly forgetHistory: () => void;
  /** The latest resource version. */
  readonly revision: () => number;
}

/** Where counting begins, so that small resource versions are always too old, as on a real server. */
const firstRevision = 1000;

/** Throws where a CustomResourceDefinition says what the model cannot hold objects to. */
export function createKubernetesModel(options: KubernetesModelOptions): KubernetesModel {
  const { clock, random } = options;
  const registry = createKindRegistry(builtInKinds);
  const store = createObjectStore({ historyMax: options.historyMax ?? 10_000, firstRevision });
  const requireKind = (apiVersion: string, kind: string): Target => {
    const found = registry.findKind(apiVersion, kind);
    if (found === undefined) throw new TypeError(`${kind} of ${apiVersion} is not served`);
    return { ...found, namespace: undefined, name: undefined, subresource: undefined };
  };
  const namespaceKind = requireKind('v1', 'Namespace').kind;
  const writer = createObjectWriter(store, clock, random, namespaceKind);
  const lists = createListReader(store, clock);
  const watches = createWatchReader(store, clock, {
    bookmarkIntervalMs: options.bookmarkIntervalMs ?? 60_000,
    defaultTimeoutMs: options.watchTimeoutMs ?? 2_700_000,
  });
  const endpoints = createObjectEndpoints({ store, clock, writer, lists, watches });
  const direct = createDirectWriter({ store, clock, random, requireKind, namespaceKind });
  const faults = createRequestFaults();
  const requests = createRequestCounter();

  const registerCrd = (crd: JsonObject): void => {
    registry.register(customKind(crd));
    direct.apply(established(crd, clock));
  };
  for (const name of ['default', 'kube-node-lease', 'kube-public', 'kube-system']) {
    direct.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  for (const crd of options.crds) registerCrd(crd);

  const answer = (request: KubeRequest, route: Route, query: URLSearchParams): KubeResponse => {
    switch (route.to) {
      case 'objects':
        return endpoints.answer(request, query, route.target);
      case 'core-versions':
        return jsonResponse(coreVersions());
      case 'groups':
        return jsonResponse(groupList(registry));
      case 'group':
        return orNotFound(oneGroup(registry, route.group));
      case 'resources':
        return orNotFound(resourceList(registry, route.group, route.version));
      case 'version':
        return jsonResponse(serverVersion);
      case 'health':
        return textResponse('ok', 'text/plain; charset=utf-8');
      case 'openapi':
        return openApi(route.path);
      case 'nowhere':
        return pageNotFound();
    }
  };
  const openApi = (path: string): KubeResponse => {
    const [version, root, group = '', groupVersion] = path.split('/');
    if (version !== 'v3') return pageNotFound();
    if (root === undefined) return jsonResponse(openApiIndex(registry));
    return orNotFound(
      root === 'api' ? openApiDocument(registry, '', group) : openApiDocument(registry, group, groupVersion ?? ''),
    );
  };

  return {
    ...direct,
    registerCrd,
    refuseAnonymous: (request) => {
      const [path, search] = splitUrl(request.url);
      return refuseAnonymous(request, readRoute(path, registry), new URLSearchParams(search));
    },
    faults,
    requests,
    watches,
    forgetHistory: () => store.forgetHistory(),
    revision: () => store.revision,
    handle: async (request) => {
      const [path, search] = splitUrl(request.url);
      const query = new URLSearchParams(search);
      try {
        const route = readRoute(path, registry);
        const info = route.to === 'objects' ? describe(request, route.target, query) : undefined;
        if (info === undefined) return answer(request, route, query);
        requests.add(info);
        const fault = faults.take(info);
        if (fault === undefined) return answer(request, route, query);
        switch (fault.kind) {
          case 'refuse':
            return refused(fault);
          case 'delay':
            await clock.sleep(fault.delayMs);
            return answer(request, route, query);
          case 'drop-request':
            return { kind: 'dropped' };
          case 'drop-answer':
            answer(request, route, query);
            return { kind: 'dropped' };
        }
      } catch (error) {
        return failed(error);
      }
    },
  };
}

function splitUrl(url: string): readonly [string, string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

function readRoute(path: string, registry: ReturnType<typeof createKindRegistry>): Route {
  try {
    return findRoute(path, registry);
  } catch (error) {
    if (error instanceof URIError) throw badRequest(`the path ${JSON.stringify(path)} is not encoded properly`);
    throw error;
  }
}

function describe(request: KubeRequest, target: Target, query: URLSearchParams): RequestInfo {
  const verb = verbOf(request.method, target, readBoolean(query, 'watch'));
  const isServed = verb !== undefined && (target.kind.verbs.includes(verb) || verb === 'watch');
  if (verb === undefined || !isServed) throw methodNotAllowed(subjectOf(target));
  return {
    verb,
    group: target.served.group,
    resource: target.kind.plural,
    namespace: target.namespace,
    name: target.name,
    subresource: target.subresource,
    userAgent: request.headers?.['user-agent'] ?? '',
  };
}

function orNotFound(body: JsonObject | undefined): KubeResponse {
  return body === undefined ? pageNotFound() : jsonResponse(body);
}

function pageNotFound(): KubeResponse {
  return textResponse('404 page not found\n', 'text/plain; charset=utf-8', 404);
}

function refused(fault: {
  readonly code: number;
  readonly reason?: string;
  readonly message?: string;
  readonly retryAfterSeconds?: number;
}): KubeResponse {
  const { retryAfterSeconds } = fault;
  const error = new ApiError({
    code: fault.code,
    message: fault.message ?? 'the server is refusing this request on purpose',
    reason: fault.reason ?? (fault.code === 429 ? 'TooManyRequests' : 'InternalError'),
    ...(retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } }),
  });
  const response = failed(error);
  if (retryAfterSeconds === undefined || response.kind !== 'body') return response;
  return { ...response, headers: { ...response.headers, 'retry-after': String(retryAfterSeconds) } };
}

/** A fault of the model itself is answered as the real server answers its own: 500 with the reason. */
function failed(error: unknown): KubeResponse {
  if (error instanceof ApiError) return jsonResponse(error.status, error.code);
  const message = `Internal error occurred: ${error instanceof Error ? error.message : String(error)}`;
  return jsonResponse(new ApiError({ code: 500, reason: 'InternalError', message }).status, 500);
}

/** The definition as a cluster shows it once its kind is served. */
function established(
  crd: JsonObject,
  clock: Clock,
): JsonObject & { apiVersion: string; kind: string; metadata: JsonObject } {
  const lastTransitionTime = `${new Date(clock.nowMs()).toISOString().slice(0, 19)}Z`;
  const spec = crd['spec'] as JsonObject;
  return {
    ...crd,
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: crd['metadata'] as JsonObject,
    status: {
      acceptedNames: spec['names'],
      conditions: [
        {
          type: 'NamesAccepted',
          status: 'True',
          reason: 'NoConflicts',
          message: 'no conflicts found',
          lastTransitionTime,
        },
        {
          type: 'Established',
          status: 'True',
          reason: 'InitialNamesAccepted',
          message: 'the initial names have been accepted',
          lastTransitionTime,
        },
      ],
    },
  };
}
