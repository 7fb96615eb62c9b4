import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { HistoryError, type History } from '@couchestor/replay';
import { startPrometheus, type Server } from '@couchestor/servers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Source } from './options.ts';
import { readPrometheusHistory } from './prometheus-history.ts';

const RATES = { 'pvc-busy': 900, 'pvc-quiet': 100 } as const;

let exporter: HttpServer;
let prometheus: Server;
const startedMs = performance.now();

beforeAll(async () => {
  exporter = createServer((_request, response) => {
    const seconds = (performance.now() - startedMs) / 1_000;
    const text = Object.entries(RATES).map(([volume, rate]) => {
      const labels = `{node="node-1",pv_name="${volume}"}`;
      return `volume_num_read_ops${labels} ${Math.round(rate * seconds)}\nvolume_num_write_ops${labels} 7\n`;
    });
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(text.join(''));
  });
  exporter.listen(0, '127.0.0.1');
  await once(exporter, 'listening');
  const { COUCHESTOR_PROMETHEUS_URL: _shared, ...env } = process.env;
  prometheus = await startPrometheus({
    env,
    scrapeIntervalMs: 250,
    scrapeTargets: [{ job: 'io-engine', targets: [`127.0.0.1:${(exporter.address() as AddressInfo).port}`] }],
  });
});

afterAll(async () => {
  await prometheus[Symbol.asyncDispose]();
  exporter.closeAllConnections();
  exporter.close();
  await once(exporter, 'close');
});

const source = (change: Partial<Extract<Source, { kind: 'prometheus' }>> = {}) =>
  ({
    kind: 'prometheus',
    url: prometheus.url,
    untilMs: undefined,
    rangeMs: 60_000,
    stepMs: 1_000,
    query: undefined,
    label: 'pv_name',
    bearerTokenFile: undefined,
    ...change,
  }) as const;
const signal = AbortSignal.timeout(50_000);

/** As soon as Prometheus knows two seconds of it. */
async function firstHistory(): Promise<History> {
  for (;;) {
    const history = await readPrometheusHistory(source(), signal).catch((error: unknown) => {
      if (error instanceof HistoryError && error.message.includes('no volume')) return undefined;
      throw error;
    });
    if (history !== undefined && history.known(0, 0, history.steps) >= 2) return history;
    await pause(200, undefined, { signal });
  }
}

test('what Prometheus knows is the history, and what it does not know is unknown', async () => {
  const history = await firstHistory();
  expect(history.names).toStrictEqual(['pvc-busy', 'pvc-quiet']);
  expect(history.steps).toBe(60);
  expect(history.known(0, 0, 10)).toBe(0);
  // The first second of it may hold the beginning of the series.
  const iops = history.requests(0, 0, history.steps) / history.known(0, 0, history.steps);
  expect(iops).toBeGreaterThan(0.5 * RATES['pvc-busy']);
  expect(iops).toBeLessThan(1.5 * RATES['pvc-busy']);
});

test('a query of the user replaces that for the counters', async () => {
  const query = 'vector(5) * on() group_left(pv_name) label_replace(vector(1), "pv_name", "made-up", "", "")';
  const history = await readPrometheusHistory(source({ query: `sum by (pv_name) (${query})` }), signal);
  expect(history.names).toStrictEqual(['made-up']);
  expect(history.requests(0, 0, 60)).toBe(300);
});

test.each([
  ['a query that is none', { query: 'sum by (pv_name) (' }, /./],
  ['a label that no series has', { query: 'sum by (pv_name) (vector(1))' }, 'no label pv_name'],
  ['a server that is not there', { url: 'http://127.0.0.1:1' }, 'does not answer'],
  ['a path of something else', { url: 'URL/nothing' }, 'Prometheus answered 404'],
])('%s is an error that says so', async (_title, change, message) => {
  const url = 'url' in change ? change.url.replace('URL', prometheus.url) : prometheus.url;
  const failed = readPrometheusHistory(source({ ...change, url }), signal);
  await expect(failed).rejects.toThrow(HistoryError);
  await expect(failed).rejects.toThrow(message);
});
