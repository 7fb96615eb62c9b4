import { isStatus, type KubernetesAccess } from '@couchestor/shared/kubernetes';
import { SERVICE_PORT, serviceNames, type Answer } from './services.ts';

/** What somebody may or may not do. */
interface Access {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  /** Undefined for all objects of the kind. */
  readonly name?: string;
  /** Undefined for the whole cluster. */
  readonly namespace?: string;
}

/** What verbs of this command need, and the role of deploy/kustomize/base that has it. */
export interface Right extends Access {
  readonly neededBy: string;
  readonly role: 'couchestor-view' | 'couchestor-operator' | 'couchestor-mayastor-view';
  /** All of these together do as well. */
  readonly instead?: readonly Access[];
}

export function neededRights(
  controlNamespace: string,
  claimNamespace: string,
  mayastorNamespace: string,
): readonly Right[] {
  const volumes = { group: '', resource: 'persistentvolumes' };
  const policies = { group: 'storage.billyronks.io', resource: 'storagepolicies' };
  const configMaps = { group: '', resource: 'configmaps', namespace: controlNamespace };
  const pods = { group: '', resource: 'pods', namespace: controlNamespace };
  const services = { group: '', resource: 'services' };
  const control = { ...configMaps, name: 'couchestor-control' };
  return [
    { verb: 'list', ...policies, role: 'couchestor-view', neededBy: 'status, explain, history' },
    { verb: 'get', ...volumes, role: 'couchestor-view', neededBy: 'explain, hold, pin, abort' },
    { verb: 'list', ...volumes, role: 'couchestor-view', neededBy: '-l, -n of top' },
    {
      verb: 'get',
      group: '',
      resource: 'persistentvolumeclaims',
      namespace: claimNamespace,
      role: 'couchestor-view',
      neededBy: 'names of claims',
    },
    {
      verb: 'list',
      group: '',
      resource: 'events',
      namespace: 'default',
      role: 'couchestor-view',
      neededBy: 'explain, abort',
    },
    { verb: 'list', group: 'openebs.io', resource: 'diskpools', role: 'couchestor-view', neededBy: 'doctor' },
    { verb: 'get', ...control, role: 'couchestor-view', neededBy: 'status, explain, resume' },
    ...Object.values(serviceNames).map((name): Right => ({
      verb: 'get',
      ...services,
      subresource: 'proxy',
      name: `${name}:${SERVICE_PORT}`,
      namespace: controlNamespace,
      role: 'couchestor-view',
      neededBy: 'scores, decisions, moves',
      instead: [
        { verb: 'list', ...pods },
        { verb: 'get', ...pods, subresource: 'proxy' },
      ],
    })),
    { verb: 'patch', ...volumes, role: 'couchestor-operator', neededBy: 'hold, pin, abort' },
    { verb: 'patch', ...control, role: 'couchestor-operator', neededBy: 'pause, resume' },
    { verb: 'create', ...configMaps, role: 'couchestor-operator', neededBy: 'the first pause' },
    {
      verb: 'list',
      ...services,
      namespace: mayastorNamespace,
      role: 'couchestor-mayastor-view',
      neededBy: 'versions and cordons, of doctor',
    },
    {
      verb: 'get',
      ...services,
      subresource: 'proxy',
      name: 'mayastor-api-rest:8081',
      namespace: mayastorNamespace,
      role: 'couchestor-mayastor-view',
      neededBy: 'versions and cordons, of doctor',
    },
  ];
}

interface Review {
  readonly status?: { readonly allowed?: boolean };
}

/** The rights that the user lacks. */
export async function missingRights(
  access: KubernetesAccess,
  rights: readonly Right[],
): Promise<Answer<readonly Right[]>> {
  try {
    const allowed = await Promise.all(
      rights.map(async (right) => {
        if (await isAllowed(access, right)) return true;
        const others = await Promise.all((right.instead ?? []).map((other) => isAllowed(access, other)));
        return others.length > 0 && others.every(Boolean);
      }),
    );
    return { kind: 'answered', value: rights.filter((_, index) => allowed[index] !== true) };
  } catch (error) {
    if (isStatus(error, 404)) return { kind: 'unreachable', problem: 'the API server has no SelfSubjectAccessReview' };
    return { kind: 'unreachable', problem: error instanceof Error ? error.message : String(error) };
  }
}

async function isAllowed(access: KubernetesAccess, right: Access): Promise<boolean> {
  const { verb, group, resource, subresource, name, namespace } = right;
  const review = await access.request<Review>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group, resource, subresource, name, namespace } },
    },
  });
  return review.status?.allowed === true;
}
