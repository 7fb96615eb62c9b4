import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An exporter whose text a test may change at any time. */
export interface Exporter extends AsyncDisposable {
  /** `host:port` */
  readonly address: string;
  /** Lines of the text format; undefined answers 503, as an exporter whose engine is away. */
  text: string | undefined;
}

export async function startExporter(): Promise<Exporter> {
  const server = createServer((_request, response) => {
    if (exporter.text === undefined) {
      response.writeHead(503).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(exporter.text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const exporter: { text: string | undefined } & Omit<Exporter, 'text'> = {
    address: `127.0.0.1:${port}`,
    text: '',
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return exporter;
}

/** Counters of one volume on one node, growing at that many operations a second since the epoch of the test. */
export function counters(volumeId: string, node: string, reads: number, writes = 0): string {
  const labels = `{node="${node}",pv_name="pvc-${volumeId}"}`;
  return `volume_num_read_ops${labels} ${reads}\nvolume_num_write_ops${labels} ${writes}\n`;
}
