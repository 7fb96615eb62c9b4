import { stringify } from 'yaml';
import { z } from 'zod';
import { policySpecSchema } from './policy-schema.ts';
import { policyStatusSchema } from './policy-status.ts';

/**
 * The CustomResourceDefinition of StoragePolicies, made from the schemas. `tools/crd.ts` writes it to
 * deploy/kustomize/base/crd, and `npm run check` holds the file to it.
 */
function describeStoragePolicy(): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: 'storagepolicies.storage.billyronks.io',
      labels: { app: 'couchestor', 'app.kubernetes.io/name': 'couchestor' },
    },
    spec: {
      group: 'storage.billyronks.io',
      scope: 'Cluster',
      names: {
        kind: 'StoragePolicy',
        listKind: 'StoragePolicyList',
        plural: 'storagepolicies',
        singular: 'storagepolicy',
        shortNames: ['sp', 'spolicy'],
      },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: printerColumns.map(([name, type, jsonPath, description, priority]) => ({
            name,
            type,
            jsonPath,
            ...(priority === 0 ? {} : { priority }),
            description,
          })),
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description:
                'StoragePolicy keeps the Mayastor volumes of one StorageClass on the tier that their real I/O deserves: hot (NVMe), cold (SATA) and, if there is one, warm between them.',
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string', description: 'Always storage.billyronks.io/v1.' },
                kind: { type: 'string', description: 'Always StoragePolicy.' },
                metadata: { type: 'object' },
                spec: structural(policySpecSchema),
                status: structural(policyStatusSchema),
              },
            },
          },
        },
      ],
    },
  };
}

export function formatStoragePolicy(): string {
  const comment =
    '# What an operator writes to say which volumes CoucheStor may move, between which pools, and when. The API server refuses\n' +
    '# a policy that cannot work, with a sentence that says what to change.\n' +
    '# Made from libs/shared/src/policy by tools/crd.ts; do not edit.\n';
  return (
    comment + stringify(describeStoragePolicy(), { lineWidth: 0, aliasDuplicateObjects: false, singleQuote: true })
  );
}

/** What `kubectl get storagepolicies` shows; with priority 1 only with `-o wide`. */
const printerColumns: readonly (readonly [string, string, string, string, 0 | 1])[] = [
  ['High IOPS', 'integer', '.spec.highWatermarkIOPS', 'At or above: hot tier', 0],
  ['Low IOPS', 'integer', '.spec.lowWatermarkIOPS', 'At or below: cold tier', 0],
  ['Phase', 'string', '.status.phase', 'Pending, Active, Disabled or Error', 0],
  ['Watched', 'integer', '.status.watchedVolumes', 'Volumes that the policy claims', 0],
  ['Migrations', 'integer', '.status.totalMigrations', 'Completed moves since the policy was created', 0],
  ['Hot', 'integer', '.status.hotVolumes', 'Volumes with every replica on the hot tier', 1],
  ['Warm', 'integer', '.status.warmVolumes', 'Volumes with every replica on the warm tier', 1],
  ['Cold', 'integer', '.status.coldVolumes', 'Volumes with every replica on the cold tier', 1],
  ['Active', 'integer', '.status.activeMigrations', 'Moves in flight', 1],
  ['Failed', 'integer', '.status.failedMigrations', 'Moves that failed', 1],
  ['Dry-Run', 'boolean', '.spec.dryRun', 'Decides without acting', 1],
  ['StorageClass', 'string', '.spec.storageClassName', 'The volumes that the policy is about', 1],
  ['Age', 'date', '.metadata.creationTimestamp', 'Since the policy was created', 0],
];

type JsonSchema = Readonly<Record<string, unknown>>;

/** In the order in which a reader wants them. */
const keywords = [
  'type',
  'format',
  'description',
  'default',
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'maxItems',
  'maxProperties',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-validations',
  'required',
  'properties',
  'additionalProperties',
  'items',
] as const;

/** What has no place in a structural schema, or is told by something else in it. */
const dropped: ReadonlySet<string> = new Set(['$schema']);

function structural(schema: z.ZodType): JsonSchema {
  return inOrder(z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0' }) as JsonSchema);
}

/** @throws TypeError for a keyword that Kubernetes does not know or that nobody thought of here */
function inOrder(schema: JsonSchema): JsonSchema {
  const unknown = Object.keys(schema).find((name) => !dropped.has(name) && !keywords.some((known) => known === name));
  if (unknown !== undefined) throw new TypeError(`the definition cannot hold ${unknown}: ${JSON.stringify(schema)}`);
  const ordered: Record<string, unknown> = {};
  for (const keyword of keywords) {
    const value = schema[keyword];
    if (value === undefined || isOpenEnd(schema, keyword, value)) continue;
    ordered[keyword] =
      keyword === 'properties'
        ? Object.fromEntries(
            Object.entries(value as object).map(([name, member]) => [name, inOrder(member as JsonSchema)]),
          )
        : keyword === 'items' || keyword === 'additionalProperties'
          ? inOrder(value as JsonSchema)
          : value;
  }
  return ordered;
}

/** Not a bound of ours: the end of what a number holds exactly, or the pattern that a format stands for. */
function isOpenEnd(schema: JsonSchema, keyword: string, value: unknown): boolean {
  if (keyword === 'maximum') return value === Number.MAX_SAFE_INTEGER;
  return keyword === 'pattern' && schema['format'] === 'date-time';
}
