import { fileURLToPath } from 'node:url';
import { spawnProcess, startNats, startPrometheus, type SpawnedProcess } from '@couchestor/servers';
import { connectBus, type Bus, type FactTables } from '@couchestor/shared/bus';
import { createSystemClock } from '@couchestor/shared/clock';
import {
  subjectToken,
  type Intent,
  type MigrationRequested,
  type PolicyObserved,
  type VolumeObserved,
} from '@couchestor/shared/messages';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { counters, startExporter, type Exporter } from '../test/exporter.ts';
import { aNode, aPool, aVolume, NODE_NUMBERS } from '../test/worlds.ts';

const clock = createSystemClock();
const main = fileURLToPath(new URL('main.ts', import.meta.url));
const { COUCHESTOR_NATS_URL: _nats, COUCHESTOR_PROMETHEUS_URL: _prometheus, ...env } = process.env;
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const stack = new AsyncDisposableStack();
const lines: Record<string, unknown>[] = [];
const requests: MigrationRequested[] = [];
let bus: Bus;
let exporter: Exporter;
let scorer: SpawnedProcess;
let facts: FactTables<'decision.made' | 'policy.evaluated'>;
let iopsOf: Readonly<Record<string, number>> = { hot: 800, idle: 0 };

const until = (check: () => void | Promise<void>, timeout = 40_000): Promise<void> =>
  vi.waitFor(check, { timeout, interval: 50 });
const decision = (volumeId: string) => facts.of('decision.made').get(volumeId)?.data;
const logged = (msg: string) => lines.filter((line) => String(line['msg']).includes(msg));

async function observe(volume: VolumeObserved): Promise<void> {
  await bus.publish('volume.observed', subjectToken(volume.volumeId), volume, { messageId: crypto.randomUUID() });
}

function policy(generation: number, stored: object): PolicyObserved {
  return {
    policyId: 'policy-1',
    name: 'tiering',
    generation,
    createdAt: '2026-01-01T00:00:00Z',
    spec: {
      highWatermarkIOPS: 500,
      lowWatermarkIOPS: 50,
      samplingWindow: '3s',
      cooldownPeriod: '1h',
      nvmePoolSelector: { matchLabels: { tier: 'hot' } },
      sataPoolSelector: { matchLabels: { tier: 'cold' } },
      limits: { maxVolumesInMotionPercent: 100 },
      // A machine that stands still for a moment scrapes nothing meanwhile.
      metrics: { maxUnknownPercent: 100, minCoverage: 0.1 },
      ...stored,
    },
  };
}

async function apply(generation: number, stored: object = {}): Promise<void> {
  const data = policy(generation, stored);
  await bus.publish('policy.observed', subjectToken('policy-1'), data, { messageId: `policy-${generation}` });
}

beforeAll(async () => {
  const nats = stack.use(await startNats({ env }));
  exporter = stack.use(await startExporter());
  const sinceMs = clock.nowMs();
  const ticking = setInterval(() => {
    const seconds = (clock.nowMs() - sinceMs) / 1_000;
    exporter.text = Object.entries(iopsOf)
      .map(([id, iops]) => counters(id, 'node-1', iops * seconds))
      .join('');
  }, 50);
  stack.defer(() => clearInterval(ticking));
  const prometheus = stack.use(
    await startPrometheus({
      env,
      scrapeIntervalMs: 250,
      scrapeTargets: [{ job: 'io-engine', targets: [exporter.address] }],
    }),
  );
  bus = await connectBus({ servers: nats.url, service: 'watcher', instance: 'watcher-1', clock, logger: quiet });
  stack.use(bus);
  await bus.ensureStreams();
  const reading = new AbortController();
  stack.defer(() => reading.abort());
  facts = await bus.openFacts(['decision.made', 'policy.evaluated'], { signal: reading.signal });
  void bus.consumeRequests({
    durable: 'migrator',
    signal: reading.signal,
    maxInFlight: 8,
    ackWaitMs: 5_000,
    maxDeliver: 5,
    handle: async ({ data }) => {
      requests.push(data);
      return { kind: 'ack' };
    },
    onExhausted: async () => undefined,
  });
  const id = (text: string) => subjectToken(text);
  const message = () => ({ messageId: crypto.randomUUID() });
  for (const number of NODE_NUMBERS) {
    await bus.publish('node.observed', id(`node-${number}`), aNode(number), message());
    for (const tier of ['hot', 'cold'] as const) {
      const pool = aPool(tier, number);
      await bus.publish('pool.observed', id(pool.diskPoolId), pool, message());
    }
  }
  await bus.publish('cluster.observed', id('cluster'), { paused: false, mayastorVersions: ['2.12.2'] }, message());
  await observe(aVolume('hot', ['cold-1']).fact);
  await observe(aVolume('idle', ['hot-2']).fact);
  await observe(aVolume('silent', ['hot-3']).fact);
  await apply(1, { dryRun: true });
  scorer = stack.use(
    await spawnProcess({
      name: 'scorer',
      command: process.execPath,
      args: [main],
      env: {
        ...env,
        NATS_URL: nats.url,
        PROMETHEUS_URL: prometheus.url,
        HOST: '127.0.0.1',
        METRICS_PORT: '0',
        HEALTH_PORT: '0',
        SCORING_CYCLE_MS: '500',
        STARTUP_GRACE_MS: '0',
      },
      onLine: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
    }),
  );
});
afterAll(() => stack.disposeAsync());

