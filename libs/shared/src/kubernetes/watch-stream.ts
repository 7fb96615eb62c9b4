import type { Clock } from '../clock/index.ts';
import { messageOf } from '../service/errors.ts';
import type { KubernetesAccess } from './access.ts';
import { KubernetesAnswerError, KubernetesStatusError, KubernetesUnreachableError, type StatusBody } from './errors.ts';
import { LineTooLongError, readJsonLines } from './json-lines.ts';
import type { KubernetesObject } from './objects.ts';
import { parseRetryAfterMs } from './retry-after.ts';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  /** A bookmark has nothing but a resource version. */
  readonly object: KubernetesObject;
}

export interface WatchStreamOptions {
  readonly access: KubernetesAccess;
  readonly path: string;
  readonly query: Readonly<Record<string, string | number | undefined>>;
  readonly clock: Clock;
  /** The stream ends, as if the server had ended it, once nothing came for so long. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
}

/** Objects are at most a few MiB large: etcd refuses more. */
const LINE_BYTES_MAX = 8 * 1024 * 1024;

/**
 * The events of one watch until the server ends it.
 *
 * @throws KubernetesStatusError for an answer or an ERROR event with a status; KubernetesUnreachableError for a connection
 * that broke; KubernetesAnswerError for what no API server sends, after which a resumption would meet the same again
 */
export async function* watchObjects(options: WatchStreamOptions): AsyncGenerator<WatchEvent, void, undefined> {
  const { access, path, query, clock, idleMs, signal } = options;
  const operation = `the watch of ${path}`;
  const body = await access.stream({
    method: 'GET',
    path,
    query: { ...query, watch: true, allowWatchBookmarks: true },
    signal,
  });
  // Whoever reads the stream is told of its errors; those of its abandonment concern nobody.
  body.on('error', () => undefined);
  let isIdle = false;
  const abandon = (): void => {
    isIdle = true;
    body.destroy();
  };
  try {
    const chunks = withinReach(body as AsyncIterable<Uint8Array>, clock, idleMs, abandon);
    for await (const line of readJsonLines(chunks, LINE_BYTES_MAX)) {
      yield parseEvent(line, operation);
    }
  } catch (error) {
    if (isIdle) return;
    if (error instanceof KubernetesStatusError || error instanceof KubernetesAnswerError) throw error;
    if (error instanceof LineTooLongError) throw new KubernetesAnswerError(operation, 'has no end', { cause: error });
    throw new KubernetesUnreachableError(operation, { cause: error });
  } finally {
    body.destroy();
  }
}

/** Passes chunks on, and calls `abandon` once none came for `idleMs`. */
async function* withinReach(
  chunks: AsyncIterable<Uint8Array>,
  clock: Clock,
  idleMs: number,
  abandon: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let cancel = clock.after(idleMs, abandon);
  try {
    for await (const chunk of chunks) {
      cancel();
      cancel = clock.after(idleMs, abandon);
      yield chunk;
    }
  } finally {
    cancel();
  }
}

function parseEvent(line: string, operation: string): WatchEvent {
  const { type, object } = parseLine(line, operation);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return { type, object: object as KubernetesObject };
    case 'ERROR': {
      const status = (object ?? {}) as StatusBody;
      const retryAfterMs = parseRetryAfterMs(undefined, status.details?.retryAfterSeconds, 0);
      throw new KubernetesStatusError(operation, status.code ?? 500, status, retryAfterMs);
    }
    default:
      throw new KubernetesAnswerError(operation, `holds an event of type ${JSON.stringify(type).slice(0, 100)}`);
  }
}

function parseLine(line: string, operation: string): { readonly type?: unknown; readonly object?: unknown } {
  try {
    const event: unknown = JSON.parse(line);
    if (typeof event === 'object' && event !== null) return event;
  } catch (cause) {
    throw new KubernetesAnswerError(operation, `is not JSON: ${messageOf(cause).slice(0, 200)}`, { cause });
  }
  throw new KubernetesAnswerError(operation, 'holds a line that is not an object');
}
