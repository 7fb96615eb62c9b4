import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createSystemClock } from '@couchestor/shared/clock';
import type { Score, UnknownReason } from '@couchestor/shared/messages';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHistory } from '../test/history.ts';
import { aPolicy, aSpec, aVolume, aWorld } from '../test/worlds.ts';
import { createPrometheus } from './adapters/prometheus.ts';
import { decide, type Outcome } from './core/decide.ts';
import { scoreOf, type ScoreTable } from './core/score-table.ts';
import { measureScores } from './measure-scores.ts';

/**
 * What may become of metrics, each as a volume of one real Prometheus with a history made for it, or as a fault of the
 * way there. At `BAD_S` it is so; half an hour later all is well again. The volume lies on the hot tier and is busy, or
 * on the cold one with a load between the watermarks: whoever reads nothing as zero, or two series as two loads, moves it.
 */
const clock = createSystemClock();
const BAD_S = Math.floor(clock.nowMs() / 1_000 / 60) * 60;
const GOOD_S = BAD_S + 1_800;
const [FIRST_S, LAST_S, EVERY_S] = [BAD_S - 3_600, GOOD_S + 60, 30];
const BUSY = 2_000;
const BETWEEN = 600;
const STORED = { samplingWindow: '10m', metrics: { maxUnknownPercent: 100 } };

interface SeriesOptions {
  readonly metric?: string;
  readonly label?: string;
  readonly name?: string;
  readonly labels?: string;
  /** Seconds since 1970; samples outside are not there. */
  readonly when?: (s: number) => boolean;
  readonly value?: (s: number) => number | string;
}

const lines: string[] = [];

function series(id: string, options: SeriesOptions = {}): void {
  const { metric, label = 'pv_name', name = `pvc-${id}`, labels = 'node="n1"', when = () => true } = options;
  const value = options.value ?? ((s: number) => (BUSY / 2) * (s - FIRST_S));
  for (const one of metric === undefined ? ['volume_num_read_ops', 'volume_num_write_ops'] : [metric]) {
    for (let s = FIRST_S; s <= LAST_S; s += EVERY_S) {
      if (when(s)) lines.push(`${one}{${label}="${name}",${labels}} ${value(s)} ${s}`);
    }
  }
}

const good = (s: number): boolean => s > BAD_S;
const growing = (iops: number) => (s: number) => (iops / 2) * (s - FIRST_S);
const gauge = { metric: 'openebs_volume_iops', label: 'volume_id', value: () => BUSY };
const GAUGE = { ...STORED, metrics: { maxUnknownPercent: 100, source: 'Gauge' } };
const queried = (query: string) => ({ ...STORED, metrics: { maxUnknownPercent: 100, source: 'PromQL', query } });

interface Situation {
  readonly name: string;
  readonly expose: (id: string) => void;
  /** What the score is while it lasts: unknown for a reason, or this number all the same. */
  readonly score: UnknownReason | number;
  readonly stored?: Readonly<Record<string, unknown>>;
  /** As a share of the number: a counter loses what it counted between the last sample and its new beginning. */
  readonly atLeast?: number;
  /** What it is afterwards; `BUSY` by default. */
  readonly after?: number;
}

