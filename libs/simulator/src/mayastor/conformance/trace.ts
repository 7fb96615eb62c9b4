import { readFileSync } from 'node:fs';

/** One recorded exchange. Times are milliseconds since the experiment began. */
export interface Exchange {
  readonly line: number;
  readonly atMs: number;
  readonly tookMs: number;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly status: number;
  readonly response: unknown;
}

/** A view that changed while a volume was polled, as one line of text. */
export interface Sight {
  readonly line: number;
  readonly atMs: number;
  readonly text: string;
}

export interface Trace {
  readonly name: string;
  readonly exchanges: readonly Exchange[];
  readonly sights: readonly Sight[];
  readonly notes: readonly Sight[];
  readonly endMs: number;
}

interface Line {
  readonly t: number;
  readonly ms?: number;
  readonly method?: string;
  readonly path?: string;
  readonly body?: unknown;
  readonly status?: number;
  readonly response?: unknown;
  readonly see?: string;
  readonly note?: string;
}

const folder = new URL('../../../fixtures/mayastor-traces/', import.meta.url);

export function readTrace(name: string): Trace {
  const lines = readFileSync(new URL(`${name}.jsonl`, folder), 'utf8')
    .split('\n')
    .filter((text) => text !== '');
  const exchanges: Exchange[] = [];
  const sights: Sight[] = [];
  const notes: Sight[] = [];
  let endMs = 0;
  for (const [line, text] of lines.entries()) {
    const entry = JSON.parse(text) as Line;
    const atMs = Math.round(entry.t * 1000);
    endMs = Math.max(endMs, atMs + (entry.ms ?? 0));
    if (entry.see !== undefined) sights.push({ line, atMs, text: entry.see });
    else if (entry.note !== undefined) notes.push({ line, atMs, text: entry.note });
    else if (entry.method !== undefined && entry.path !== undefined && entry.status !== undefined) {
      exchanges.push({
        line,
        atMs,
        tookMs: entry.ms ?? 0,
        method: entry.method,
        path: entry.path,
        body: entry.body,
        status: entry.status,
        response: entry.response ?? null,
      });
    }
  }
  // An exchange is written when it ends; calls that ran at the same time keep the order of their lines.
  exchanges.sort((a, b) => a.atMs - b.atMs || a.line - b.line);
  return { name, exchanges, sights, notes, endMs };
}

/** A volume as REST shows it, as far as replays compare it. */
export interface ShownVolume {
  readonly spec: {
    readonly uuid: string;
    readonly num_replicas: number;
    readonly target?: { readonly node: string };
  };
  readonly state: {
    readonly status: string;
    readonly target?: ShownNexus;
    readonly replica_topology: Readonly<Record<string, ShownReplica>>;
  };
}

interface ShownNexus {
  readonly uuid: string;
  readonly node: string;
  readonly state: string;
  readonly rebuilds: number;
  readonly children: readonly { readonly uri: string; readonly state: string; readonly rebuildProgress?: number }[];
}

interface ShownReplica {
  readonly node?: string;
  readonly pool?: string;
  readonly state: string;
  readonly 'child-status'?: string;
  readonly 'rebuild-progress'?: number;
}

export function isVolume(body: unknown): body is ShownVolume {
  if (typeof body !== 'object' || body === null || !('spec' in body) || !('state' in body)) return false;
  const { spec, state } = body;
  return (
    typeof spec === 'object' &&
    spec !== null &&
    'num_replicas' in spec &&
    typeof state === 'object' &&
    state !== null &&
    'replica_topology' in state
  );
}

const short = (id: string): string => id.slice(-4);

/** The line of text that the recorder made of a volume; the ids of replicas are cut to their last four characters. */
export function sightOf(volume: ShownVolume): string {
  const { target } = volume.state;
  const children = (target?.children ?? []).map((child) => {
    const id = child.uri.slice(child.uri.indexOf('?uuid=') + 6);
    const progress = child.rebuildProgress === undefined ? '' : `:${String(child.rebuildProgress)}`;
    return `${child.uri.slice(0, child.uri.indexOf(':'))}:..${short(id)}:${child.state}${progress}`;
  });
  const replicas = Object.entries(volume.state.replica_topology)
    .map(([id, replica]) => {
      const child = replica['child-status'] === undefined ? '' : `/${replica['child-status']}`;
      const progress = replica['rebuild-progress'] === undefined ? '' : `:${String(replica['rebuild-progress'])}%`;
      return {
        pool: replica.pool ?? '',
        text: `${short(id)}@${replica.pool ?? ''}:${replica.state}${child}${progress}`,
      };
    })
    .sort((a, b) => (a.pool < b.pool ? -1 : 1))
    .map((entry) => entry.text);
  const nexus =
    target === undefined
      ? 'tgt=none'
      : `tgt=${target.node}:${target.state} rebuilds=${String(target.rebuilds)} ch=[${children.join(' ')}]`;
  return `num=${String(volume.spec.num_replicas)} vol=${volume.state.status} ${nexus} repl={${replicas.join(', ')}}`;
}

/** The same without progress, which depends on the engine. */
export function withoutProgress(sight: string): string {
  return sight.replaceAll(/:\d+(?=%|[ \]])/g, '').replaceAll('%', '');
}

export function progressIn(sight: string): number | undefined {
  const found = /:(\d+)%/.exec(sight)?.[1];
  return found === undefined ? undefined : Number(found);
}
