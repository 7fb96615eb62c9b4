import type { Json } from './json.ts';
import type { Cause } from './cause.ts';
import type { World } from './world.ts';

export interface MayastorRequest {
  readonly method: string;
  /** Path as it is in the request line, with `/v0` and the query, percent-encoded. */
  readonly path: string;
  /** Parsed JSON, if there was a body. */
  readonly body?: unknown;
}

export interface MayastorAnswer {
  readonly status: number;
  /** Null where the server sends no body: 204, and 404 of a route that does not exist. */
  readonly body: Json;
}

/** What a request asks of the core, once the REST server has read it. */
export type Routed =
  | { readonly kind: 'read'; readonly run: () => MayastorAnswer }
  | {
      readonly kind: 'write';
      /** Several engine calls in one: the REST server waits longer. */
      readonly long: boolean;
      readonly run: (cause: Cause) => Promise<MayastorAnswer>;
    };

export const ok = (body: Json): MayastorAnswer => ({ status: 200, body });
export const noContent: MayastorAnswer = { status: 204, body: null };

/** A request, taken apart. */
export interface Call {
  readonly world: World;
  readonly method: string;
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly rawQuery: string;
  readonly body: unknown;
}

export const read = (run: () => MayastorAnswer): Routed => ({ kind: 'read', run });
export const write = (run: (cause: Cause) => Promise<MayastorAnswer>, long = false): Routed => ({
  kind: 'write',
  long,
  run,
});
