import { isOurCordonLabel, type ClusterObserved, type NodeObserved } from '@couchestor/shared/messages';
import type { Control, NodeReading } from './objects.ts';

/** Cordons of ours carry our label and are no fact: they come and go with every move. */
export function nodeFact(reading: NodeReading): NodeObserved {
  const { name, status, version, labels, cordonLabels, draining } = reading;
  return {
    name,
    status,
    ...(version === undefined ? {} : { version }),
    labels,
    cordonLabels: cordonLabels.filter((label) => !isOurCordonLabel(label)).sort(),
    draining,
  };
}

export function clusterFact(control: Control, nodes: Iterable<NodeReading>): ClusterObserved {
  const versions = new Set<string>();
  for (const { version } of nodes) if (version !== undefined) versions.add(version);
  return {
    paused: control.paused,
    ...(control.paused && control.reason !== undefined ? { pauseReason: control.reason } : {}),
    mayastorVersions: [...versions].sort(),
  };
}
