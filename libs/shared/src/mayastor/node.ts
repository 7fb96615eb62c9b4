export type NodeStatus = 'Online' | 'Offline' | 'Unknown';

export interface MayastorNode {
  readonly id: string;
  readonly status: NodeStatus;
  /** Such as `v2.10.1`; undefined where the node has not said. */
  readonly version: string | undefined;
  /** One per actor that cordoned it; any of them keeps new replicas and targets away. */
  readonly cordonLabels: readonly string[];
  /** A drain moves targets away, never replicas. */
  readonly drainLabels: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}
