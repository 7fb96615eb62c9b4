import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startPrometheus, type Server } from '@couchestor/servers';
import { createSystemClock } from '@couchestor/shared/clock';
import type { Score } from '@couchestor/shared/messages';
import type { PolicySpec } from '@couchestor/shared/policy';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { counters, startExporter, type Exporter } from '../../test/exporter.ts';
import { scoreOf, type ScoreTable } from '../core/score-table.ts';
import { aSpec } from '../../test/worlds.ts';
import { measureScores } from '../measure-scores.ts';
import { createPrometheus } from './prometheus.ts';

const clock = createSystemClock();
const SCRAPE_MS = 250;

let exporter: Exporter;
let twin: Exporter;
let prometheus: Server;
/** Text of each exporter as a function of the seconds since its volume appeared. */
const series = new Map<string, { readonly sinceMs: number; readonly text: (seconds: number) => string }>();
let ticking: NodeJS.Timeout;

beforeAll(async () => {
  exporter = await startExporter();
  twin = await startExporter();
  ticking = setInterval(() => {
    const text = [...series.values()].map(({ sinceMs, text }) => text((clock.nowMs() - sinceMs) / 1_000)).join('');
    exporter.text = text;
    // What is scraped twice (two scrape jobs, or a replicated Prometheus) must not count twice.
    twin.text = text;
  }, 20);
  const { COUCHESTOR_PROMETHEUS_URL: _shared, ...env } = process.env;
  prometheus = await startPrometheus({
    env,
    scrapeIntervalMs: SCRAPE_MS,
    basePath: '/metrics-of-all',
    scrapeTargets: [
      { job: 'io-engine', targets: [exporter.address] },
      { job: 'io-engine-again', targets: [twin.address] },
    ],
  });
});

afterAll(async () => {
  clearInterval(ticking);
  await prometheus[Symbol.asyncDispose]();
  await exporter[Symbol.asyncDispose]();
  await twin[Symbol.asyncDispose]();
});

function expose(name: string, text: (seconds: number) => string): void {
  series.set(name, { sinceMs: clock.nowMs(), text });
}

async function tableOf(spec: PolicySpec, url = prometheus.url, timeoutMs = 30_000): Promise<ScoreTable> {
  await using server = createPrometheus({ url, timeoutMs, monotonicMs: () => clock.monotonicMs() });
  const measurement = await measureScores({
    server,
    specs: [spec],
    volumeIdOf: (label) => label.replace(/^pvc-/, ''),
    partings: new Map(),
    breathe: async () => undefined,
    nowMs: () => clock.nowMs(),
    signal: AbortSignal.timeout(50_000),
  });
  const table = measurement.tableOf(spec);
  if (table === undefined) throw new Error('the spec was not asked for');
  return table;
}

async function scoreFor(volumeId: string, spec: PolicySpec): Promise<Score> {
  return scoreOf(await tableOf(spec), volumeId, true, spec.metrics.minCoverage);
}

const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 25_000, interval: 100 });
const spec = aSpec({ samplingWindow: '3s' });

