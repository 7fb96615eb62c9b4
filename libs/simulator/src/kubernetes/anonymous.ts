import { ApiError } from './api-error.ts';
import { jsonResponse, readBoolean, type KubeRequest, type KubeResponse } from './request.ts';
import { verbOf, type Route, type Target } from './route.ts';

/** What an anonymous user may see: that the server is there, and its version. */
const openRoutes: ReadonlySet<Route['to']> = new Set(['health', 'version']);

/** The refusal of a request that carries no credentials; `undefined` if it needs none. */
export function refuseAnonymous(request: KubeRequest, route: Route, query: URLSearchParams): KubeResponse | undefined {
  if (openRoutes.has(route.to)) return undefined;
  if (route.to === 'objects') return refuseObjects(request, route.target, query);
  const path = request.url.split('?')[0] ?? '';
  const message = `forbidden: User "system:anonymous" cannot ${request.method.toLowerCase()} path ${JSON.stringify(path)}`;
  return jsonResponse(new ApiError({ code: 403, reason: 'Forbidden', message, details: {} }).status, 403);
}

function refuseObjects(request: KubeRequest, target: Target, query: URLSearchParams): KubeResponse {
  const { kind, served, name, namespace, subresource } = target;
  const verb = verbOf(request.method, target, readBoolean(query, 'watch')) ?? request.method.toLowerCase();
  const resource = subresource === undefined ? kind.plural : `${kind.plural}/${subresource}`;
  const qualified = served.group === '' ? kind.plural : `${kind.plural}.${served.group}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const what = name === undefined ? qualified : `${qualified} ${JSON.stringify(name)}`;
  const error = new ApiError({
    code: 403,
    reason: 'Forbidden',
    message: `${what} is forbidden: User "system:anonymous" cannot ${verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(served.group)} ${where}`,
    details: {
      ...(name === undefined ? {} : { name }),
      ...(served.group === '' ? {} : { group: served.group }),
      kind: kind.plural,
    },
  });
  return jsonResponse(error.status, 403);
}
