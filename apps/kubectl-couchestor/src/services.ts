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
  /** All pods of a service whose work is shared out among them. */
  askAll<S extends z.ZodType>(service: ServiceName, path: string, schema: S): Promise<Answer<readonly z.output<S>[]>>;
}

const PORT = 8081;
const TIMEOUT_MS = 10_000;
/** The Deployment and the Service of the watcher carry the name of the whole. */
const serviceNames: Readonly<Record<ServiceName, string>> = {
  watcher: 'couchestor',
  scorer: 'couchestor-scorer',
  migrator: 'couchestor-migrator',
};

/** Asks the services through the API server's proxy, so that nothing but Kubernetes rights is needed. */
export function createServices(access: KubernetesAccess, client: KubernetesClient, namespace: string): Services {
  const origins = new Map<ServiceName, Promise<readonly string[]>>();

  /** Paths of pods that run, or of the Service where pods may not be listed. */
  const findOrigins = async (service: ServiceName): Promise<readonly string[]> => {
    const root = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
    const labelSelector = `app=couchestor,app.kubernetes.io/component=${service}`;
    const found = await client.list<Pod>(pods, { namespace, labelSelector }).catch((error: unknown) => {
      if (isStatus(error, 403) || isStatus(error, 404)) return [];
      throw error;
    });
    const running = found.filter(({ status }) => status?.phase === undefined || status.phase === 'Running');
    if (running.length === 0) return [`${root}/services/${serviceNames[service]}:${PORT}/proxy`];
    return running.map(({ metadata }) => `${root}/pods/${encodeURIComponent(metadata.name)}:${PORT}/proxy`);
  };
  const originsOf = (service: ServiceName): Promise<readonly string[]> => {
    const known = origins.get(service) ?? findOrigins(service);
    origins.set(service, known);
    return known;
  };
  const askOne = async <S extends z.ZodType>(origin: string, path: string, schema: S): Promise<Answer<z.output<S>>> => {
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
      return { kind: 'unreachable', problem: 'it answers something else than this version of the command understands' };
    } catch (error) {
      return refusal(error);
    }
  };

  return {
    ask: async (service, path, schema) => {
      const problems: string[] = [];
      try {
        for (const origin of await originsOf(service)) {
          const answer = await askOne(origin, path, schema);
          if (answer.kind !== 'unreachable') return answer;
          problems.push(answer.problem);
        }
      } catch (error) {
        problems.push(textOf(error));
      }
      return { kind: 'unreachable', problem: [...new Set(problems)].join('; ') };
    },
    askAll: async (service, path, schema) => {
      try {
        const answers = await Promise.all((await originsOf(service)).map((origin) => askOne(origin, path, schema)));
        const values = answers.flatMap((answer) => (answer.kind === 'answered' ? [answer.value] : []));
        const problems = answers.flatMap((answer) => {
          if (answer.kind === 'answered') return [];
          return answer.kind === 'unreachable' ? [answer.problem] : ['it does not know this question'];
        });
        // What only some of the pods say is not the whole, and must not pass for it.
        if (problems.length > 0) return { kind: 'unreachable', problem: [...new Set(problems)].join('; ') };
        return { kind: 'answered', value: values };
      } catch (error) {
        return { kind: 'unreachable', problem: textOf(error) };
      }
    },
  };
}

function refusal(error: unknown): Answer<never> {
  if (!(error instanceof KubernetesStatusError)) return { kind: 'unreachable', problem: textOf(error) };
  // The API server names a reason for each of its own refusals; what comes without one is the service's.
  const isOfService = error.reason === 'Unknown';
  if (isOfService && error.status === 404) return { kind: 'absent' };
  if (isOfService && error.status === 503) {
    return { kind: 'unreachable', problem: 'it stands by, or has only just started and decided nothing yet' };
  }
  switch (error.status) {
    case 403:
      return {
        kind: 'unreachable',
        problem: 'you may not use the API server as a proxy (get on pods/proxy or services/proxy)',
      };
    case 404:
      return { kind: 'unreachable', problem: 'no pod and no Service of it was found' };
    default:
      return { kind: 'unreachable', problem: error.message };
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
