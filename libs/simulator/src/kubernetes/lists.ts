import type { Clock } from '@couchestor/shared/clock';
import { badRequest, gone, resourceVersionTooLarge } from './api-error.ts';
import { isJsonObject, parseJson, type JsonObject } from './json.ts';
import { keyOf, type KubeObject } from './kube-object.ts';
import type { ObjectStore, Snapshot } from './object-store.ts';
import { positionOf } from './ordered-objects.ts';
import { representList } from './representation.ts';
import { readCount, readRepresentation, textResponse, type KubeRequest, type KubeResponse } from './request.ts';
import { apiVersionOf } from './resource-kind.ts';
import type { Target } from './route.ts';
import { parseFieldSelector, parseLabelSelector, type ObjectFilter } from './selectors.ts';

/** Snapshots that unfinished lists may still be reading; the oldest goes first. */
const snapshotsMax = 64;
/** How long a `continue` token holds, as with etcd compacted every five minutes. */
const continueTtlMs = 300_000;

interface HeldSnapshot extends Snapshot {
  readonly atMs: number;
  readonly compactions: number;
}

export interface ListReader {
  readonly list: (request: KubeRequest, query: URLSearchParams, target: Target) => KubeResponse;
}

/** What a list or watch is narrowed to; `undefined` if to nothing. */
export function readFilter(query: URLSearchParams, target: Target): ObjectFilter | undefined {
  const byLabel = parseLabelSelector(query.get('labelSelector') ?? '');
  const { kind, served, namespace } = target;
  const byField = parseFieldSelector(query.get('fieldSelector') ?? '', served.selectableFields, kind.isCustom);
  const convert = served.convert?.fromStored;
  const filters = [
    byLabel,
    byField === undefined || convert === undefined ? byField : (object: KubeObject) => byField(convert(object)),
    namespace === undefined ? undefined : (object: KubeObject) => object.metadata.namespace === namespace,
  ].filter((filter) => filter !== undefined);
  return filters.length === 0 ? undefined : (object) => filters.every((filter) => filter(object));
}

/** Reads `resourceVersion`; throws 400. */
export function readRevision(query: URLSearchParams): number | undefined {
  const text = query.get('resourceVersion');
  if (text === null || text === '') return undefined;
  if (!/^\d+$/.test(text)) {
    const shown = JSON.stringify(text);
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${shown}: strconv.ParseUint: parsing ${shown}: invalid syntax`,
    );
  }
  return Number(text);
}

interface ContinueToken {
  readonly revision: number;
  /** The key after which the next page begins. */
  readonly after: string;
}

function encodeToken({ revision, after }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: after })).toString('base64url');
}

function decodeToken(text: string): ContinueToken {
  const refuse = (why: string): never => {
    throw badRequest(`invalid continue token: continue key is not valid: ${why}`);
  };
  try {
    const token = parseJson(Buffer.from(text, 'base64url').toString());
    if (isJsonObject(token) && typeof token['rv'] === 'number' && typeof token['start'] === 'string') {
      return { revision: token['rv'], after: token['start'] };
    }
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
  return refuse('it has no position');
}

const expiredMessage =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/** The revision in a token that goes on, after an expiry, with whatever is there now. */
const inconsistent = -1;

/** Lists in pages that all show one revision. */
export function createListReader(store: ObjectStore, clock: Clock): ListReader {
  const held = new Map<string, HeldSnapshot>();

  const hold = (target: Target, snapshot: Snapshot): void => {
    const key = `${target.kind.plural} ${snapshot.revision}`;
    held.delete(key);
    held.set(key, { ...snapshot, atMs: clock.monotonicMs(), compactions: store.compactions });
    for (const oldest of held.keys()) {
      if (held.size <= snapshotsMax) break;
      held.delete(oldest);
    }
  };
  const resume = (target: Target, token: ContinueToken): Snapshot => {
    if (token.revision === inconsistent) return store.table(target.kind).snapshot();
    const found = held.get(`${target.kind.plural} ${token.revision}`);
    const isCurrent =
      found !== undefined &&
      found.compactions === store.compactions &&
      clock.monotonicMs() - found.atMs <= continueTtlMs;
    if (isCurrent) return found;
    throw gone(expiredMessage, { continue: encodeToken({ revision: inconsistent, after: token.after }) });
  };

  return {
    list: (request, query, target) => {
      const filter = readFilter(query, target);
      const tokenText = query.get('continue') ?? '';
      const asked = readRevision(query);
      // The real server answers revision 0 from its cache, which does not page.
      const limit = asked === 0 && tokenText === '' ? 0 : (readCount(query, 'limit') ?? 0);
      const token = tokenText === '' ? undefined : decodeToken(tokenText);
      if (token !== undefined && asked !== undefined && asked !== 0) {
        throw badRequest('specifying resource version is not allowed when using continue');
      }
      if (asked !== undefined && asked > store.revision) throw resourceVersionTooLarge(String(asked), store.revision);
      const snapshot = token === undefined ? store.table(target.kind).snapshot() : resume(target, token);
      const page = selectPage(snapshot.objects, filter, token?.after, limit);
      const metadata: Record<string, JsonObject[string]> = { resourceVersion: String(snapshot.revision) };
      if (page.next !== undefined) {
        hold(target, snapshot);
        metadata['continue'] = encodeToken({ revision: snapshot.revision, after: page.next.after });
        // With a selector the server does not know how many of the rest match.
        if (!hasSelector(query)) metadata['remainingItemCount'] = page.next.remaining;
      }
      const form = readRepresentation(request, query);
      const pieces = representList(
        page.objects,
        metadata,
        target.kind.listKind,
        apiVersionOf(target.served),
        target.served,
        form,
        clock.nowMs(),
      );
      return textResponse(pieces, 'application/json');
    },
  };
}

function hasSelector(query: URLSearchParams): boolean {
  return (query.get('labelSelector') ?? '') !== '' || (query.get('fieldSelector') ?? '') !== '';
}

interface Page {
  readonly objects: readonly KubeObject[];
  readonly next: { readonly after: string; readonly remaining: number } | undefined;
}

function selectPage(
  objects: readonly KubeObject[],
  filter: ObjectFilter | undefined,
  after: string | undefined,
  limit: number,
): Page {
  const start = after === undefined ? 0 : positionOf(objects, `${after}\0`);
  if (filter === undefined) {
    const selected = limit > 0 ? objects.slice(start, start + limit) : objects.slice(start);
    return { objects: selected, next: nextOf(selected, objects.length - start - selected.length) };
  }
  const selected: KubeObject[] = [];
  for (let position = start; position < objects.length; position += 1) {
    const object = objects[position];
    if (object === undefined || !filter(object)) continue;
    if (limit > 0 && selected.length === limit) {
      const remaining = objects.slice(position).filter(filter).length;
      return { objects: selected, next: nextOf(selected, remaining) };
    }
    selected.push(object);
  }
  return { objects: selected, next: undefined };
}

function nextOf(selected: readonly KubeObject[], remaining: number): Page['next'] {
  const last = selected.at(-1);
  return last === undefined || remaining === 0 ? undefined : { after: keyOf(last), remaining };
}
