import { isStatus, type KubernetesAccess } from '@couchestor/shared/kubernetes';
import type { Answer } from './services.ts';

/** What somebody may or may not do, and which verbs of this command need it. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  /** Undefined for the whole cluster. */
  readonly namespace?: string;
  readonly neededBy: string;
}

export function neededRights(
  controlNamespace: string,
  claimNamespace: string,
  mayastorNamespace: string,
): readonly Right[] {
  const inControl = { group: '', namespace: controlNamespace };
  return [
    { verb: 'list', group: 'storage.billyronks.io', resource: 'storagepolicies', neededBy: 'status, explain, history' },
    { verb: 'get', group: '', resource: 'persistentvolumes', neededBy: 'explain, hold, pin, abort' },
    { verb: 'list', group: '', resource: 'persistentvolumes', neededBy: '-l, -n of top' },
    { verb: 'patch', group: '', resource: 'persistentvolumes', neededBy: 'hold, pin, abort' },
    {
      verb: 'get',
      group: '',
      resource: 'persistentvolumeclaims',
      namespace: claimNamespace,
      neededBy: 'names of claims',
    },
    { verb: 'list', group: '', resource: 'events', namespace: 'default', neededBy: 'explain, abort' },
    { verb: 'list', group: 'openebs.io', resource: 'diskpools', neededBy: 'doctor' },
    { verb: 'get', ...inControl, resource: 'configmaps', neededBy: 'status, explain, resume' },
    { verb: 'patch', ...inControl, resource: 'configmaps', neededBy: 'pause, resume' },
    { verb: 'create', ...inControl, resource: 'configmaps', neededBy: 'the first pause' },
    { verb: 'list', ...inControl, resource: 'pods', neededBy: 'scores, decisions, moves' },
    { verb: 'get', ...inControl, resource: 'pods', subresource: 'proxy', neededBy: 'scores, decisions, moves' },
    { verb: 'list', group: '', resource: 'services', namespace: mayastorNamespace, neededBy: 'doctor' },
    {
      verb: 'get',
      group: '',
      resource: 'services',
      subresource: 'proxy',
      namespace: mayastorNamespace,
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
    const allowed = await Promise.all(rights.map((right) => isAllowed(access, right)));
    return { kind: 'answered', value: rights.filter((_, index) => allowed[index] !== true) };
  } catch (error) {
    if (isStatus(error, 404)) return { kind: 'unreachable', problem: 'the API server has no SelfSubjectAccessReview' };
    return { kind: 'unreachable', problem: error instanceof Error ? error.message : String(error) };
  }
}

async function isAllowed(access: KubernetesAccess, right: Right): Promise<boolean> {
  const { verb, group, resource, subresource, namespace } = right;
  const review = await access.request<Review>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group, resource, subresource, namespace } },
    },
  });
  return review.status?.allowed === true;
}
