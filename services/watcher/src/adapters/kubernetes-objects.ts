import type { KubernetesObject } from '@couchestor/shared/kubernetes';
import { z } from 'zod';
import {
  ANNOTATION_PREFIX,
  CURRENT_TIER,
  MAYASTOR_CSI_DRIVER,
  type Control,
  type DiskPoolObject,
  type PersistentVolumeObject,
  type PolicyObject,
} from '../core/objects.ts';
import { parsePolicyStatus } from './policy-status-json.ts';
import { createSharedText } from './shared-text.ts';

/** What is kept of objects as the API server sends them. An object that is not as its kind says is left out. */

const metadata = z.object({
  name: z.string(),
  namespace: z.string().default(''),
  uid: z.string(),
  resourceVersion: z.string().default(''),
  generation: z.int().min(0).default(0),
  creationTimestamp: z.string().default('1970-01-01T00:00:00Z'),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
});

const policySchema = z.object({ metadata, spec: z.unknown().optional(), status: z.unknown().optional() });

export function projectPolicy(object: KubernetesObject): PolicyObject {
  const { metadata: meta, spec, status } = policySchema.parse(object);
  return {
    policyId: meta.uid,
    name: meta.name,
    resourceVersion: meta.resourceVersion,
    generation: meta.generation,
    createdAt: meta.creationTimestamp,
    createdAtMs: Date.parse(meta.creationTimestamp),
    spec,
    status: parsePolicyStatus(status),
  };
}

interface StoredPersistentVolume extends KubernetesObject {
  readonly spec?: {
    readonly csi?: { readonly driver?: string; readonly volumeHandle?: string };
    readonly storageClassName?: string;
    readonly claimRef?: { readonly namespace?: string; readonly name?: string };
  };
  readonly status?: { readonly phase?: string };
}

/** Names of StorageClasses and namespaces, which many volumes share. */
const shared = createSharedText();

/** Undefined for a volume of another driver. Read without a schema, since there may be 100,000 of them. */
export function projectPersistentVolume(object: KubernetesObject): PersistentVolumeObject | undefined {
  const { metadata: meta, spec, status }: StoredPersistentVolume = object;
  const volumeId = spec?.csi?.volumeHandle;
  if (spec?.csi?.driver !== MAYASTOR_CSI_DRIVER || volumeId === undefined || meta.uid === undefined) return undefined;
  const { claimRef } = spec;
  return {
    volumeId,
    createdAtMs: Date.parse(meta.creationTimestamp ?? '1970-01-01T00:00:00Z'),
    currentTier: meta.annotations?.[CURRENT_TIER],
    view: {
      name: meta.name,
      uid: meta.uid,
      phase: status?.phase ?? 'Pending',
      storageClassName: shared(spec.storageClassName ?? ''),
      labels: meta.labels ?? {},
      ...(claimRef?.namespace === undefined || claimRef.name === undefined
        ? {}
        : { claim: { namespace: shared(claimRef.namespace), name: claimRef.name } }),
      ...annotationsOf(meta.annotations ?? {}),
    },
  };
}

const annotationKeys = {
  lastMigration: `${ANNOTATION_PREFIX}last-migration`,
  hold: `${ANNOTATION_PREFIX}hold`,
  pinTier: `${ANNOTATION_PREFIX}pin-tier`,
  approve: `${ANNOTATION_PREFIX}approve`,
  abort: `${ANNOTATION_PREFIX}abort`,
} as const;
type PeoplesAnnotations = { -readonly [K in keyof typeof annotationKeys]?: string };

function annotationsOf(annotations: Readonly<Record<string, string>>): PeoplesAnnotations {
  const read: PeoplesAnnotations = {};
  for (const name of Object.keys(annotationKeys) as (keyof typeof annotationKeys)[]) {
    const value = annotations[annotationKeys[name]];
    if (value !== undefined) read[name] = value;
  }
  return read;
}

const diskPoolSchema = z.object({ metadata, spec: z.object({ node: z.string().default('') }).default({ node: '' }) });

export function projectDiskPool(object: KubernetesObject): DiskPoolObject {
  const { metadata: meta, spec } = diskPoolSchema.parse(object);
  return {
    diskPoolId: meta.uid,
    name: meta.name,
    namespace: meta.namespace,
    node: spec.node,
    labels: meta.labels,
    createdAtMs: Date.parse(meta.creationTimestamp),
  };
}

/** What somebody wrote into the ConfigMap by hand counts as a pause unless it clearly is none. */
export function readControl(data: Readonly<Record<string, string>> | undefined): Control {
  const paused = (data?.['paused'] ?? 'false').trim().toLowerCase();
  return { paused: !['', 'false', 'no'].includes(paused), reason: data?.['reason'] };
}
