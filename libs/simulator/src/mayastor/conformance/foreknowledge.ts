import type { Choose, IdentifierOf, NewIdentifier } from '../options.ts';
import { isVolume, sightOf, type ShownVolume, type Trace } from './trace.ts';

/**
 * What the recorded control plane drew by lot: identifiers, and which of several equal pools or nodes it took. The model
 * asks for these while it replays; everything that follows from rules it must find itself.
 */
export interface Foreknowledge {
  readonly choose: Choose;
  newId(kind: NewIdentifier, of: IdentifierOf): string | undefined;
  /** Duration that the recorded progress of a replica's rebuild suggests. */
  rebuildMs(replica: string, startMs: number): number | undefined;
}

interface Appearance {
  readonly atMs: number;
  readonly order: number;
  readonly id: string;
  readonly pool: string;
  readonly volume: string | undefined;
  taken: boolean;
}

/** Recorded times are rounded, and an answer is written when it ends. */
const slackMs = 400;

export function foreknowledgeOf(trace: Trace, createdFirst: readonly string[], nowMs: () => number): Foreknowledge {
  const appearances = replicaAppearances(trace, createdFirst);
  const nexuses = nexusAppearances(trace);
  const nodesAsked = targetNodes(trace);
  const snapshotsOf = replicaSnapshots(trace);

  const next = (list: readonly Appearance[], fits: (entry: Appearance) => boolean): Appearance | undefined =>
    list.find((entry) => !entry.taken && entry.atMs >= nowMs() - slackMs && fits(entry));

  return {
    newId: (kind, of) => {
      if (kind === 'snapshot') return snapshotsOf.get(of.replica ?? '')?.shift();
      if (kind === 'pool') return undefined;
      const found = next(
        kind === 'replica' ? appearances : nexuses,
        (entry) =>
          (entry.volume === undefined || entry.volume === of.volume) && (kind === 'nexus' || entry.pool === of.pool),
      );
      if (found === undefined) return undefined;
      found.taken = true;
      return found.id.length === 4 ? `00000000-0000-4000-8000-00000000${found.id}` : found.id;
    },
    choose: (choice, ids, volume) => {
      const position = ids.indexOf(chosen(choice, ids, volume));
      return Math.max(0, position);
    },
    rebuildMs: (replica, startMs) => rebuildDuration(trace, replica, startMs),
  };

  function chosen(choice: Parameters<Choose>[0], ids: readonly string[], volume: string): string {
    switch (choice) {
      case 'placement':
        return (
          next(appearances, (entry) => ids.includes(entry.pool) && (entry.volume ?? volume) === volume)?.pool ?? ''
        );
      case 'targetNode':
        return nodesAsked.find((entry) => entry.atMs >= nowMs() && ids.includes(entry.node))?.node ?? '';
      case 'survivor': {
        const sight = trace.sights.find((entry) => entry.atMs >= nowMs() && /ch=\[\S+\]/.test(entry.text));
        const suffix = /ch=\[\w+:\.\.(\w{4})/.exec(sight?.text ?? '')?.[1] ?? '-';
        return ids.find((id) => id.endsWith(suffix)) ?? '';
      }
      case 'victim':
        return '';
    }
  }
}

/** Every replica that shows up, in the order of its creation as far as that can be told. */
function replicaAppearances(trace: Trace, createdFirst: readonly string[]): Appearance[] {
  const found = new Map<string, Appearance>();
  const order = childOrder(trace, createdFirst);
  for (const exchange of trace.exchanges) {
    for (const body of volumesIn(exchange.response)) {
      const ids = Object.keys(body.state.replica_topology).sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
      for (const [position, id] of ids.entries()) {
        const pool = body.state.replica_topology[id]?.pool;
        if (pool === undefined || found.has(id)) continue;
        found.set(id, {
          atMs: exchange.atMs + exchange.tookMs,
          order: exchange.line + position / 100,
          id,
          pool,
          volume: body.spec.uuid,
          taken: false,
        });
      }
    }
  }
  const known = new Set([...found.keys()].map((id) => id.slice(-4)));
  for (const text of [...trace.sights, ...trace.notes]) {
    for (const [, id, pool] of text.text.matchAll(/([0-9a-f]{4})@([a-z]+-n\d)/g)) {
      if (id === undefined || pool === undefined || known.has(id)) continue;
      known.add(id);
      found.set(id, { atMs: text.atMs, order: text.line, id, pool, volume: undefined, taken: false });
    }
  }
  return [...found.values()].sort((a, b) => a.atMs - b.atMs || a.order - b.order);
}

/** Children stand in the order in which a nexus got them, remote ones at first in that of the core's map. */
function childOrder(trace: Trace, createdFirst: readonly string[]): Map<string, number> {
  const order = new Map<string, number>();
  for (const exchange of trace.exchanges) {
    for (const body of volumesIn(exchange.response)) {
      const remote = (body.state.target?.children ?? []).filter((child) => child.uri.startsWith('nvmf'));
      for (const [position, child] of remote.entries()) {
        const id = child.uri.slice(child.uri.indexOf('?uuid=') + 6);
        if (!order.has(id)) order.set(id, position + 1);
      }
    }
  }
  for (const note of trace.notes) {
    const nodes = /order \["(n\d(?:","n\d)*)"\]/.exec(note.text)?.[1]?.split('","');
    const exchange = trace.exchanges.findLast((entry) => entry.line < note.line && isVolume(entry.response));
    if (nodes === undefined || !isVolume(exchange?.response)) continue;
    const volume = exchange.response.spec.uuid;
    for (const entry of trace.exchanges) {
      if (!isVolume(entry.response) || entry.response.spec.uuid !== volume) continue;
      for (const [id, replica] of Object.entries(entry.response.state.replica_topology)) {
        order.set(id, nodes.indexOf(replica.node ?? '') + 1);
      }
    }
  }
  // Remarks on the order of creation name nodes and the first characters of ids.
  for (const note of trace.notes) {
    const listed = /creation order \["(.+?)"\]/.exec(note.text)?.[1]?.split('","') ?? [];
    for (const [position, entry] of listed.entries()) {
      const prefix = entry.split(':')[1];
      for (const id of order.keys()) if (prefix !== undefined && id.startsWith(prefix)) order.set(id, position + 1);
    }
  }
  for (const exchange of trace.exchanges) {
    for (const body of volumesIn(exchange.response)) {
      for (const id of Object.keys(body.state.replica_topology))
        if (createdFirst.includes(id.slice(-4))) order.set(id, -1);
    }
  }
  return order;
}

/** Snapshots of each replica, in the order of their creation. */
function replicaSnapshots(trace: Trace): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const text = JSON.stringify(trace.exchanges.map((exchange) => exchange.response));
  for (const [, uuid, source] of text.matchAll(/\{"uuid":"([0-9a-f-]{36})","source_id":"([0-9a-f-]{36})"/g)) {
    if (uuid === undefined || source === undefined) continue;
    const list = found.get(source) ?? [];
    if (!list.includes(uuid)) found.set(source, [...list, uuid]);
  }
  return found;
}

function nexusAppearances(trace: Trace): Appearance[] {
  const found = new Map<string, Appearance>();
  for (const exchange of trace.exchanges) {
    for (const body of volumesIn(exchange.response)) {
      const uuid = body.state.target?.uuid;
      if (uuid === undefined || found.has(uuid)) continue;
      const { line } = exchange;
      const atMs = exchange.atMs + exchange.tookMs;
      found.set(uuid, { atMs, order: line, id: uuid, pool: '', volume: body.spec.uuid, taken: false });
    }
  }
  return [...found.values()];
}

function volumesIn(response: unknown): ShownVolume[] {
  if (isVolume(response)) return [response];
  if (typeof response === 'object' && response !== null && 'entries' in response && Array.isArray(response.entries)) {
    return response.entries.filter(isVolume);
  }
  return [];
}

/** Nodes that targets were seen on, in order of time. */
function targetNodes(trace: Trace): { readonly atMs: number; readonly node: string }[] {
  const found: { atMs: number; node: string }[] = [];
  for (const exchange of trace.exchanges) {
    for (const body of volumesIn(exchange.response)) {
      if (body.state.target !== undefined) {
        found.push({ atMs: exchange.atMs + exchange.tookMs, node: body.state.target.node });
      }
    }
  }
  for (const text of [...trace.sights, ...trace.notes]) {
    const node = /tgt=(n\d)/.exec(text.text)?.[1];
    if (node !== undefined) found.push({ atMs: text.atMs, node });
  }
  return found.sort((a, b) => a.atMs - b.atMs);
}

/** From the recorded progress of a rebuild: two points give its speed, one and its end a guess. */
function rebuildDuration(trace: Trace, replica: string, startMs: number): number | undefined {
  const points: { atMs: number; percent: number }[] = [];
  let endMs: number | undefined;
  const siblings = siblingsOf(trace, replica);
  for (const { atMs, text } of views(trace)) {
    if (atMs < startMs - 50 || endMs !== undefined) continue;
    const found = new RegExp(`${replica.slice(-4)}:(Online|Degraded|Faulted)(?::(\\d+))?[ \\]]`).exec(text);
    if (found === null) {
      // Its volume was shown without it in the nexus: the rebuild is over, one way or the other.
      if (points.length > 0 && siblings.some((id) => text.includes(`${id}@`))) break;
      continue;
    }
    if (found[1] === 'Degraded') points.push({ atMs, percent: Number(found[2] ?? 0) });
    else endMs = atMs;
  }
  const moving = points.filter((point) => point.percent > 0);
  const [first] = moving;
  const last = moving.at(-1);
  if (first !== undefined && last !== undefined && last.percent > first.percent + 10) {
    return ((last.atMs - first.atMs) * 100) / (last.percent - first.percent);
  }
  if (first !== undefined && endMs === undefined) return ((first.atMs - startMs) * 100) / first.percent;
  if (first !== undefined && endMs !== undefined) {
    return Math.min(((first.atMs - startMs) * 100) / first.percent, (endMs - startMs) * 0.8);
  }
  // It was never seen to move nor to end: it was cut off, or longer than anybody looked.
  if (endMs === undefined) return 60_000;
  return Math.max(1, (endMs - startMs) * 0.5);
}

/** Last characters of the other replicas of the same volume. */
function siblingsOf(trace: Trace, replica: string): string[] {
  const found = new Set<string>();
  for (const exchange of trace.exchanges) {
    for (const body of volumesIn(exchange.response)) {
      const ids = Object.keys(body.state.replica_topology);
      if (ids.some((id) => id.slice(-4) === replica.slice(-4))) for (const id of ids) found.add(id.slice(-4));
    }
  }
  found.delete(replica.slice(-4));
  return [...found];
}

function views(trace: Trace): { readonly atMs: number; readonly text: string }[] {
  const found: { atMs: number; text: string }[] = trace.sights.map(({ atMs, text }) => ({ atMs, text }));
  for (const note of trace.notes) if (note.text.includes('tgt=')) found.push({ atMs: note.atMs, text: note.text });
  for (const exchange of trace.exchanges) {
    if (isVolume(exchange.response)) {
      found.push({ atMs: exchange.atMs + exchange.tookMs, text: sightOf(exchange.response) });
    }
  }
  return found.sort((a, b) => a.atMs - b.atMs);
}
