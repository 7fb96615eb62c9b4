import { isStatus, type KubernetesAccess, type Resource } from '@couchestor/shared/kubernetes';

const GROUP = 'openebs.io';

interface ApiGroup {
  readonly preferredVersion?: { readonly version?: string };
  readonly versions?: readonly { readonly version?: string }[];
}

interface ApiResourceList {
  readonly resources?: readonly { readonly name?: string }[];
}

/** The version in which the API server serves DiskPools, the preferred one if it can. @throws if there is none */
export async function findDiskPoolResource(access: KubernetesAccess, signal: AbortSignal): Promise<Resource> {
  const group = await get<ApiGroup>(access, `/apis/${GROUP}`, signal);
  const versions = [group?.preferredVersion, ...(group?.versions ?? [])].flatMap((entry) => entry?.version ?? []);
  for (const version of new Set(versions)) {
    const list = await get<ApiResourceList>(access, `/apis/${GROUP}/${version}`, signal);
    if (list?.resources?.some(({ name }) => name === 'diskpools') === true) {
      return { group: GROUP, version, kind: 'DiskPool', plural: 'diskpools' };
    }
  }
  throw new Error('the API server serves no diskpools.openebs.io; is Mayastor installed?');
}

async function get<T>(access: KubernetesAccess, path: string, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await access.request<T>({ method: 'GET', path, signal });
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}
