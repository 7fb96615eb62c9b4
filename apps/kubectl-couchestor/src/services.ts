import {
  isStatus,
  KubernetesStatusError,
  type KubernetesAccess,
  type KubernetesClient,
} from '@couchestor/shared/kubernetes';
import type { z } from 'zod';
import { pods, type Pod } from './objects.ts';

export type ServiceName = 'watcher' | 'scorer' | 'migrator';

/** What a service says, or why it could not be asked. */
export type Answer<T> =
  | { readonly kind: 'answered'; readonly value: T }
  /** The service knows no such thing. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreachable'; readonly problem: string };

export interface Services {
  /** The one that leads: the first pod that does not say that it stands by. */
  ask<S extends z.ZodType>(service: ServiceName, path: string, schema: S): Promise<Answer<z.output<S>>>;
  /** Each pod of a service that can be asked; unreachable if there is none. */
  askAll<S extends z.ZodType>(service: ServiceName, path: string, schema: S): Promise<Answer<readonly z.output<S>[]>>;
}

/** Why one pod or Service gave no answer, beside the words for it. */
type Silence = { readonly kind: 'silent'; readonly why: 'forbidden' | 'standsBy' | 'other'; readonly problem: string };
type Heard<T> = Exclude<Answer<T>, { readonly kind: 'unreachable' }> | Silence;

export const SERVICE_PORT = 8081;
const TIMEOUT_MS = 10_000;
/** A Service leads to any of its pods: with two of them, one in 256 questions meets only the one that stands by. */
const SERVICE_TRIES = 8;
/** The Deployment and the Service of the watcher carry the name of the whole. */
export const serviceNames: Readonly<Record<ServiceName, string>> = {
  watcher: 'couchestor',
  scorer: 'couchestor-scorer',
  migrator: 'couchestor-migrator',
};

/**
 * Asks the services through the API server's proxy, so that nothing but Kubernetes rights is needed: pod by pod, or
 * through the Service where pods may not be listed or asked.
 */
export function createServices(access: KubernetesAccess, client: KubernetesClient, namespace: string): Services {
  const root = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
  const found = new Map<ServiceName, Promise<readonly string[]>>();

  /** Paths of the pods that run; none where they may not be listed. */
  const findPods = async (service: ServiceName): Promise<readonly string[]> => {
    const labelSelector = `app=couchestor,app.kubernetes.io/component=${service}`;
    const list = await client.list<Pod>(pods, { namespace, labelSelector }).catch((error: unknown) => {
      if (isStatus(error, 403) || isStatus(error, 404)) return [];
      throw error;
    });
    const running = list.filter(({ status }) => status?.phase === undefined || status.phase === 'Running');
    return running.map(({ metadata }) => `${root}/pods/${encodeURIComponent(metadata.name)}:${SERVICE_PORT}/proxy`);
  };
  const podsOf = (service: ServiceName): Promise<readonly string[]> => {
    const known = found.get(service) ?? findPods(service);
    found.set(service, known);
    return known;
  };
  const askOne = async <S extends z.ZodType>(origin: string, path: string, schema: S): Promise<Heard<z.output<S>>> => {
    try {
      const [pathname = '', query = ''] = path.split('?');
      const body = await access.request<unknown>({
        method: 'GET',
        path: `${origin}${pathname}`,
        query: Object.fromEntries(new URLSearchParams(query)),
        timeoutMs: TIMEOUT_MS,
      });
      const read = schema.safeParse(body);
      if (read.success) return { kind: 'answered', value: read.data };
      return silent('it answers something else than this version of the command understands');
    } catch (error) {
      return refusal(error);
    }
  };
  const askService = async <S extends z.ZodType>(
    service: ServiceName,
    path: string,
    schema: S,
  ): Promise<Heard<z.output<S>>> => {
    const origin = `${root}/services/${serviceNames[service]}:${SERVICE_PORT}/proxy`;
    let heard = await askOne(origin, path, schema);
    for (let tries = 1; heard.kind === 'silent' && heard.why === 'standsBy' && tries < SERVICE_TRIES; tries += 1) {
      heard = await askOne(origin, path, schema);
    }
    return heard;
  };
  /** What the pods say, or the Service where none of them may be asked. */
  const hear = async <S extends z.ZodType>(
    service: ServiceName,
    path: string,
    schema: S,
    askPods: (origins: readonly string[]) => Promise<readonly Heard<z.output<S>>[]>,
  ): Promise<readonly Heard<z.output<S>>[]> => {
    try {
      const heard = await askPods(await podsOf(service));
      const mayAskNone = heard.every((each) => each.kind === 'silent' && each.why === 'forbidden');
      return mayAskNone ? [await askService(service, path, schema)] : heard;
    } catch (error) {
      return [silent(textOf(error))];
    }
  };

  return {
    ask: async (service, path, schema) => {
      const heard = await hear(service, path, schema, async (origins) => {
        const all = [];
        for (const origin of origins) {
          const one = await askOne(origin, path, schema);
          all.push(one);
          if (isSaid(one)) break;
        }
        return all;
      });
      return heard.find(isSaid) ?? unreachable(heard);
    },
    askAll: async (service, path, schema) => {
      const heard = await hear(service, path, schema, (origins) =>
        Promise.all(origins.map((origin) => askOne(origin, path, schema))),
      );
      const values = heard.flatMap((each) => (each.kind === 'answered' ? [each.value] : []));
      return values.length > 0 ? { kind: 'answered', value: values } : unreachable(heard);
    },
  };
}

function isSaid<T>(heard: Heard<T>): heard is Exclude<Heard<T>, Silence> {
  return heard.kind !== 'silent';
}

function unreachable(heard: readonly Heard<unknown>[]): { readonly kind: 'unreachable'; readonly problem: string } {
  const problems = heard.flatMap((each) => {
    if (each.kind === 'silent') return [each.problem];
    return each.kind === 'absent' ? ['it does not know this question'] : [];
  });
  return { kind: 'unreachable', problem: [...new Set(problems)].join('; ') };
}

function silent(problem: string, why: Silence['why'] = 'other'): Silence {
  return { kind: 'silent', why, problem };
}

function refusal(error: unknown): Heard<never> {
  if (!(error instanceof KubernetesStatusError)) return silent(textOf(error));
  // The API server names a reason for each of its own refusals; what comes without one is the service's.
  const isOfService = error.reason === 'Unknown';
  if (isOfService && error.status === 404) return { kind: 'absent' };
  if (isOfService && error.status === 503) {
    return silent('it stands by, or has only just started and decided nothing yet', 'standsBy');
  }
  switch (error.status) {
    case 403:
      return silent(
        'you may not use the API server as a proxy (get on services/proxy or pods/proxy; the role couchestor-view has it)',
        'forbidden',
      );
    case 404:
      return silent('no pod and no Service of it was found');
    default:
      return silent(error.message);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