const situations: readonly Situation[] = [
  {
    name: 'idle: zero is a number',
    expose: (id) => series(id, { value: (s) => (good(s) ? (BUSY / 2) * (s - BAD_S) : 7) }),
    score: 0,
  },
  { name: 'no series yet', expose: (id) => series(id, { when: good }), score: 'NoSeries' },
  {
    name: 'counters that are NaN',
    expose: (id) => series(id, { value: (s) => (good(s) ? growing(BUSY)(s) : 'NaN') }),
    score: 'QueryFailed',
  },
  {
    name: 'counters that are +Inf',
    expose: (id) => series(id, { value: (s) => (good(s) ? growing(BUSY)(s) : '+Inf') }),
    score: 'QueryFailed',
  },
  {
    name: 'counters that are -Inf',
    expose: (id) => series(id, { value: (s) => (good(s) ? growing(BUSY)(s) : '-Inf') }),
    score: 'QueryFailed',
  },
  {
    name: 'one sample that is NaN, between two that count',
    expose: (id) => series(id, { value: (s) => (s === BAD_S - 300 ? 'NaN' : growing(BUSY)(s)) }),
    score: BUSY,
  },
  {
    name: 'a gauge that is negative',
    stored: GAUGE,
    expose: (id) => series(id, { ...gauge, name: id, value: (s) => (good(s) ? BUSY : -5) }),
    score: 'QueryFailed',
  },
  {
    name: 'a gauge that is NaN',
    stored: GAUGE,
    expose: (id) => series(id, { ...gauge, name: id, value: (s) => (good(s) ? BUSY : 'NaN') }),
    score: 'QueryFailed',
  },
  {
    name: 'samples that ended two minutes ago',
    expose: (id) => series(id, { when: (s) => good(s) || s < BAD_S - 120 }),
    score: 'Stale',
  },
  {
    name: 'samples that ended seven minutes ago',
    expose: (id) => series(id, { when: (s) => good(s) || s < BAD_S - 420 }),
    score: 'Stale',
  },
  {
    name: 'samples that ended before the window',
    expose: (id) => series(id, { when: (s) => good(s) || s < BAD_S - 660 }),
    score: 'NoSeries',
  },
  {
    name: 'a renamed label',
    expose: (id) => {
      series(id, { label: 'pvc', when: (s) => !good(s) });
      series(id, { when: good });
    },
    score: 'NoSeries',
  },
  {
    name: 'an empty label',
    expose: (id) => {
      series(id, { name: '', labels: `for="${id}"`, when: (s) => !good(s) });
      series(id, { when: good });
    },
    score: 'NoSeries',
  },
  {
    name: 'another volume’s name',
    expose: (id) => {
      series(id, { name: `pvc-not-${id}`, when: (s) => !good(s) });
      series(id, { when: good });
    },
    score: 'NoSeries',
  },
  {
    name: 'a counter that began anew within the window',
    expose: (id) => series(id, { value: (s) => (BETWEEN / 2) * (s < BAD_S - 300 ? s - FIRST_S : s - BAD_S + 330) }),
    score: BETWEEN,
    after: BETWEEN,
  },
  {
    name: 'a counter that begins anew all the time',
    expose: (id) => series(id, { value: (s) => (good(s) ? growing(BETWEEN)(s) : (BETWEEN / 2) * (s % 60)) }),
    score: BETWEEN,
    atLeast: 0.45,
    after: BETWEEN,
  },
  {
    name: 'a target that moved within the window',
    expose: (id) => {
      series(id, { value: growing(BETWEEN), when: (s) => s < BAD_S - 300 });
      series(id, { labels: 'node="n2"', value: growing(BETWEEN), when: (s) => s >= BAD_S - 330 });
    },
    score: BETWEEN,
    after: BETWEEN,
  },
  {
    name: 'two nodes that show it at once, the old one standing still',
    expose: (id) => {
      series(id, { value: growing(BETWEEN) });
      series(id, { labels: 'node="n2"', value: () => 5 });
    },
    score: BETWEEN,
    after: BETWEEN,
  },
  {
    name: 'the pair of a replicated Prometheus',
    expose: (id) => {
      for (const replica of ['a', 'b'])
        series(id, { labels: `node="n1",prometheus_replica="${replica}"`, value: growing(BETWEEN) });
    },
    score: BETWEEN,
    after: BETWEEN,
  },
  {
    name: 'two scrape jobs, one of them with gaps',
    expose: (id) => {
      series(id, { labels: 'node="n1",job="a"', value: growing(BETWEEN) });
      series(id, { labels: 'node="n1",job="b"', value: growing(BETWEEN), when: (s) => s % 90 === 0 });
    },
    score: BETWEEN,
    after: BETWEEN,
  },
  {
    name: 'published three minutes ago',
    expose: (id) => series(id, { when: (s) => s > BAD_S - 180 }),
    score: 'LowCoverage',
  },
  {
    name: 'a gap of half the window',
    expose: (id) => series(id, { when: (s) => good(s) || s < BAD_S - 420 || s > BAD_S - 120 }),
    score: 'LowCoverage',
  },
  {
    name: 'two samples of three missing',
    expose: (id) => series(id, { when: (s) => good(s) || s % 90 === 0 }),
    score: 'LowCoverage',
  },
  {
    name: 'a single sample',
    expose: (id) => series(id, { when: (s) => good(s) || s === BAD_S }),
    score: 'LowCoverage',
  },
  {
    name: 'reads without writes',
    expose: (id) => {
      series(id, { metric: 'volume_num_read_ops', value: growing(BUSY) });
      series(id, { metric: 'volume_num_write_ops', value: growing(BUSY), when: good });
    },
    score: 'LowCoverage',
  },
  {
    name: 'two names for one volume',
    expose: (id) => {
      series(id);
      series(id, { name: id, when: (s) => !good(s) });
    },
    score: 'Ambiguous',
  },
  {
    name: 'two names, one of them without late samples',
    expose: (id) => {
      series(id);
      series(id, { name: id, when: (s) => s < BAD_S - 60 });
    },
    score: 'Ambiguous',
  },
  {
    name: 'gauges that disagree',
    stored: GAUGE,
    expose: (id) => {
      for (const [job, iops] of [
        ['a', 5],
        ['b', BUSY],
      ] as const)
        series(id, { ...gauge, name: id, labels: `job="${job}"`, value: (s) => (good(s) ? BUSY : iops) });
    },
    score: 'Ambiguous',
  },
  {
    name: 'gauges that agree',
    stored: GAUGE,
    expose: (id) => {
      for (const job of ['a', 'b']) series(id, { ...gauge, name: id, labels: `job="${job}"`, value: () => BETWEEN });
    },
    score: BETWEEN,
    after: BETWEEN,
  },
  {
    name: 'a query with two series for one volume',
    stored: queried('own_iops'),
    expose: (id) => {
      series(id, { metric: 'own_iops', value: () => BUSY });
      series(id, { metric: 'own_iops', labels: 'node="n2"', value: () => 0, when: (s) => s <= BAD_S + 600 });
    },
    score: 'Ambiguous',
  },
  {
    name: 'a query that divides by zero',
    stored: queried('own_ratio / (own_ratio - 1) * 2000'),
    expose: (id) => series(id, { metric: 'own_ratio', value: (s) => (good(s) ? 1e9 : 1) }),
    score: 'QueryFailed',
  },
  {
    name: 'a query without an answer',
    stored: queried('own_late_iops'),
    expose: (id) => series(id, { metric: 'own_late_iops', value: () => BUSY, when: (s) => s > BAD_S }),
    score: 'NoSeries',
  },
  {
    name: 'two memories, and the past is missing',
    stored: { ...STORED, scoring: { method: 'TwoSpeed', promoteMemory: '5m', demoteMemory: '5m' } },
    expose: (id) => series(id, { when: (s) => s > BAD_S - 150 }),
    score: 'LowCoverage',
  },
  {
    name: 'two memories, one sample of the past being NaN between two that count',
    stored: { ...STORED, scoring: { method: 'TwoSpeed', promoteMemory: '5m', demoteMemory: '5m' } },
    expose: (id) => series(id, { value: (s) => (s === BAD_S - 300 ? 'NaN' : growing(BUSY)(s)) }),
    score: BUSY,
  },
];

