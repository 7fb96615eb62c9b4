import type { LabelledTopology, PoolCordon, Topology } from './entities.ts';
import { failures } from './errors.ts';
import type { PublishRequest } from './targets.ts';
import type { NewVolume } from './volumes.ts';

/** Reads what a caller sent; throws the refusal that the REST server gives before it asks the core. */

const asWritten = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function uuidSegment(text: string): string {
  if (asWritten.test(text)) return text;
  const wrong = text.search(/[^0-9a-fA-F-]/);
  if (wrong >= 0) {
    throw failures.badPath(
      'UUID parsing failed: invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], ' +
        `found \`${text.charAt(wrong)}\` at ${String(wrong + 1)}`,
    );
  }
  const digits = text.replaceAll('-', '').length;
  if (digits !== 32) {
    throw failures.badPath(
      `UUID parsing failed: invalid length: expected length 32 for simple format, found ${String(digits)}`,
    );
  }
  return text.toLowerCase();
}

export function byteSegment(text: string): number {
  const value = /^\+?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= 255)) throw failures.badPath(`can not parse "${text}" to a u8`);
  return value;
}

/** `max_entries` must be given; `starting_token` counts from the beginning of the list. */
export function paging(query: URLSearchParams): { readonly maxEntries: number; readonly startingToken: number } {
  const maxEntries = query.get('max_entries');
  if (maxEntries === null) throw failures.badQuery('missing field `max_entries`');
  return { maxEntries: queryInteger(maxEntries), startingToken: queryInteger(query.get('starting_token') ?? '0') };
}

function queryInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw failures.badQuery('invalid digit found in string');
  return Number(text);
}

type Fields = { readonly [key: string]: unknown };

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw failures.badBody(`invalid type: expected struct ${what}`);
  }
  return value as Fields;
}

function field<T extends 'number' | 'string' | 'boolean'>(
  fields: Fields,
  name: string,
  type: T,
): { number: number; string: string; boolean: boolean }[T] | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== type) throw failures.badBody(`${name}: invalid type, expected ${type}`);
  return value as { number: number; string: string; boolean: boolean }[T];
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw failures.badBody(`missing field \`${name}\``);
  return value;
}

function texts(value: unknown, name: string): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [key, entry] of Object.entries(value === undefined || value === null ? {} : fieldsOf(value, name))) {
    if (typeof entry !== 'string') throw failures.badBody(`${name}.${key}: invalid type, expected string`);
    result[key] = entry;
  }
  return result;
}

function names(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}

function labelled(value: unknown): LabelledTopology | undefined {
  if (value === undefined || value === null) return undefined;
  const fields = fieldsOf(value, 'LabelledTopology');
  return {
    inclusion: texts(fields['inclusion'], 'inclusion'),
    exclusion: texts(fields['exclusion'], 'exclusion'),
    affinitykey: names(fields['affinitykey']),
  };
}

function topologyOf(value: unknown): Topology | undefined {
  if (value === undefined || value === null) return undefined;
  const fields = fieldsOf(value, 'Topology');
  const pool = fields['pool_topology'];
  const node = fields['node_topology'];
  const poolLabelled =
    pool === undefined || pool === null ? undefined : labelled(fieldsOf(pool, 'PoolTopology')['labelled']);
  const nodeFields = node === undefined || node === null ? undefined : fieldsOf(node, 'NodeTopology');
  const nodeLabelled = nodeFields === undefined ? undefined : labelled(nodeFields['labelled']);
  const explicit = nodeFields?.['explicit'];
  return {
    ...(poolLabelled === undefined ? {} : { pool_topology: { labelled: poolLabelled } }),
    ...(nodeFields === undefined
      ? {}
      : {
          node_topology: {
            ...(nodeLabelled === undefined ? {} : { labelled: nodeLabelled }),
            ...(explicit === undefined || explicit === null
              ? {}
              : {
                  explicit: {
                    allowed_nodes: names(fieldsOf(explicit, 'ExplicitNodeTopology')['allowed_nodes']),
                    preferred_nodes: names(fieldsOf(explicit, 'ExplicitNodeTopology')['preferred_nodes']),
                  },
                }),
          },
        }),
  };
}

export function newVolumeBody(uuid: string, body: unknown): NewVolume {
  const fields = fieldsOf(body, 'CreateVolumeBody');
  const policy = fieldsOf(required(fields['policy'], 'policy'), 'VolumePolicy');
  const group = fields['affinity_group'];
  const groupId =
    group === undefined || group === null ? undefined : field(fieldsOf(group, 'AffinityGroup'), 'id', 'string');
  const topology = topologyOf(fields['topology']);
  const maxSnapshots = field(fields, 'max_snapshots', 'number');
  const labels = fields['labels'];
  return {
    uuid,
    replicas: required(field(fields, 'replicas', 'number'), 'replicas'),
    sizeBytes: required(field(fields, 'size', 'number'), 'size'),
    thin: required(field(fields, 'thin', 'boolean'), 'thin'),
    selfHeal: required(field(policy, 'self_heal', 'boolean'), 'self_heal'),
    ...(labels === undefined || labels === null ? {} : { labels: texts(labels, 'labels') }),
    ...(topology === undefined ? {} : { topology }),
    ...(groupId === undefined ? {} : { affinityGroup: groupId }),
    ...(maxSnapshots === undefined ? {} : { maxSnapshots }),
  };
}

export function publishBody(body: unknown): PublishRequest {
  const fields = fieldsOf(body, 'PublishVolumeBody');
  required(fields['publish_context'], 'publish_context');
  required(field(fields, 'protocol', 'string'), 'protocol');
  return {
    node: field(fields, 'node', 'string'),
    frontendNode: field(fields, 'frontend_node', 'string'),
    republish: field(fields, 'republish', 'boolean') ?? false,
    reuseExisting: field(fields, 'reuse_existing', 'boolean') ?? false,
  };
}

export function poolCordonBody(body: unknown): Partial<PoolCordon> {
  const fields = fieldsOf(body, 'PoolCordonBody');
  const flags: Partial<PoolCordon> = {};
  for (const name of ['replicas', 'snapshots', 'restores', 'import'] as const) {
    const value = field(fields, name, 'boolean');
    if (value !== undefined) flags[name] = value;
  }
  return flags;
}

export function maxSnapshotsBody(body: unknown): number {
  return required(field(fieldsOf(body, 'SetVolumePropertyBody'), 'max_snapshots', 'number'), 'max_snapshots');
}

export function newPoolBody(body: unknown): { readonly disks: string[]; readonly labels: Record<string, string> } {
  const fields = fieldsOf(body, 'CreatePoolBody');
  const disks = names(required(fields['disks'], 'disks'));
  return { disks, labels: texts(fields['labels'], 'labels') };
}
