import type { Cluster } from './cluster.ts';
import { events, EVENTS_NAMESPACE, eventTimeMs, type Event, type PersistentVolume } from './objects.ts';

/** What was told of a volume, newest first. */
export async function readEvents({ client }: Cluster, { metadata }: PersistentVolume): Promise<readonly Event[]> {
  const found = await client.list<Event>(events, {
    namespace: EVENTS_NAMESPACE,
    fieldSelector: `involvedObject.kind=PersistentVolume,involvedObject.name=${metadata.name}`,
  });
  return [...found].sort((a, b) => eventTimeMs(b) - eventTimeMs(a));
}