let url: string;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  for (const [index, { expose }] of situations.entries()) expose(`v${index}`);
  series('steady');
  series('mover', { value: growing(2) });
  url = stack.use(await startHistory(lines)).url;
});
afterAll(() => stack.disposeAsync());

interface View {
  readonly table: ScoreTable;
  readonly outcome: Outcome;
}

interface ViewOptions {
  readonly atS: number;
  readonly stored?: Readonly<Record<string, unknown>>;
  readonly at?: string;
  /** How much our clock is ahead of the server's. */
  readonly aheadMs?: number;
  readonly timeoutMs?: number;
  readonly partings?: Map<string, number>;
}

const servers = new Map<string, ReturnType<typeof createPrometheus>>();

function serverAt(at: string, timeoutMs: number): ReturnType<typeof createPrometheus> {
  const key = `${at} ${timeoutMs}`;
  const known = servers.get(key);
  if (known !== undefined) return known;
  const server = stack.use(createPrometheus({ url: at, timeoutMs, monotonicMs: () => clock.monotonicMs() }));
  servers.set(key, server);
  return server;
}

/** What the scorer knows and does at that moment, of volumes on the hot tier and of some on the cold one. */
async function view(hot: readonly string[], cold: readonly string[], options: ViewOptions): Promise<View> {
  const { atS, stored = STORED, at = url, aheadMs = 0, timeoutMs = 30_000, partings = new Map() } = options;
  const spec = aSpec(stored);
  const server = serverAt(at, timeoutMs);
  const measurement = await measureScores({
    // The history is told as of another moment; that the server is asked for its time stays.
    server: { ...server, nowMs: (signal) => server.nowMs(signal).then(() => atS * 1_000) },
    specs: [spec],
    volumeIdOf: (label) => label.replace(/^pvc-/, ''),
    partings,
    breathe: async () => undefined,
    nowMs: () => atS * 1_000 + aheadMs,
    signal: AbortSignal.timeout(50_000),
  });
  const table = measurement.tableOf(spec);
  if (table === undefined) throw new Error('the spec was not asked for');
  const volumes = [...hot.map((id) => aVolume(id, ['hot-1'])), ...cold.map((id) => aVolume(id, ['cold-1']))];
  const limits = { maxVolumesInMotionPercent: 100, perPool: 20, perNode: 20 };
  const policy = aPolicy({}, { limits, maxConcurrentMigrations: 50, ...stored }, { scores: table });
  const outcome = decide(aWorld({ volumes, policies: [policy] }), atS * 1_000);
  return { table, outcome };
}

