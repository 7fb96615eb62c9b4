/**
 * A Mayastor that only answers reads, for `watcher-process` to be measured beside another process: the bodies are the
 * simulator's, made once, so that the answers cost next to nothing. Prints its address. Arguments: number of volumes.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSystemClock } from '@couchestor/shared/clock';
import { createMayastorModel } from '@couchestor/simulator/mayastor';
import { aVolume, nodes, pools } from './volumes.ts';

const PAGE = 500;
const volumes = Number(process.argv[2]);
const model = createMayastorModel({ clock: createSystemClock(), random: Math.random });
for (const { name } of nodes) model.addNode({ id: name });
for (const { name, node, capacityBytes } of pools) model.addPool({ id: name, node, capacityBytes });

const bodies = new Map<string, Buffer>();
for (let first = 0; first < volumes; first += PAGE) {
  const page: string[] = [];
  for (let number = first; number < Math.min(volumes, first + PAGE); number += 1) {
    const { volumeId: uuid, sizeBytes, targetNode, replicas } = aVolume(number);
    const placement = replicas.flatMap(({ pool }) => pool ?? []);
    model.createVolume({
      uuid,
      sizeBytes,
      placement,
      ...(targetNode === undefined ? {} : { publishedOn: targetNode }),
    });
    page.push(
      JSON.stringify((await model.handle({ method: 'GET', path: `/v0/volumes/${uuid}`, body: undefined })).body),
    );
  }
  const next = first + PAGE < volumes ? { next_token: first + PAGE } : {};
  const body = `{"entries":[${page.join(',')}]${JSON.stringify(next)
    .slice(1)
    .replace(/^(?=")/, ',')}`;
  bodies.set(`/v0/volumes?max_entries=${PAGE}&starting_token=${first}`, Buffer.from(body));
}
for (const path of ['/v0/nodes', '/v0/pools']) {
  const { body } = await model.handle({ method: 'GET', path, body: undefined });
  bodies.set(path, Buffer.from(JSON.stringify(body)));
}
model.stop();

const server = createServer((request, response) => {
  const body = bodies.get(request.url ?? '');
  response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(body);
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
