import { labelsAt, recordAt, recordOf, requiredText, textAt, textsAt, wordReader } from './json-fields.ts';

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

const nodeStatus = wordReader(['Online', 'Offline']);

/** @throws MalformedAnswerError */
export function parseNode(value: unknown): MayastorNode {
  const node = recordOf(value, 'a node');
  const spec = recordAt(node, 'spec');
  const state = recordAt(node, 'state');
  const shut = recordAt(spec, 'cordondrainstate');
  const forms = ['cordonedstate', 'drainingstate', 'drainedstate'].map((form) => recordAt(shut, form));
  return {
    id: requiredText(node, 'id', 'a node'),
    status: nodeStatus(state['status']),
    version: textAt(state, 'version') ?? textAt(spec, 'version'),
    cordonLabels: forms.flatMap((form) => textsAt(form, 'cordonlabels')),
    drainLabels: forms.flatMap((form) => textsAt(form, 'drainlabels')),
    labels: labelsAt(spec, 'labels'),
  };
}
