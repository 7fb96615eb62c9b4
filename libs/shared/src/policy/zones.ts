import type { Labels } from './label-selector.ts';

/**
 * The label of a node that names its failure domain, as Kubernetes sets it and Mayastor shows it of nodes that were told.
 * @see https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone
 */
export const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** Zones that replicas on these nodes are spread over. A node without the label adds none: what nobody knows is no spread. */
export function zonesOf(
  nodes: Iterable<string>,
  known: ReadonlyMap<string, { readonly labels: Labels }>,
): ReadonlySet<string> {
  const zones = new Set<string>();
  for (const node of nodes) {
    const zone = known.get(node)?.labels[ZONE_LABEL];
    if (zone !== undefined) zones.add(zone);
  }
  return zones;
}

/** How many zones replicas on `nodes` would be spread over if the one on `from` went to `to`. */
export function zonesAfter(
  nodes: Iterable<string>,
  from: string,
  to: string,
  known: ReadonlyMap<string, { readonly labels: Labels }>,
): number {
  const after = new Set(nodes);
  after.delete(from);
  after.add(to);
  return zonesOf(after, known).size;
}
