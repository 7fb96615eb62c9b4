import {
  createKubernetesClient,
  isStatus,
  type KubernetesAccess,
  type KubernetesClient,
  type Resource,
} from '@couchestor/shared/kubernetes';
import { movesAnswer, type Move } from './answers.ts';
import { CommandError } from './command-error.ts';
import {
  configMaps,
  CONTROL_NAME,
  readControl,
  storagePolicies,
  type ConfigMap,
  type Control,
  type DiskPool,
  type StoragePolicy,
} from './objects.ts';
import { createServices, type Answer, type Services } from './services.ts';

/** What the verbs ask and change. */
export interface Cluster {
  readonly access: KubernetesAccess;
  readonly client: KubernetesClient;
  readonly services: Services;
  /** Where claims are looked for. */
  readonly namespace: string;
  readonly controlNamespace: string;
  policies(selector?: string): Promise<readonly StoragePolicy[]>;
  control(): Promise<Control>;
  /** All that are in flight. */
  moves(): Promise<Answer<readonly Move[]>>;
  /** Undefined where Mayastor's kind is not installed. */
  diskPools(): Promise<readonly DiskPool[] | undefined>;
}

export interface ClusterOptions {
  readonly access: KubernetesAccess;
  readonly namespace: string;
  readonly controlNamespace: string;
}

export function createCluster({ access, namespace, controlNamespace }: ClusterOptions): Cluster {
  const client = createKubernetesClient(access);
  const services = createServices(access, client, controlNamespace);
  return {
    access,
    client,
    services,
    namespace,
    controlNamespace,
    policies: async (selector) => {
      try {
        return await client.list<StoragePolicy>(
          storagePolicies,
          selector === undefined ? {} : { labelSelector: selector },
        );
      } catch (cause) {
        if (!isStatus(cause, 404)) throw cause;
        throw new CommandError(
          'this cluster knows no storagepolicies.storage.billyronks.io',
          'Install CoucheStor, or choose another cluster with --context.',
          { cause },
        );
      }
    },
    control: async () =>
      readControl(await client.get<ConfigMap>(configMaps, { name: CONTROL_NAME, namespace: controlNamespace })),
    moves: async () => {
      const answer = await services.askAll('migrator', '/v1/moves', movesAnswer);
      return answer.kind === 'answered' ? { kind: 'answered', value: together(answer.value.flat()) } : answer;
    },
    diskPools: async () => {
      const resource = await findDiskPools(access);
      return resource === undefined ? undefined : client.list<DiskPool>(resource);
    },
  };
}

/** Each migrator tells every move, and of its own the most. */
function together(told: readonly Move[]): readonly Move[] {
  const moves = new Map<string, Move>();
  for (const move of told) {
    if (move.step !== 'elsewhere' || !moves.has(move.migrationId)) moves.set(move.migrationId, move);
  }
  return [...moves.values()];
}

interface ApiGroup {
  readonly preferredVersion?: { readonly version?: string };
}

/** Mayastor's releases serve DiskPools in different versions. */
async function findDiskPools(access: KubernetesAccess): Promise<Resource | undefined> {
  try {
    const group = await access.request<ApiGroup>({ method: 'GET', path: '/apis/openebs.io' });
    const version = group.preferredVersion?.version;
    return version === undefined ? undefined : { group: 'openebs.io', version, kind: 'DiskPool', plural: 'diskpools' };
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}
