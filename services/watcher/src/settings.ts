import {
  booleanSetting,
  integerSetting,
  mayastorSettings,
  natsSettings,
  serviceSettings,
} from '@couchestor/shared/service';
import { z } from 'zod';

const text = (description: string) => z.string().min(1).meta({ description });

/** Everything that the watcher can be told by its environment. */
export const watcherSettings = z.object({
  ...serviceSettings,
  ...natsSettings,
  NATS_REPLICAS: integerSetting('Copies of each stream and bucket in a cluster of NATS servers.', {
    min: 1,
    max: 5,
    default: 1,
  }),
  KUBECONFIG: text(
    'Path of the kubeconfig file; without it the cluster that the process runs in, else ~/.kube/config.',
  ).optional(),
  POD_NAME: text('Name of this watcher in the Lease and in logs; the host name by default.').optional(),
  CONTROL_NAMESPACE: text('Namespace of the ConfigMap couchestor-control and of the Lease couchestor-watcher.').default(
    'kube-system',
  ),
  VOLUME_VIEW_NAMESPACE: text(
    'The namespace in which a MayastorVolume shows each volume to people; there are none without it.',
  ).optional(),
  LEADER_ELECTION: booleanSetting(
    'Whether several watchers elect one by a Lease; without it this one always leads and must be alone.',
    true,
  ),
  ...mayastorSettings,
  MAYASTOR_NAMESPACE: text('The namespace of the DiskPools; all namespaces by default.').optional(),
  MAYASTOR_TIMEOUT_MS: integerSetting('For one answer of Mayastor, in milliseconds.', {
    min: 1_000,
    max: 60_000,
    default: 15_000,
  }),
  MAYASTOR_CACHE_PERIOD_MS: integerSetting(
    "From one pass over Mayastor's volumes to the next, in milliseconds; its own cache is no fresher than 30 s.",
    { min: 100, max: 600_000, default: 30_000 },
  ),
  MAYASTOR_CALLS_PER_SECOND: integerSetting(
    'The most calls a second that the watcher makes to Mayastor; a pass that needs more takes longer.',
    { min: 1, max: 1_000, default: 4 },
  ),
  STATUS_DEBOUNCE_MS: integerSetting('How long news of a policy is gathered before its status is written.', {
    min: 0,
    max: 60_000,
    default: 250,
  }),
  KUBERNETES_WRITES_PER_SECOND: integerSetting(
    'The most statuses, the most annotations current-tier, and the most MayastorVolumes that are written in a second.',
    { min: 1, max: 1_000, default: 20 },
  ),
});

export type WatcherSettings = z.output<typeof watcherSettings>;