describe('scores from a real Prometheus', () => {
  test('the rate of reads and writes, whoever scrapes it how often, found without being told', async () => {
    expose('steady', (s) => counters('steady', 'node-1', s * 300, s * 200));
    // Twice as much, were the second job's series added up.
    await until(async () => {
      const score = await scoreFor('steady', spec);
      expect(score.kind === 'value' ? score.iops : score.reason).toBeCloseTo(500, -2);
    });
    expect((await tableOf(spec)).metrics).toMatchObject({ available: true, source: 'MayastorCounters' });
  });

  test('an idle volume has the value 0, one without series none', async () => {
    expose('idle', () => counters('idle', 'node-1', 5, 5));
    await until(async () => expect(await scoreFor('idle', spec)).toMatchObject({ kind: 'value', iops: 0 }));
    expect(await scoreFor('absent', spec)).toEqual({ kind: 'unknown', reason: 'NoSeries' });
  });

  test('a volume that was published within the window has too few samples, until it has enough', async () => {
    // Long enough to be seen before it has enough, also by a machine that stands still for a while.
    const long = aSpec({ samplingWindow: '6s' });
    expose('young', (s) => counters('young', 'node-1', s * 10_000));
    await until(async () => expect(await scoreFor('young', long)).toEqual({ kind: 'unknown', reason: 'LowCoverage' }));
    await until(async () => expect(await scoreFor('young', long)).toMatchObject({ kind: 'value' }));
  });

  test('a counter that begins anew is not negative, and a target that moved is one volume', async () => {
    expose('reset', (s) => counters('reset', 'node-1', (s % 1.7) * 1_000));
    expose('moved', (s) => counters('moved', s < 2.5 ? 'node-1' : 'node-2', s * 1_000));
    await until(async () => expect(await scoreFor('moved', spec)).toMatchObject({ kind: 'value' }));
    await until(async () => {
      const table = await tableOf(spec);
      expect(table.scores.get('moved')).toMatchObject({ kind: 'value' });
      expect([...table.scores.values()].every((score) => score.kind === 'unknown' || score.iops >= 0)).toBe(true);
    });
  });

  test('NaN and infinity are no values', async () => {
    expose('nan', () => counters('nan', 'node-1', Number.NaN));
    expose('inf', (s) => counters('inf', 'node-1', s).replaceAll(/ [\d.]+$/gm, ' +Inf'));
    await until(async () => {
      const { scores } = await tableOf(spec);
      expect(scores.get('nan')).toEqual({ kind: 'unknown', reason: 'QueryFailed' });
      expect(scores.get('inf')).toEqual({ kind: 'unknown', reason: 'QueryFailed' });
    });
  });

  test('a volume whose series ended is stale though its rate lasts as long as the window', async () => {
    const long = aSpec({ samplingWindow: '30s', metrics: { minCoverage: 0.01 } });
    expose('ended', (s) => counters('ended', 'node-1', s * 100));
    await until(async () => expect(await scoreFor('ended', long)).toMatchObject({ kind: 'value' }));
    series.delete('ended');
    await until(async () => expect(await scoreFor('ended', long)).toEqual({ kind: 'unknown', reason: 'Stale' }));
  });

  test('a gauge that somebody records, unless its series disagree', async () => {
    const gauge = (id: string, node: string, iops: number) =>
      `openebs_volume_iops{volume_id="${id}",node="${node}"} ${iops}\n`;
    expose('gauges', () => gauge('agreed', 'a', 700) + gauge('torn', 'a', 700) + gauge('torn', 'b', 900));
    const gauges = aSpec({ samplingWindow: '3s', metrics: { source: 'Gauge' } });
    await until(async () => expect(await scoreFor('agreed', gauges)).toMatchObject({ kind: 'value', iops: 700 }));
    await until(async () => expect(await scoreFor('torn', gauges)).toEqual({ kind: 'unknown', reason: 'Ambiguous' }));
  });

  test('a query of the user, one series for each volume', async () => {
    expose('own', (s) => counters('own', 'node-1', s * 100));
    const own = (query: string) => aSpec({ samplingWindow: '3s', metrics: { source: 'PromQL', query } });
    const good = own('sum by (pv_name) (rate(volume_num_read_ops{job="io-engine"}[$window]))');
    await until(async () => expect(await scoreFor('own', good)).toMatchObject({ kind: 'value' }));
    const doubled = own('rate(volume_num_read_ops[$window])');
    // The second job has had its two samples a little later than the first.
    await until(async () => expect(await scoreFor('own', doubled)).toEqual({ kind: 'unknown', reason: 'Ambiguous' }));
    // A query that only the server can see to be wrong, and one that is not asked at all.
    for (const [query, reason] of [
      ['rate(volume_num_read_ops)', 'QueryFailed'],
      ['rate(volume_num_read_ops[$window])[5m:1s]', 'QueryInvalid'],
    ] as const) {
      const table = await tableOf(own(query));
      expect(table.metrics).toMatchObject({ available: false, reason });
      expect(scoreOf(table, 'own', true, 0)).toEqual({ kind: 'unknown', reason: 'QueryFailed' });
    }
  });

  test('P95 ranks the rates within the window', async () => {
    expose('p95', (s) => counters('p95', 'node-1', s * 100));
    const p95 = aSpec({ samplingWindow: '12s', metrics: { minCoverage: 0.1 }, scoring: { method: 'P95' } });
    await until(async () => expect(await scoreFor('p95', p95)).toMatchObject({ kind: 'value' }));
  });
});

