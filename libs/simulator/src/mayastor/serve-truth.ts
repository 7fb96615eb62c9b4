import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Faults } from './faults.ts';
import type { MayastorModel } from './model.ts';
import { listen, type Listening, type ServeOptions } from './serve.ts';

const CALLS_SHOWN_MAX = 1_000;

/** The trouble that can be made over HTTP: what needs no more than the id of a node or pool. */
const troubles = ['nodeDown', 'nodeUp', 'poolFaulted', 'poolRecovers'] as const satisfies readonly (keyof Faults)[];

/**
 * What really happened, for whoever checks a mover from outside: `GET /ledger`. And trouble, for whoever wants to see what
 * it does then: `POST /faults/<what>/<id of a node or pool>`.
 */
export async function serveTruth(model: MayastorModel, options: ServeOptions = {}): Promise<Listening> {
  return listen(options, (request, response) => answer(model, request, response));
}

function answer(model: MayastorModel, { method, url = '' }: IncomingMessage, response: ServerResponse): void {
  if (method === 'GET' && url === '/ledger') return send(response, 200, truthOf(model));
  const [, section, what, id, ...rest] = url.split('/');
  const trouble = troubles.find((known) => known === what);
  if (method !== 'POST' || section !== 'faults' || trouble === undefined || id === undefined || rest.length > 0) {
    return send(response, 404, { error: `ask GET /ledger, or POST /faults/{${troubles.join(',')}}/<id>` });
  }
  const ids = trouble === 'nodeDown' || trouble === 'nodeUp' ? model.nodeIds() : model.poolIds();
  if (!ids.includes(id)) return send(response, 404, { error: `${id} is none of ${ids.join(', ')}` });
  model.faults[trouble](id);
  send(response, 200, { made: trouble, of: id });
}

function truthOf(model: MayastorModel): object {
  const { ledger } = model;
  const { total, perPool, perNode } = ledger.rebuildMaxima();
  return {
    nowMs: ledger.nowMs,
    redundancyViolations: ledger.violationCount,
    cordons: ledger.cordons(),
    orphans: model.orphans(),
    rebuildMaxima: { total, perPool: Object.fromEntries(perPool), perNode: Object.fromEntries(perNode) },
    volumes: [...ledger.volumes()].map((volume) => ({
      volume: volume.volume,
      declared: volume.declared,
      healthy: volume.healthy,
      minimum: volume.minimum,
      replicaCount: volume.replicaCount,
      replicaCountChanges: volume.replicaCountChanges,
      deleted: volume.deleted,
      pools: model.volume(volume.volume)?.replicas.map(({ pool }) => pool) ?? [],
    })),
    calls: Object.fromEntries(ledger.callCounts()),
    latestCalls: ledger.calls().slice(-CALLS_SHOWN_MAX),
  };
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
