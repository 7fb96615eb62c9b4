import type { Cluster } from '../cluster.ts';
import { persistentVolumes, type PersistentVolume } from '../objects.ts';
import type { Report } from '../verb.ts';

/** Sets an annotation of PersistentVolumes, or removes it with null. One after the other, so that an error tells how far it came. */
export async function annotate(
  { client }: Cluster,
  volumes: readonly PersistentVolume[],
  annotation: string,
  value: string | null,
): Promise<readonly PersistentVolume[]> {
  const written: PersistentVolume[] = [];
  for (const { metadata } of volumes) {
    written.push(
      await client.mergePatch<PersistentVolume>(
        persistentVolumes,
        { name: metadata.name },
        { metadata: { annotations: { [annotation]: value } } },
      ),
    );
  }
  return written;
}

export function reportAnnotated(volumes: readonly PersistentVolume[], done: string): Report {
  return {
    data: volumes.length === 1 ? volumes[0] : { apiVersion: 'v1', kind: 'List', items: volumes },
    text: () => volumes.map(({ metadata }) => `persistentvolume/${metadata.name} ${done}`).join('\n'),
  };
}