describe('answers that are not to be believed', () => {
  async function impostor(answer: RequestListener): Promise<string> {
    const server = createServer(answer);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const json =
    (status: number, body: unknown): RequestListener =>
    (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
  const partial = {
    status: 'success',
    warnings: ['a store did not answer'],
    data: { resultType: 'scalar', result: [1, '1'] },
  };

  test.each<[string, RequestListener, string, number?]>([
    ['503', json(503, {}), 'PrometheusUnavailable'],
    ['429', json(429, { status: 'error', error: 'slow down' }), 'PrometheusUnavailable'],
    ['422', json(422, { status: 'error', error: 'too many samples' }), 'QueryFailed'],
    ['401', json(401, {}), 'QueryFailed'],
    ['200 with warnings', json(200, partial), 'QueryFailed'],
    ['a page of a proxy', (_, response) => response.end('<html>'), 'PrometheusUnavailable'],
    ['an answer cut off', (_, response) => response.end('{"status":"success","data":{"resu'), 'PrometheusUnavailable'],
    ['a connection cut off', (request) => request.socket.destroy(), 'PrometheusUnavailable'],
    ['no answer', () => undefined, 'PrometheusUnavailable', 300],
  ])('%s', async (_, answer, reason, timeoutMs?) => {
    const table = await tableOf(spec, await impostor(answer), timeoutMs);
    expect(table).toMatchObject({ absent: reason, metrics: { available: false, reason } });
    expect(table.scores.size).toBe(0);
  });

  /** What a query of the user comes to where that is the answer, the time aside. */
  async function tableFrom(result: readonly unknown[], said: object = {}): Promise<ScoreTable> {
    const url = await impostor((request, response) => {
      request.setEncoding('utf8').once('data', (form: string) => {
        const time = { resultType: 'scalar', result: [1, String(clock.nowMs() / 1_000)] };
        const data = form.startsWith('query=time') ? time : { resultType: 'vector', result };
        response.end(JSON.stringify({ status: 'success', data, ...said }));
      });
    });
    return tableOf(aSpec({ metrics: { source: 'PromQL', query: 'own' } }), url);
  }
  const sample = (name: unknown, text: unknown) => ({ metric: { pv_name: name }, value: [1, text] });

  test.each([
    ['a value without digits', sample('pvc-v', '')],
    ['a value that is no text', sample('pvc-v', null)],
    ['a name that is no text', sample(7, '5')],
    ['a sample that is none', null],
  ])('%s is never a number', async (_, entry) => {
    expect((await tableFrom([sample('pvc-w', '5')])).scores.get('w')).toMatchObject({ kind: 'value', iops: 5 });
    const { scores } = await tableFrom([entry]);
    expect([...scores.values()].filter(({ kind }) => kind === 'value')).toEqual([]);
  });

  test('what VictoriaMetrics calls partial is no answer', async () => {
    const entries = [sample('pvc-v', '5')];
    expect((await tableFrom(entries, { isPartial: false })).scores.size).toBe(1);
    expect(await tableFrom(entries, { isPartial: true })).toMatchObject({
      absent: 'QueryFailed',
      metrics: { available: false, reason: 'QueryFailed' },
    });
  });

  test('an empty Prometheus has no source', async () => {
    const { COUCHESTOR_PROMETHEUS_URL: _shared, ...env } = process.env;
    await using empty = await startPrometheus({ env });
    expect(await tableOf(spec, empty.url)).toMatchObject({
      absent: 'NoSeries',
      metrics: { available: false, reason: 'NoSeries' },
    });
  });

  test('a clock that is far off stops starts, and is said', async () => {
    await using server = createPrometheus({ url: prometheus.url, timeoutMs: 5_000, monotonicMs: () => 0 });
    const skewed = (byMs: number) =>
      measureScores({
        server,
        specs: [spec],
        volumeIdOf: (label) => label,
        partings: new Map(),
        breathe: async () => undefined,
        nowMs: () => clock.nowMs() + byMs,
        signal: AbortSignal.timeout(50_000),
      }).then((measurement) => measurement.tableOf(spec)?.metrics.reason);
    expect(await skewed(40_000)).toBe('ClockSkew');
    expect(await skewed(-40_000)).toBe('ClockSkew');
    expect(await skewed(10_000)).toBe('MetricsAvailable');
  });
});
