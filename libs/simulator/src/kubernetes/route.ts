import { storageName, type ResourceKind, type ServedVersion, type Verb } from './resource-kind.ts';

/** Which objects a request is about. */
export interface Target {
  readonly kind: ResourceKind;
  readonly served: ServedVersion;
  /** Absent for cluster-scoped kinds and for all namespaces. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

export type Route =
  | { readonly to: 'objects'; readonly target: Target }
  | { readonly to: 'core-versions' | 'groups' | 'version' | 'health' }
  | { readonly to: 'group'; readonly group: string }
  | { readonly to: 'resources'; readonly group: string; readonly version: string }
  | { readonly to: 'openapi'; readonly path: string }
  | { readonly to: 'nowhere' };

/** The kinds that are served, found by group, version and plural. */
export interface KindRegistry {
  readonly kinds: readonly ResourceKind[];
  register(kind: ResourceKind): void;
  find(
    group: string,
    version: string,
    plural: string,
  ): { readonly kind: ResourceKind; readonly served: ServedVersion } | undefined;
  findKind(
    apiVersion: string,
    kind: string,
  ): { readonly kind: ResourceKind; readonly served: ServedVersion } | undefined;
}

export function createKindRegistry(initial: readonly ResourceKind[]): KindRegistry {
  const kinds = new Map(initial.map((kind) => [storageName(kind), kind]));
  const search = (
    matches: (kind: ResourceKind, served: ServedVersion) => boolean,
  ): { kind: ResourceKind; served: ServedVersion } | undefined => {
    for (const kind of kinds.values()) {
      const served = kind.versions.find((candidate) => matches(kind, candidate));
      if (served !== undefined) return { kind, served };
    }
    return undefined;
  };
  return {
    get kinds() {
      return [...kinds.values()];
    },
    register: (kind) => {
      kinds.set(storageName(kind), kind);
    },
    find: (group, version, plural) =>
      search((kind, served) => kind.plural === plural && served.group === group && served.version === version),
    findKind: (apiVersion, name) => {
      const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
      return search((kind, served) => kind.kind === name && served.group === group && served.version === version);
    },
  };
}

export function findRoute(path: string, registry: KindRegistry): Route {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const [root = '', second, third] = parts;
  switch (root) {
    case 'api':
      if (second === undefined) return { to: 'core-versions' };
      if (second !== 'v1') return { to: 'nowhere' };
      if (third === undefined) return { to: 'resources', group: '', version: 'v1' };
      return objectRoute('', 'v1', parts.slice(2), registry);
    case 'apis': {
      if (second === undefined) return { to: 'groups' };
      if (third === undefined) return { to: 'group', group: second };
      if (parts.length === 3) return { to: 'resources', group: second, version: third };
      return objectRoute(second, third, parts.slice(3), registry);
    }
    case 'version':
      return { to: 'version' };
    case 'healthz':
    case 'livez':
    case 'readyz':
      return { to: 'health' };
    case 'openapi':
      return { to: 'openapi', path: parts.slice(1).join('/') };
    default:
      return { to: 'nowhere' };
  }
}

function objectRoute(group: string, version: string, rest: readonly string[], registry: KindRegistry): Route {
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 && !isNamespaceSubresource(rest);
  const [plural = '', name, subresource, ...more] = inNamespace ? rest.slice(2) : rest;
  const found = registry.find(group, version, plural);
  if (found === undefined || more.length > 0) return { to: 'nowhere' };
  const { kind, served } = found;
  if (inNamespace && !kind.namespaced) return { to: 'nowhere' };
  if (!inNamespace && kind.namespaced && name !== undefined) return { to: 'nowhere' };
  const namespace = inNamespace ? rest[1] : undefined;
  return { to: 'objects', target: { kind, served, namespace, name, subresource } };
}

function isNamespaceSubresource(rest: readonly string[]): boolean {
  return rest.length === 3 && (rest[2] === 'status' || rest[2] === 'finalize');
}

/** What a request asks for, in the words of discovery and of RBAC; `undefined` if there is no such thing. */
export function verbOf(method: string, target: Target, isWatch: boolean): Verb | undefined {
  const isCollection = target.name === undefined;
  switch (method) {
    case 'GET':
      if (!isCollection) return isWatch ? 'watch' : 'get';
      return isWatch ? 'watch' : 'list';
    case 'POST':
      return isCollection ? 'create' : undefined;
    case 'PUT':
      return isCollection ? undefined : 'update';
    case 'PATCH':
      return isCollection ? undefined : 'patch';
    case 'DELETE':
      return isCollection ? 'deletecollection' : 'delete';
    default:
      return undefined;
  }
}
