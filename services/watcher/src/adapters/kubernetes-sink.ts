import type { Clock } from '@couchestor/shared/clock';
import {
  apiVersionOf,
  createEventRecorder,
  createKubernetesClient,
  isStatus,
  KubernetesStatusError,
  type KubernetesAccess,
  type KubernetesObject,
  type Resource,
} from '@couchestor/shared/kubernetes';
import { formatTimestamp } from '@couchestor/shared/units';
import { CURRENT_TIER, LAST_MIGRATION } from '../core/objects.ts';
import type { ControlSource, KubernetesSink, WriteOutcome } from '../ports.ts';
import { readControl } from './kubernetes-objects.ts';
import { persistentVolumeResource, policyResource } from './kubernetes-source.ts';
import { formatPolicyStatus } from './policy-status-json.ts';

export interface KubernetesSinkOptions {
  readonly access: KubernetesAccess;
  readonly clock: Clock;
  readonly identity: string;
}

export function createKubernetesSink({ access, clock, identity }: KubernetesSinkOptions): KubernetesSink {
  const client = createKubernetesClient(access);
  const recorder = createEventRecorder(client, clock, { component: 'couchestor', instance: identity });
  return {
    // With the version that it is based on, so that of two leaders one cannot undo what the other counted.
    writeStatus: ({ name, policyId: uid, resourceVersion }, status, signal) =>
      settle(() =>
        client.apply(
          policyResource,
          { name },
          { metadata: { uid, resourceVersion }, status: formatPolicyStatus(status) },
          { subresource: 'status', signal },
        ),
      ),
    annotate: ({ view: { name, uid } }, { lastMigrationMs, currentTier }, signal) =>
      settle(() => {
        const annotations = {
          ...(lastMigrationMs === undefined ? {} : { [LAST_MIGRATION]: formatTimestamp(lastMigrationMs) }),
          ...(currentTier === undefined ? {} : { [CURRENT_TIER]: currentTier }),
        };
        return client.mergePatch(persistentVolumeResource, { name }, { metadata: { uid, annotations } }, { signal });
      }),
    announce: ({ regarding: { kind, name, uid }, ...event }, signal) =>
      settle(async () => {
        const resource: Resource = kind === 'StoragePolicy' ? policyResource : persistentVolumeResource;
        await recorder.record({ ...event, regarding: { apiVersion: apiVersionOf(resource), kind, name, uid } }, signal);
        return undefined;
      }),
  };
}

/** What became of a write. @throws if it may work later */
export async function settle(write: () => Promise<KubernetesObject | undefined>): Promise<WriteOutcome> {
  try {
    const written = await write();
    return { kind: 'written', resourceVersion: written?.metadata.resourceVersion ?? '' };
  } catch (error) {
    if (isStatus(error, 404)) return { kind: 'gone' };
    if (isStatus(error, 409)) return { kind: 'conflict' };
    if (error instanceof KubernetesStatusError && error.retry.retry === 'never') {
      return { kind: 'refused', problem: error.message };
    }
    throw error;
  }
}

interface ConfigMap extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
}

const CONTROL_NAME = 'couchestor-control';
const configMapResource: Resource = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps' };

export function createControlSource(access: KubernetesAccess, namespace: string): ControlSource {
  const client = createKubernetesClient(access);
  return {
    read: async (signal) => {
      const configMap = await client.get<ConfigMap>(configMapResource, { name: CONTROL_NAME, namespace }, signal);
      return readControl(configMap?.data);
    },
  };
}