async function get(path: string): Promise<{ status: number; body: unknown }> {
  const { healthPort } = lines.findLast(({ msg }) => msg === 'starting') ?? {};
  const response = await fetch(`http://127.0.0.1:${String(healthPort)}${path}`);
  return { status: response.status, body: await response.json() };
}

test('in dry run every volume gets a decision, what would move is said, and nothing is asked for', async () => {
  await until(() => {
    expect(decision('hot')).toMatchObject({ reason: 'DryRun', tierNow: 'cold', tierWanted: 'hot', action: 'hold' });
    expect(decision('idle')).toMatchObject({ reason: 'DryRun', tierWanted: 'cold' });
    expect(decision('silent')).toMatchObject({ reason: 'ScoreUnknown', score: { reason: 'NoSeries' } });
  });
  expect(requests).toEqual([]);
  expect(logged('DRY-RUN').map(({ volume, from, to }) => ({ volume, from, to }))).toEqual(
    expect.arrayContaining([
      { volume: 'pv-hot', from: 'cold', to: 'hot' },
      { volume: 'pv-idle', from: 'hot', to: 'cold' },
    ]),
  );
  expect(logged('heat score').map(({ volume }) => volume)).toContain('pv-hot');
  expect(logged('Prometheus connection')).toMatchObject([{ level: 'INFO', msg: 'Prometheus connection healthy' }]);
  await until(() =>
    expect(facts.of('policy.evaluated').get('policy-1')?.data).toMatchObject({
      policyGeneration: 1,
      metrics: { available: true, source: 'MayastorCounters' },
      pools: { available: true },
      volumes: 3,
      unknownVolumes: 1,
      reasons: { DryRun: 2, ScoreUnknown: 1 },
    }),
  );
});

test('a cycle in which nothing changes publishes nothing', async () => {
  const sequences = () => [...facts.of('decision.made').values()].map(({ sequence }) => sequence);
  const before = sequences();
  const passes = await passesCounted();
  await until(async () => expect(await passesCounted()).toBeGreaterThan(passes + 4));
  expect(sequences()).toEqual(before);
});

test('the service answers what it decided, and why', async () => {
  expect(await get('/readyz')).toMatchObject({ status: 200 });
  expect(await get('/v1/decisions/pv-hot')).toMatchObject({
    status: 200,
    body: { volumeId: 'hot', reason: 'DryRun', whatWouldChangeIt: expect.any(String), decidedAt: expect.any(String) },
  });
  expect(await get('/v1/decisions/idle')).toMatchObject({ status: 200, body: { volumeName: 'pv-idle' } });
  expect(await get('/v1/decisions/nothing')).toMatchObject({ status: 404 });
  expect(await get('/v1/scores')).toMatchObject({
    body: { scores: [{ volumeId: 'hot' }, { volumeId: 'idle' }, { volumeId: 'silent' }] },
  });
  expect(await get('/v1/decisions?reason=ScoreUnknown')).toMatchObject({
    body: { decisions: [{ volumeId: 'silent' }] },
  });
});

// How soon, is measured by `npm run bench -- scorer`.
test('an edited policy is in force', async () => {
  await apply(2, { highWatermarkIOPS: 5_000, dryRun: true });
  await until(() => expect(decision('hot')).toMatchObject({ reason: 'BetweenWatermarks' }));
  await until(() => expect(facts.of('policy.evaluated').get('policy-1')?.data).toMatchObject({ policyGeneration: 2 }));
});

test('out of dry run the same moves are asked for, with what was seen', async () => {
  await apply(3);
  await until(() =>
    expect(requests.map(({ volumeId }) => volumeId).sort()).toEqual(expect.arrayContaining(['hot', 'idle'])),
  );
  expect(requests.find(({ volumeId }) => volumeId === 'hot')).toMatchObject({
    volumeName: 'pv-hot',
    policyGeneration: 3,
    fromTier: 'cold',
    toTier: 'hot',
    attempt: 0,
    replicas: [{ replicaId: 'hot-cold-1', pool: 'cold-1', node: 'node-1' }],
    targetPools: expect.arrayContaining(['hot-2']),
  });
  await until(() => expect(decision('hot')).toMatchObject({ action: 'move', reason: 'AboveHighWatermark' }));
});

