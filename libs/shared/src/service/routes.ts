/** An answer in JSON. */
export interface JsonAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface JsonRequest {
  /** Values of the `:name` segments of the route's path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

export type JsonHandler = (request: JsonRequest) => JsonAnswer | Promise<JsonAnswer>;

/** GET routes that a service adds to its health port, at any time. */
export interface Routes {
  /** `path` begins with a slash; a segment `:name` matches anything without a slash. The first route that matches answers. */
  get(path: string, handler: JsonHandler): void;
}

export interface RouteTable extends Routes {
  find(path: string): { readonly handler: JsonHandler; readonly params: Readonly<Record<string, string>> } | undefined;
}

export function createRouteTable(): RouteTable {
  const routes: { readonly segments: readonly string[]; readonly handler: JsonHandler }[] = [];
  return {
    get: (path, handler) => {
      routes.push({ segments: path.split('/'), handler });
    },
    find: (path) => {
      const actual = path.split('/');
      for (const { segments, handler } of routes) {
        const params = matchSegments(segments, actual);
        if (params !== undefined) return { handler, params };
      }
      return undefined;
    },
  };
}

function matchSegments(
  expected: readonly string[],
  actual: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (expected.length !== actual.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of expected.entries()) {
    const text = actual[index] ?? '';
    if (!segment.startsWith(':')) {
      if (segment !== text) return undefined;
      continue;
    }
    const value = decodeSegment(text);
    if (value === undefined || value === '') return undefined;
    params[segment.slice(1)] = value;
  }
  return params;
}

function decodeSegment(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
