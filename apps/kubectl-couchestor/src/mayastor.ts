import type { KubernetesAccess, KubernetesClient } from '@couchestor/shared/kubernetes';
import {
  mayastorVolumesAnswer,
  nodesAnswer,
  poolsAnswer,
  type MayastorNode,
  type MayastorPool,
  type MayastorVolume,
} from './answers.ts';
import { services, type Service } from './objects.ts';
import type { Answer } from './services.ts';

/** What Mayastor itself shows. */
export interface MayastorView {
  readonly nodes: readonly MayastorNode[];
  readonly pools: readonly MayastorPool[];
  readonly volumes: readonly MayastorVolume[];
}

const PAGE_SIZE = 500;
const PAGES_MAX = 400;
const TIMEOUT_MS = 20_000;

/** Asks Mayastor's REST API, which needs no password of its own, through the API server's proxy. It is only read. */
export async function readMayastor(
  access: KubernetesAccess,
  client: KubernetesClient,
  namespace: string,
): Promise<Answer<MayastorView>> {
  try {
    const [service] = await client.list<Service>(services, { namespace, labelSelector: 'app=api-rest' });
    if (service === undefined) {
      return { kind: 'unreachable', problem: `namespace ${namespace} has no Service with the label app=api-rest` };
    }
    const port = service.spec?.ports?.find(({ name }) => name === 'http')?.port ?? 8081;
    const root = `/api/v1/namespaces/${namespace}/services/${service.metadata.name}:${port}/proxy/v0`;
    const read = (path: string, query: Record<string, number> = {}): Promise<unknown> =>
      access.request({ method: 'GET', path: `${root}/${path}`, query, timeoutMs: TIMEOUT_MS });
    const nodes = nodesAnswer.parse(await read('nodes'));
    const pools = poolsAnswer.parse(await read('pools'));
    const volumes: MayastorVolume[] = [];
    for (let page = 0, token: number | undefined = 0; token !== undefined && page < PAGES_MAX; page += 1) {
      const answer = mayastorVolumesAnswer.parse(
        await read('volumes', { max_entries: PAGE_SIZE, starting_token: token }),
      );
      for (const { spec, state } of answer.entries) {
        const replicas = Object.keys(state.replica_topology).length;
        volumes.push({ volumeId: spec.uuid, wantedReplicas: spec.num_replicas, replicas });
      }
      token = answer.next_token ?? undefined;
    }
    return { kind: 'answered', value: { nodes, pools, volumes } };
  } catch (error) {
    return { kind: 'unreachable', problem: error instanceof Error ? error.message.slice(0, 300) : String(error) };
  }
}