test('a move in flight is left alone, and a completed one cools down', async () => {
  const [request] = await firstRequest();
  const { migrationId = '', proposalId = '' } = request ?? {};
  const head = {
    migrationId,
    proposalId,
    attempt: 0,
    volumeId: 'hot',
    volumeName: 'pv-hot',
    policyId: 'policy-1',
    policyName: 'tiering',
    fromTier: 'cold',
    toTier: 'hot',
    startedAt: new Date().toISOString(),
    seenIds: [],
    failuresInRow: 0,
    outbox: [],
  } as const;
  const active: Intent = {
    ...head,
    seenIds: [],
    outbox: [],
    state: 'active',
    policyGeneration: 3,
    replicaCount: 1,
    sizeBytes: 1,
    syncTimeoutMs: 1_000,
    allowSnapshots: false,
    allowReducedRedundancy: false,
    maxPoolUsedPercent: 85,
    limits: { policy: 2, perPool: 1, perNode: 1 },
    targetPools: ['hot-2'],
    replicasMoved: 0,
    roundsStarted: 0,
    ownerToken: 1,
    owner: 'migrator-1',
  };
  const revision = await bus.intents.create(active);
  await until(() => expect(decision('hot')).toMatchObject({ reason: 'AlreadyMoving' }));
  await observe(aVolume('hot', ['hot-2']).fact);
  const endedAt = new Date().toISOString();
  await bus.intents.update(
    { ...head, seenIds: [], outbox: [], state: 'ended', outcome: 'completed', endedAt },
    revision,
  );
  await until(() => expect(decision('hot')).toMatchObject({ tierNow: 'hot', reason: 'OnWantedTier' }));
  iopsOf = { hot: 1, idle: 0 };
  await until(() =>
    expect(decision('hot')).toMatchObject({
      reason: 'CoolingDown',
      nextEligibleAt: new Date(Date.parse(endedAt) + 3_600_000).toISOString(),
    }),
  );
});

test('a scorer that is killed and starts again repeats nothing that is known', async () => {
  const known = () => [...facts.of('decision.made')].map(([id, { data, sequence }]) => [id, data.reason, sequence]);
  const idle = decision('idle');
  const before = known();
  lines.length = 0;
  await scorer.kill();
  await scorer.restart();
  await until(() => expect(logged('heat score').length).toBeGreaterThan(0));
  await until(() => expect(decision('idle')).toMatchObject({ reason: idle?.reason ?? '' }));
  // What moves waits for the grace at first; nothing else is said again.
  expect(known().filter(([id]) => id !== 'idle')).toEqual(before.filter(([id]) => id !== 'idle'));
});

test('the decision on a volume that is gone is taken back', async () => {
  await observe(aVolume('passing', ['hot-4']).fact);
  await until(() => expect(decision('passing')).toBeDefined());
  const writer = await bus.openFactWriter('volume.observed', {});
  await writer.delete(subjectToken('passing'));
  await until(() => expect(decision('passing')).toBeUndefined());
});

test('without Prometheus nothing is known, nothing is asked for, and it is said; then all goes on by itself', async () => {
  exporter.text = undefined;
  await apply(9, { metrics: { source: 'PromQL', query: 'rate(volume_num_read_ops)', maxUnknownPercent: 100 } });
  await until(() =>
    expect(facts.of('policy.evaluated').get('policy-1')?.data).toMatchObject({
      policyGeneration: 9,
      metrics: { available: false, reason: 'QueryFailed' },
      reasons: { ScoreUnknown: 3 },
    }),
  );
  await apply(10);
  await until(() =>
    expect(facts.of('policy.evaluated').get('policy-1')?.data).toMatchObject({
      policyGeneration: 10,
      metrics: { available: true },
    }),
  );
});

test('it stops in good order', async () => {
  expect(await scorer.stop()).toEqual({ code: 0, signal: null });
});

async function firstRequest(): Promise<MigrationRequested[]> {
  await until(() => expect(requests.some(({ volumeId }) => volumeId === 'hot')).toBe(true));
  return requests.filter(({ volumeId }) => volumeId === 'hot');
}

async function passesCounted(): Promise<number> {
  const { metricsPort } = lines.findLast(({ msg }) => msg === 'starting') ?? {};
  const text = await (await fetch(`http://127.0.0.1:${String(metricsPort)}/metrics`)).text();
  return Number(/^storage_operator_reconcile_total (\d+)$/m.exec(text)?.[1]);
}
