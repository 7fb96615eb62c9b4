import type { JsonObject } from './json.ts';
import type { ResourceKind, ServedVersion } from './resource-kind.ts';
import type { KindRegistry } from './route.ts';

/** The version that the model answers as, and whose behaviour its conformance suite compares it with. */
export const serverVersion = {
  major: '1',
  minor: '34',
  emulationMajor: '1',
  emulationMinor: '34',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '33',
  gitVersion: 'v1.34.4+couchestor-simulator',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'linux/amd64',
} as const;

export function coreVersions(): JsonObject {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '127.0.0.1' }],
  };
}

function groupsOf(registry: KindRegistry): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { versions } of registry.kinds) {
    for (const { group, version } of versions) {
      if (group === '') continue;
      const known = groups.get(group) ?? [];
      if (!known.includes(version)) known.push(version);
      groups.set(group, known);
    }
  }
  return groups;
}

function describeGroup(group: string, versions: readonly string[]): JsonObject {
  const entries = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: entries, preferredVersion: entries[0] };
}

export function groupList(registry: KindRegistry): JsonObject {
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: [...groupsOf(registry)].map(([group, versions]) => describeGroup(group, versions)),
  };
}

/** `undefined` for a group that is not served. */
export function oneGroup(registry: KindRegistry, group: string): JsonObject | undefined {
  const versions = groupsOf(registry).get(group);
  return versions === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...describeGroup(group, versions) };
}

export function servedIn(
  registry: KindRegistry,
  group: string,
  version: string,
): readonly { readonly kind: ResourceKind; readonly served: ServedVersion }[] {
  return registry.kinds.flatMap((kind) =>
    kind.versions
      .filter((served) => served.group === group && served.version === version)
      .map((served) => ({ kind, served })),
  );
}

/** `undefined` for a version that is not served. */
export function resourceList(registry: KindRegistry, group: string, version: string): JsonObject | undefined {
  const served = servedIn(registry, group, version);
  if (served.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: served.flatMap(({ kind }) => [
      {
        name: kind.plural,
        singularName: kind.singular,
        namespaced: kind.namespaced,
        kind: kind.kind,
        verbs: kind.verbs,
        ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
        ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
      },
      ...(kind.hasStatus
        ? [
            {
              name: `${kind.plural}/status`,
              singularName: '',
              namespaced: kind.namespaced,
              kind: kind.kind,
              verbs: ['get', 'patch', 'update'],
            },
          ]
        : []),
    ]),
  };
}
