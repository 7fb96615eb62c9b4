import { isStatus } from '@couchestor/shared/kubernetes';
import type { Cluster } from '../cluster.ts';
import { refuseFurther } from '../command-line.ts';
import { configMaps, CONTROL_NAME, readControl, type ConfigMap } from '../objects.ts';
import type { Report, Verb } from '../verb.ts';

export const pause: Verb = {
  name: 'pause',
  takes: '',
  summary: 'let no move take a further step, in the whole cluster',
  example: "kubectl couchestor pause --reason 'maintenance until noon'",
  heedsNamespace: false,
  flags: { reason: { type: 'string', value: 'TEXT', description: 'why, for everybody to read' } },
  check: (invocation) => refuseFurther(invocation, 0),
  run: async ({ invocation, cluster }) => {
    const reason = invocation.text('reason') ?? null;
    const configMap = await write(cluster, { paused: 'true', reason });
    return report(configMap, 'paused: moves rest where they are within 5 s');
  },
};

export const resume: Verb = {
  name: 'resume',
  takes: '',
  summary: 'end the pause',
  example: 'kubectl couchestor resume',
  heedsNamespace: false,
  flags: {},
  check: (invocation) => refuseFurther(invocation, 0),
  run: async ({ cluster }) => {
    const present = await cluster.client.get<ConfigMap>(configMaps, nameOf(cluster));
    if (present === undefined || !readControl(present).paused) {
      return { data: present ?? { data: {} }, text: () => 'nothing was paused' };
    }
    return report(await write(cluster, { paused: 'false', reason: null }), 'resumed: moves go on');
  },
};

const nameOf = ({ controlNamespace }: Cluster) => ({ name: CONTROL_NAME, namespace: controlNamespace });

function report(configMap: ConfigMap, done: string): Report {
  return { data: configMap, text: () => `configmap/${CONTROL_NAME} ${done}` };
}

async function write(cluster: Cluster, data: { paused: string; reason: string | null }): Promise<ConfigMap> {
  const { client } = cluster;
  const patch = (): Promise<ConfigMap> => client.mergePatch(configMaps, nameOf(cluster), { data });
  try {
    return await patch();
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
  }
  const { paused, reason } = data;
  try {
    return await client.create(configMaps, nameOf(cluster), {
      data: { paused, ...(reason === null ? {} : { reason }) },
    });
  } catch (error) {
    // Somebody else was faster.
    if (isStatus(error, 409)) return patch();
    throw error;
  }
}