const scoreIn = ({ table }: View, id: string): Score => scoreOf(table, id, true, 0.8);
/** The reason of an unknown score; of a known one what was wanted, if it is near that. */
function near(seen: Score, wanted: UnknownReason | number, atLeast = 0.94): UnknownReason | number {
  if (seen.kind === 'unknown') return seen.reason;
  const isNear = typeof wanted === 'number' && seen.iops >= atLeast * wanted && seen.iops <= 1.05 * wanted;
  return isNear ? wanted : seen.iops;
}

const asked = ({ outcome }: View): readonly string[] => outcome.requests.map(({ volumeId }) => volumeId);

describe('a volume', () => {
  test.each(situations.map((situation, index) => ({ ...situation, id: `v${index}` })))(
    '$name',
    async ({ id, score, stored, atLeast = 0.94, after = BUSY }) => {
      const isNumber = typeof score === 'number';
      const [hot, cold] = after === BETWEEN ? [[], [id]] : [[id], []];
      const now = await view(hot, cold, { atS: BAD_S, ...(stored === undefined ? {} : { stored }) });
      expect(near(scoreIn(now, id), score, atLeast)).toBe(score);
      expect(now.outcome.decisions[0]?.reason === 'ScoreUnknown').toBe(!isNumber);
      // Zero is as good a number as any: what is idle on the hot tier is to leave it.
      expect(asked(now)).toEqual(score === 0 ? [id] : []);

      const later = await view(hot, cold, { atS: GOOD_S, ...(stored === undefined ? {} : { stored }) });
      expect(near(scoreIn(later, id), after)).toBe(after);
      expect(later.outcome.decisions[0]?.reason).toBe(after === BETWEEN ? 'BetweenWatermarks' : 'OnWantedTier');
      expect(asked(later)).toEqual([]);
    },
  );
});

