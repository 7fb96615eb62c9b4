import { digestOf } from '@couchestor/shared/bus';
import {
  collectionPath,
  createKubernetesClient,
  listObjects,
  type KubernetesAccess,
  type KubernetesObject,
  type Resource,
} from '@couchestor/shared/kubernetes';
import type { VolumeViewSink } from '../ports.ts';
import { settle } from './kubernetes-sink.ts';
import { formatVolumeView } from './volume-view-json.ts';

const volumeViewResource: Resource = {
  group: 'openebs.io',
  version: 'v1alpha1',
  kind: 'MayastorVolume',
  plural: 'mayastorvolumes',
};

/** Objects of this kind without the label are somebody else's, such as a Mayastor's of before 2.0. */
const MANAGED_BY = 'app.kubernetes.io/managed-by';
const labels = { [MANAGED_BY]: 'couchestor', 'app.kubernetes.io/part-of': 'couchestor' };

interface StoredView extends KubernetesObject {
  readonly status?: unknown;
}

export function createVolumeViewSink(access: KubernetesAccess, namespace: string, pageSize = 500): VolumeViewSink {
  const client = createKubernetesClient(access);
  return {
    held: async function* (signal) {
      const query = { limit: pageSize, labelSelector: `${MANAGED_BY}=${labels[MANAGED_BY]}` };
      const pages = listObjects<StoredView>(access, collectionPath(volumeViewResource, namespace), query, signal);
      for await (const page of pages) {
        yield page.map(({ metadata, status }) => [metadata.name, digestOf(status)] as const);
      }
    },
    digest: (view) => digestOf(formatVolumeView(view)),
    write: (view, signal) =>
      settle(() =>
        client.apply(
          volumeViewResource,
          { name: view.volumeId, namespace },
          { metadata: { labels }, status: formatVolumeView(view) },
          { signal },
        ),
      ),
    remove: (volumeId, signal) =>
      settle(async () => {
        await client.remove(volumeViewResource, { name: volumeId, namespace }, signal);
        return undefined;
      }),
  };
}
