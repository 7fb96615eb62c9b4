import type { KubernetesAccess } from './access.ts';
import { KubernetesAnswerError } from './errors.ts';
import type { KubernetesList, KubernetesObject } from './objects.ts';

export interface ListQuery {
  /** Objects in one page; all come in one piece without it. */
  readonly limit?: number;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

/** A page of a large collection may be slow to come from a busy server. */
const PAGE_TIMEOUT_MS = 60_000;

/**
 * The pages of one consistent list; at the end the resource version that it shows. A list that takes longer than the server
 * keeps its snapshot throws KubernetesStatusError 410 and has to begin anew.
 */
export async function* listObjects<T extends KubernetesObject>(
  access: KubernetesAccess,
  path: string,
  query: ListQuery,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly T[], string, undefined> {
  let token: string | undefined;
  for (;;) {
    const page: KubernetesList<T> = await access.request({
      method: 'GET',
      path,
      query: { ...query, continue: token },
      timeoutMs: PAGE_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    yield page.items ?? [];
    token = page.metadata.continue;
    if (token !== undefined && token !== '') continue;
    const { resourceVersion = '' } = page.metadata;
    if (resourceVersion === '') throw new KubernetesAnswerError(`the list of ${path}`, 'has no resource version');
    return resourceVersion;
  }
}
