import { badRequest } from './api-error.ts';
import type { Json } from './json.ts';

/** A request as it comes off the wire; header names are in lower case. */
export interface KubeRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
}

/** Takes the frames of a watch. */
export interface WatchSink {
  /** One line of JSON, line end included. */
  readonly send: (frame: string) => void;
  /** The server ends the watch; nothing is sent after. */
  readonly end: () => void;
}

export type KubeResponse =
  | {
      readonly kind: 'body';
      readonly code: number;
      readonly headers: Readonly<Record<string, string | readonly string[]>>;
      /** In pieces, where the whole would be large. */
      readonly body: string | Iterable<string>;
    }
  | {
      readonly kind: 'watch';
      readonly code: 200;
      readonly headers: Readonly<Record<string, string | readonly string[]>>;
      /** Begins to send; the returned function is for the client that leaves. */
      readonly open: (sink: WatchSink) => () => void;
    }
  /** The connection is cut without an answer. */
  | { readonly kind: 'dropped' };

export function jsonResponse(body: Json, code = 200, warnings: readonly string[] = []): KubeResponse {
  return textResponse(JSON.stringify(body), 'application/json', code, warnings);
}

export function textResponse(
  body: string | Iterable<string>,
  contentType: string,
  code = 200,
  warnings: readonly string[] = [],
): KubeResponse {
  return {
    kind: 'body',
    code,
    headers: {
      'content-type': contentType,
      'cache-control': 'no-cache, private',
      ...(warnings.length === 0 ? {} : { warning: warnings.map((text) => `299 - ${JSON.stringify(text)}`) }),
    },
    body,
  };
}

/** How a client wants objects: as they are, as rows of a table, or their metadata alone. */
export type Representation =
  | { readonly kind: 'object' }
  | { readonly kind: 'table'; readonly includeObject: 'None' | 'Metadata' | 'Object' }
  | { readonly kind: 'metadata' };

/** The first form in `Accept` that the model has; others, such as protobuf, are passed over. */
export function readRepresentation(request: KubeRequest, query: URLSearchParams): Representation {
  for (const part of (request.headers?.['accept'] ?? '').split(',')) {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim());
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*') continue;
    const form = parameters.find((parameter) => parameter.startsWith('as='))?.slice('as='.length);
    switch (form) {
      case undefined:
        return { kind: 'object' };
      case 'Table': {
        const include = query.get('includeObject');
        return { kind: 'table', includeObject: include === 'None' || include === 'Object' ? include : 'Metadata' };
      }
      case 'PartialObjectMetadata':
      case 'PartialObjectMetadataList':
        return { kind: 'metadata' };
      default:
        continue;
    }
  }
  return { kind: 'object' };
}

/** A non-negative whole number of the query; throws 400. */
export function readCount(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

export function readBoolean(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  return text !== null && text !== 'false' && text !== '0';
}