describe('a fleet', () => {
  const hot = ['steady', 'mover', 'gone-1', 'gone-2', 'gone-3'];

  test('of which more is missing than the policy allows: nothing of it starts', async () => {
    const allowing = (maxUnknownPercent: number) =>
      view(hot, [], { atS: GOOD_S, stored: { ...STORED, metrics: { maxUnknownPercent } } });
    const missing = await allowing(20);
    expect(asked(missing)).toEqual([]);
    expect(missing.outcome.evaluations[0]?.brakes).toContain('TooManyUnknown');
    expect(asked(await allowing(60))).toEqual(['mover']);
  });

  test.each([600_000, -600_000])(
    'with our clock %d ms ahead of Prometheus’: nothing starts until they agree',
    async (aheadMs) => {
      const skewed = await view(hot, [], { atS: GOOD_S, aheadMs });
      expect(skewed.table.metrics.reason).toBe('ClockSkew');
      expect(skewed.outcome.evaluations[0]?.brakes).toContain('ClockSkew');
      expect(asked(skewed)).toEqual([]);
      expect(asked(await view(hot, [], { atS: GOOD_S }))).toEqual(['mover']);
    },
  );

  test('of more samples than Prometheus will load is asked for in parts', async () => {
    const few = lines.filter((line) => /pvc-(steady|mover|v[0-9]+)"/.test(line));
    const named = few.map((line) => line.replaceAll('pvc-v', 'pvc-'));
    const loading = async (samples: number) => {
      await using small = await startHistory(named, [`--query.max-samples=${samples}`]);
      const partings = new Map<string, number>();
      const found = await view(['steady', 'mover'], [], { atS: GOOD_S, at: small.url, partings });
      return { found, parting: Math.max(0, ...partings.values()) };
    };
    const parted = await loading(100);
    expect(parted.parting).toBeGreaterThan(0);
    expect(asked(parted.found)).toEqual(['mover']);
    const refused = await loading(5);
    expect(refused.found.table.metrics).toMatchObject({ available: false, reason: 'QueryFailed' });
    expect(asked(refused.found)).toEqual([]);
  });
});

type Fault = (request: IncomingMessage, response: ServerResponse, upstream: () => Promise<Buffer>) => unknown;

const answer =
  (status: number, body: string, headers: Record<string, string> = {}): Fault =>
  (_request, response) =>
    response.writeHead(status, headers).end(body);
const json = (status: number, body: object, headers: Record<string, string> = {}): Fault =>
  answer(status, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
/** The true answer with something said beside it. */
const beside =
  (said: object): Fault =>
  async (_request, response, upstream) => {
    const body = JSON.parse((await upstream()).toString('utf8')) as object;
    response.end(JSON.stringify({ ...body, ...said }));
  };
const cut =
  (end: (response: ServerResponse, half: Buffer) => unknown): Fault =>
  async (_request, response, upstream) => {
    const body = await upstream();
    end(response, body.subarray(0, Math.floor(body.length / 2)));
  };

const zeros = gzipSync(Buffer.alloc(40_000_000));

/** For answers that come, however late on a busy machine. */
const PATIENT_MS = 30_000;
/** For those that never come. */
const HASTY_MS = 400;

const faults: [name: string, fault: Fault, reason: UnknownReason, timeoutMs?: number][] = [
  [
    '503 of Prometheus',
    json(503, { status: 'error', errorType: 'unavailable', error: 'starting' }),
    'PrometheusUnavailable',
  ],
  ['502 of a proxy, as HTML', answer(502, '<html>Bad Gateway</html>'), 'PrometheusUnavailable'],
  ['500', json(500, { status: 'error', error: 'internal' }), 'PrometheusUnavailable'],
  [
    '429 with Retry-After',
    json(429, { status: 'error', error: 'too many requests' }, { 'retry-after': '1' }),
    'PrometheusUnavailable',
  ],
  ['422', json(422, { status: 'error', errorType: 'execution', error: 'too many samples' }), 'QueryFailed'],
  ['400', json(400, { status: 'error', errorType: 'bad_data', error: 'parse error' }), 'QueryFailed'],
  ['401', json(401, {}), 'QueryFailed'],
  ['403 as text', answer(403, 'forbidden'), 'QueryFailed'],
  ['404, for a wrong base path', answer(404, '404 page not found'), 'QueryFailed'],
  ['a redirection to a login', answer(302, '', { location: 'https://login.example.com' }), 'PrometheusUnavailable'],
  ['204 without a body', answer(204, ''), 'QueryFailed'],
  ['200 with HTML of a proxy', answer(200, '<!doctype html><title>Sign in</title>'), 'PrometheusUnavailable'],
  ['200 with nothing', answer(200, ''), 'PrometheusUnavailable'],
  ['200 with another JSON', answer(200, '{"ok":true}'), 'PrometheusUnavailable'],
  ['200 with null', answer(200, 'null'), 'PrometheusUnavailable'],
  ['200 with an error inside', json(200, { status: 'error', error: 'refused' }), 'QueryFailed'],
  ['200 with warnings', beside({ warnings: ['a store did not answer'] }), 'QueryFailed'],
  ['200 that is partial', beside({ isPartial: true }), 'QueryFailed'],
  ['200 without data', beside({ data: null }), 'QueryFailed'],
  ['200 with a range', beside({ data: { resultType: 'matrix', result: [] } }), 'QueryFailed'],
  ['a body cut off in its middle', cut((response, half) => response.end(half)), 'PrometheusUnavailable'],
  [
    'a body cut off with its connection',
    cut((response, half) => {
      response.writeHead(200, { 'content-length': 2 * half.length });
      response.write(half, () => response.destroy());
    }),
    'PrometheusUnavailable',
  ],
  [
    'gzip cut off',
    cut((response, half) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(half).subarray(0, -12)),
    ),
    'PrometheusUnavailable',
  ],
  ['gzip that is none', answer(200, 'plain', { 'content-encoding': 'gzip' }), 'PrometheusUnavailable'],
  [
    '40 MB of zeros in a small body',
    (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(zeros),
    'QueryFailed',
  ],
  ['no answer', () => undefined, 'PrometheusUnavailable', HASTY_MS],
  [
    'an answer that never ends',
    (_request, response) => response.writeHead(200).write('{"status":'),
    'PrometheusUnavailable',
    HASTY_MS,
  ],
  ['a connection that is reset', (request) => request.socket.resetAndDestroy(), 'PrometheusUnavailable'],
];

describe('the way to Prometheus', () => {
  let fault: Fault | undefined;
  let at: string;

  beforeAll(async () => {
    const proxy = createServer((request, response) => {
      void passOn(request, response);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    stack.defer(async () => {
      proxy.closeAllConnections();
      proxy.close();
      await once(proxy, 'close');
    });
    at = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });

  async function passOn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const form = Buffer.concat(chunks);
    const upstream = async (): Promise<Buffer> => {
      const answered = await fetch(`${url}${request.url ?? ''}`, {
        method: request.method ?? 'GET',
        ...(request.method === 'POST'
          ? { body: form.toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' } }
          : {}),
      });
      return Buffer.from(await answered.arrayBuffer());
    };
    // The first question is for the time, the second for the names of metrics: faults are of the answers to queries.
    const isQuery = request.url?.startsWith('/api/v1/query') === true && !form.toString().startsWith('query=time');
    if (fault === undefined || !isQuery) response.end(await upstream());
    else fault(request, response, upstream);
  }

  const all = (timeoutMs: number) => view(['steady', 'mover'], [], { atS: GOOD_S, at, timeoutMs });

  test.each<[string, Fault, UnknownReason, number?]>(faults)(
    '%s',
    async (_name, broken, reason, timeoutMs = PATIENT_MS) => {
      fault = broken;
      const now = await all(timeoutMs);
      for (const id of ['steady', 'mover']) expect(scoreIn(now, id)).toEqual({ kind: 'unknown', reason });
      expect(now.table.metrics).toMatchObject({ available: false, reason });
      expect(asked(now)).toEqual([]);
      fault = undefined;
      const later = await all(PATIENT_MS);
      expect(scoreIn(later, 'steady')).toMatchObject({ kind: 'value' });
      expect(asked(later)).toEqual(['mover']);
    },
  );

  test('what comes too late about all volumes is asked about fewer', async () => {
    const partings = new Map<string, number>();
    let questions = 0;
    fault = async (_request, response, upstream) => {
      questions += 1;
      // The first one, about all volumes, gets no answer.
      if (questions > 1) response.end(await upstream());
    };
    // The second one has to be answered within it.
    const LATE_MS = 2_000;
    const found = await view(['steady', 'mover'], [], { atS: GOOD_S, at, timeoutMs: LATE_MS, partings });
    expect([...partings.values()]).toEqual([1]);
    expect(asked(found)).toEqual(['mover']);
    fault = undefined;
  });

  test('nobody listens', async () => {
    const now = await view(['steady', 'mover'], [], { atS: GOOD_S, at: 'http://127.0.0.1:9' });
    expect(now.table).toMatchObject({ absent: 'PrometheusUnavailable', metrics: { available: false } });
    expect(asked(now)).toEqual([]);
  });
});
