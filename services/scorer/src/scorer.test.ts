import { createVirtualClock } from '@couchestor/shared/clock';
import type { DecisionMade, MigrationRequested, PolicyEvaluated, PolicyObserved } from '@couchestor/shared/messages';
import { createLogger } from '@couchestor/shared/service';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { createCronerCalendar } from './adapters/croner-calendar.ts';
import type { WorldVolume } from './core/world.ts';
import { samplesOf } from '../test/samples.ts';
import { anActiveMove, aVolume, aWorld, NOW_MS } from '../test/worlds.ts';
import { MetricsError } from './metrics-error.ts';
import type { MetricsServer, ObservedWorld } from './ports.ts';
import { toDecisionMade } from './present-decision.ts';
import { createScoreLog } from './score-log.ts';
import { createScorerMetrics } from './scorer-metrics.ts';
import { createScorer } from './scorer.ts';

const CYCLE_MS = 60_000;

function aPolicyFact(change: Partial<PolicyObserved> & { stored?: object } = {}): PolicyObserved {
  const { stored, ...rest } = change;
  return {
    policyId: 'policy-1',
    name: 'tiering',
    generation: 1,
    createdAt: '2026-01-01T00:00:00Z',
    spec: {
      highWatermarkIOPS: 1_000,
      lowWatermarkIOPS: 100,
      samplingWindow: '10m',
      nvmePoolSelector: { matchLabels: { tier: 'hot' } },
      sataPoolSelector: { matchLabels: { tier: 'cold' } },
      metrics: { source: 'MayastorCounters', maxUnknownPercent: 100 },
      ...stored,
    },
    ...rest,
  };
}

/** A scorer whose Prometheus, facts and readers are the test's. */
function bench(volumes: readonly WorldVolume[] = [aVolume('v', ['cold-1'])], startupGraceMs = 0) {
  const clock = createVirtualClock(NOW_MS);
  const { pools, nodes, movers, cluster } = aWorld();
  const world = {
    completeSinceMs: NOW_MS,
    policies: [aPolicyFact()],
    volumes: new Map(volumes.map(({ fact }) => [fact.volumeId, { data: fact, timeMs: NOW_MS }])),
    pools,
    nodes,
    movers,
    cluster,
    intents: new Map(),
    recentStarts: [],
    refusals: new Map(),
  } as { -readonly [K in keyof ObservedWorld]: ObservedWorld[K] };
  const listeners = { changed: () => undefined as void, led: (_leading: boolean) => undefined as void };
  const state = {
    clock,
    world,
    iops: new Map<string, number>([['v', 5_000]]),
    /** What each question to Prometheus waits for. */
    beforeAnswer: async (_signal: AbortSignal): Promise<void> => undefined,
    questions: [] as string[],
    decisions: [] as readonly DecisionMade[],
    passes: 0,
    forgotten: 0,
    evaluations: [] as readonly PolicyEvaluated[],
    requests: [] as MigrationRequested[],
    refusing: false,
    leading: true,
    lines: [] as { msg: string; level: string }[],
    changed: () => listeners.changed(),
    lead: (leading: boolean) => {
      state.leading = leading;
      listeners.led(leading);
    },
  };
  const vector: MetricsServer['vector'] = async (query, _label, _atMs, signal) => {
    state.questions.push(query);
    await state.beforeAnswer(signal);
    return [
      samplesOf(
        [...state.iops].map(([id, iops]) => {
          if (query.includes('count_over_time')) return [id, 10];
          return query.includes('timestamp') ? [id, clock.nowMs() / 1_000] : [id, iops];
        }),
      ),
    ];
  };
  const server: MetricsServer = {
    nowMs: async () => clock.nowMs(),
    existing: async (names) => new Set(names),
    vector,
    sampleTimes: async () => [[0, 60_000, 120_000]],
  };
  const logger = createLogger({
    service: 'scorer',
    level: 'info',
    destination: { write: (line) => state.lines.push(JSON.parse(line)) },
  });
  const scorer = createScorer({
    observations: {
      read: () => ({ ...world }),
      onChange: (listener) => {
        listeners.changed = listener;
      },
    },
    announcements: {
      decisions: async (decisions) => {
        if (state.refusing) throw new Error('NATS is away');
        state.passes += 1;
        state.decisions = decisions.map(toDecisionMade);
      },
      forget: async () => {
        state.forgotten += 1;
      },
      evaluations: async (evaluations) => {
        state.evaluations = evaluations;
      },
      request: async (request) => {
        state.requests.push(request);
      },
    },
    server,
    calendar: createCronerCalendar(),
    leadership: {
      isLeader: () => state.leading,
      onChange: (listener) => {
        listeners.led = listener;
      },
    },
    log: createScoreLog(logger, clock),
    metrics: createScorerMetrics(new Registry()),
    clock,
    breathe: async () => undefined,
    logger,
    randomHex: (bytes) => '0'.repeat(bytes * 2),
    settings: { cycleMs: CYCLE_MS, debounceMs: 100, startupGraceMs, rebuildBytesPerSecond: 1e9 },
  });
  const ending = new AbortController();
  const running = scorer.run(ending.signal);
  onTestFinished(async () => {
    ending.abort();
    await running;
  });
  return Object.assign(state, { scorer });
}

/** Past the grace of two cycles. */
const GRACE_MS = 2 * CYCLE_MS;

test('each cycle asks once, however many policies and volumes there are', async () => {
  const it = bench(['v', 'w', 'x'].map((id) => aVolume(id, ['cold-1'])));
  it.world.policies = [aPolicyFact(), aPolicyFact({ policyId: 'policy-2', name: 'other' })];
  await it.clock.advance(200);
  expect(it.questions).toHaveLength(3);
  await it.clock.advance(CYCLE_MS);
  expect(it.questions).toHaveLength(6);
});

test('an edited policy is obeyed at once, by the scores that there are', async () => {
  const it = bench();
  await it.clock.advance(GRACE_MS + 1_000);
  expect(it.decisions).toMatchObject([{ reason: 'AboveHighWatermark' }]);
  const asked = it.questions.length;
  it.world.policies = [aPolicyFact({ generation: 2, stored: { highWatermarkIOPS: 9_000 } })];
  it.changed();
  await it.clock.advance(500);
  expect(it.decisions).toMatchObject([{ reason: 'BetweenWatermarks', policyGeneration: 2 }]);
  expect(it.questions).toHaveLength(asked);
});

test('a policy that asks for something new is decided on when its scores are there', async () => {
  const it = bench();
  await it.clock.advance(GRACE_MS + 1_000);
  const asked = it.questions.length;
  it.world.policies = [aPolicyFact({ generation: 2, stored: { samplingWindow: '9m', highWatermarkIOPS: 9_000 } })];
  it.changed();
  await it.clock.advance(500);
  expect(it.questions.length).toBeGreaterThan(asked);
  expect(it.decisions).toMatchObject([{ reason: 'BetweenWatermarks', policyGeneration: 2, score: { kind: 'value' } }]);
});

test('scores that take long to come are awaited, and Prometheus is not said to be away', async () => {
  const it = bench();
  await it.clock.advance(GRACE_MS + 1_000);
  it.beforeAnswer = (signal) => it.clock.sleep(5_000, signal);
  it.world.policies = [aPolicyFact({ generation: 2, stored: { samplingWindow: '9m' } })];
  it.changed();
  await it.clock.advance(4_000);
  expect(it.evaluations).toMatchObject([{ metrics: { available: false, reason: 'NotAskedYet' } }]);
  expect(it.decisions).toMatchObject([{ action: 'hold', reason: 'ScoreUnknown' }]);
  await it.clock.advance(20_000);
  expect(it.evaluations).toMatchObject([{ metrics: { available: true } }]);
});

test('a clock that was changed since Prometheus was asked stops all until it is asked again', async () => {
  const it = bench();
  await it.clock.advance(GRACE_MS + 1_000);
  expect(it.decisions).toMatchObject([{ action: 'move' }]);
  it.beforeAnswer = (signal) => it.clock.sleep(5_000, signal);
  it.clock.jumpWall(29_000);
  it.changed();
  await it.clock.advance(500);
  expect(it.decisions).toMatchObject([{ action: 'move' }]);
  it.clock.jumpWall(2_000);
  it.changed();
  await it.clock.advance(500);
  expect(it.decisions).toMatchObject([{ action: 'hold', score: { kind: 'unknown' } }]);
  expect(it.evaluations).toMatchObject([{ metrics: { reason: 'ClockSkew' } }]);
  expect(it.evaluations[0]?.brakes).toContain('ClockSkew');
  await it.clock.advance(20_000);
  expect(it.decisions).toMatchObject([{ action: 'move' }]);
});

test('a burst of changes is one pass', async () => {
  const it = bench();
  await it.clock.advance(1_000);
  const passes = it.passes;
  for (let n = 0; n < 50; n += 1) it.changed();
  await it.clock.advance(500);
  expect(it.passes).toBe(passes + 1);
});

test('while Prometheus does not answer, the last scores hold for two cycles and no longer', async () => {
  const it = bench();
  await it.clock.advance(GRACE_MS + 1_000);
  expect(it.decisions).toMatchObject([{ score: { kind: 'value' } }]);
  it.beforeAnswer = (signal) => it.clock.sleep(1e9, signal);
  await it.clock.advance(CYCLE_MS);
  expect(it.decisions).toMatchObject([{ score: { kind: 'value' } }]);
  await it.clock.advance(2 * CYCLE_MS);
  expect(it.decisions).toMatchObject([{ reason: 'ScoreUnknown', score: { kind: 'unknown', reason: 'Stale' } }]);
});

test('an outage makes everything unknown at once, is told once, and ends by itself', async () => {
  const it = bench();
  const answer = it.beforeAnswer;
  await it.clock.advance(GRACE_MS + 1_000);
  it.beforeAnswer = () => Promise.reject(new MetricsError('PrometheusUnavailable', 'refused'));
  await it.clock.advance(3 * CYCLE_MS);
  expect(it.decisions).toMatchObject([{ action: 'hold', score: { reason: 'PrometheusUnavailable' } }]);
  expect(it.evaluations).toMatchObject([{ metrics: { available: false, reason: 'PrometheusUnavailable' } }]);
  expect(it.scorer.metricsProblem()).toBe('refused');
  it.beforeAnswer = answer;
  await it.clock.advance(CYCLE_MS);
  expect(it.decisions).toMatchObject([{ action: 'move' }]);
  expect(it.scorer.metricsProblem()).toBeUndefined();
  expect(it.lines.filter(({ msg }) => msg.startsWith('Prometheus connection'))).toMatchObject([
    { level: 'INFO', msg: 'Prometheus connection healthy' },
    { level: 'WARN', msg: 'Prometheus connection lost' },
    { level: 'INFO', msg: 'Prometheus connection healthy' },
  ]);
});

test('the line on the connection follows those of the volumes, so that it is among the newest of the log', async () => {
  const it = bench();
  await it.clock.advance(GRACE_MS + 1_000);
  const lines = it.lines.map(({ msg }) => msg);
  expect(lines).toContain('heat score');
  expect(lines.indexOf('Prometheus connection healthy')).toBeGreaterThan(lines.indexOf('heat score'));
});

test('a cycle that costs more than half of its time is lengthened', async () => {
  const it = bench();
  it.beforeAnswer = (signal) => it.clock.sleep(20_000, signal);
  await it.clock.advance(60_100);
  expect(it.questions).toHaveLength(3);
  await it.clock.advance(59_000);
  expect(it.questions).toHaveLength(3);
  await it.clock.advance(2_000);
  expect(it.questions.length).toBeGreaterThan(3);
});

test('nothing is asked for before two cycles have passed: an earlier scorer may have asked', async () => {
  const it = bench();
  await it.clock.advance(GRACE_MS - 1_000);
  expect(it.decisions).toMatchObject([{ reason: 'StartupGrace' }]);
  expect(it.requests).toEqual([]);
  await it.clock.advance(CYCLE_MS);
  expect(it.requests).toMatchObject([{ volumeId: 'v', notAfter: expect.any(String) }]);
});

test('a request is repeated each cycle under its id, and not sooner for every change', async () => {
  const it = bench();
  await it.clock.advance(GRACE_MS + 1_000);
  const before = it.requests.length;
  for (let n = 0; n < 4; n += 1) {
    it.changed();
    await it.clock.advance(500);
  }
  expect(it.requests).toHaveLength(before);
  await it.clock.advance(CYCLE_MS);
  expect(it.requests).toHaveLength(before + 1);
  expect(new Set(it.requests.map(({ migrationId }) => migrationId)).size).toBe(1);
});

test('a request that may still be taken up counts, though its volume wants to move no more', async () => {
  const it = bench([aVolume('v', ['cold-1']), aVolume('w', ['cold-2'])]);
  it.world.policies = [aPolicyFact({ stored: { limits: { maxVolumesInMotionPercent: 1 } } })];
  await it.clock.advance(GRACE_MS + 1_000);
  expect(it.requests.map(({ volumeId }) => volumeId)).toEqual(expect.arrayContaining(['v']));
  it.iops = new Map([
    ['v', 500],
    ['w', 5_000],
  ]);
  await it.clock.advance(CYCLE_MS);
  expect(it.decisions).toMatchObject([{ reason: 'BetweenWatermarks' }, { reason: 'BrakeFleet' }]);
  await it.clock.advance(2 * CYCLE_MS);
  expect(it.decisions).toMatchObject([{ reason: 'BetweenWatermarks' }, { action: 'move' }]);
});

test('a move that is taken up ends the requests', async () => {
  const it = bench();
  await it.clock.advance(GRACE_MS + 1_000);
  const before = it.requests.length;
  it.world.intents = new Map([['v', anActiveMove()]]);
  it.changed();
  await it.clock.advance(3 * CYCLE_MS);
  expect(it.decisions).toMatchObject([{ reason: 'AlreadyMoving' }]);
  expect(it.requests).toHaveLength(before);
});

test('who does not lead asks nobody and says nothing, and waits two cycles once it leads', async () => {
  const it = bench();
  it.lead(false);
  await it.clock.advance(GRACE_MS + 1_000);
  expect([it.passes, it.scorer.latest(), it.scorer.metricsProblem()]).toEqual([0, undefined, undefined]);
  it.lead(true);
  await it.clock.advance(1_000);
  expect(it.decisions).toMatchObject([{ reason: 'StartupGrace' }]);
  // What the leader before it published is not what it knew at its own start.
  expect(it.forgotten).toBe(1);
  await it.clock.advance(GRACE_MS);
  expect(it.requests.length).toBeGreaterThan(0);
});

test('what could not be published is published later', async () => {
  const it = bench();
  it.refusing = true;
  await it.clock.advance(2_000);
  expect(it.passes).toBe(0);
  it.refusing = false;
  await it.clock.advance(CYCLE_MS);
  expect(it.passes).toBeGreaterThan(0);
});

test('a policy that is disabled while its new scores are awaited asks for nothing', async () => {
  const it = bench();
  it.world.policies = [aPolicyFact({ stored: { dryRun: true } })];
  await it.clock.advance(GRACE_MS + 1_000);
  it.beforeAnswer = (signal) => it.clock.sleep(400, signal);
  it.world.policies = [aPolicyFact({ generation: 2, stored: { samplingWindow: '9m' } })];
  it.changed();
  await it.clock.advance(1_000);
  it.world.policies = [aPolicyFact({ generation: 3, stored: { samplingWindow: '9m', enabled: false } })];
  it.changed();
  await it.clock.advance(CYCLE_MS);
  expect(it.decisions).toMatchObject([{ reason: 'PolicyDisabled' }]);
  expect(it.requests).toEqual([]);
});

test('who loses the lead while scores are awaited says nothing', async () => {
  const it = bench();
  await it.clock.advance(GRACE_MS + 1_000);
  it.beforeAnswer = (signal) => it.clock.sleep(1_000, signal);
  it.world.policies = [aPolicyFact({ generation: 2, stored: { samplingWindow: '9m' } })];
  it.changed();
  await it.clock.advance(500);
  const passes = it.passes;
  it.lead(false);
  await it.clock.advance(CYCLE_MS);
  expect([it.passes, it.scorer.latest()]).toEqual([passes, undefined]);
});

test('scores are as old as the questions, however long the answers took', async () => {
  const it = bench();
  // Three questions of 40 s: a period of 240 s, so that two of them have passed 480 s after the first question.
  it.beforeAnswer = (signal) => it.clock.sleep(40_000, signal);
  await it.clock.advance(130_000);
  it.beforeAnswer = (signal) => it.clock.sleep(1e9, signal);
  await it.clock.advance(340_000);
  it.changed();
  await it.clock.advance(1_000);
  expect(it.decisions).toMatchObject([{ score: { kind: 'value' } }]);
  await it.clock.advance(20_000);
  it.changed();
  await it.clock.advance(1_000);
  expect(it.decisions).toMatchObject([{ score: { kind: 'unknown', reason: 'Stale' } }]);
});

test('the grace of a new leader outlasts the requests of the one before, also where cycles are long', async () => {
  const it = bench();
  it.lead(false);
  await it.clock.advance(1_000);
  it.beforeAnswer = (signal) => it.clock.sleep(30_000, signal);
  it.lead(true);
  await it.clock.advance(350_000);
  expect(it.decisions).toMatchObject([{ reason: 'StartupGrace' }]);
  expect(it.requests).toEqual([]);
});

test('one slow cycle later on does not bring the grace back', async () => {
  const it = bench();
  await it.clock.advance(GRACE_MS + 1_000);
  expect(it.decisions).toMatchObject([{ action: 'move' }]);
  it.beforeAnswer = (signal) => it.clock.sleep(35_000, signal);
  await it.clock.advance(CYCLE_MS + 110_000);
  expect(it.decisions).toMatchObject([{ action: 'move' }]);
});

test('after the facts were lost and published anew nothing starts for the length of the grace', async () => {
  const it = bench(undefined, 5 * CYCLE_MS);
  await it.clock.advance(5 * CYCLE_MS - 1_000);
  it.world.completeSinceMs = it.clock.nowMs();
  await it.clock.advance(5 * CYCLE_MS - 1_000);
  expect(it.requests).toEqual([]);
  await it.clock.advance(CYCLE_MS);
  expect(it.requests.length).toBeGreaterThan(0);
});

test('the series of a volume are its own, though the PersistentVolume of another one has their name', async () => {
  const restored = aVolume('w', ['cold-2']);
  const { persistentVolume } = restored.fact;
  if (persistentVolume === undefined) throw new Error('no PersistentVolume');
  const fact = { ...restored.fact, persistentVolume: { ...persistentVolume, name: 'pvc-v' } };
  const it = bench([aVolume('v', ['cold-1']), { ...restored, fact }]);
  it.iops = new Map([['pvc-v', 5_000]]);
  await it.clock.advance(1_000);
  expect(it.decisions).toMatchObject([{ score: { iops: 5_000 } }, { score: { reason: 'NoSeries' } }]);
});

test('Prometheus is left alone for as long as it asks, and then asked again', async () => {
  const it = bench();
  it.beforeAnswer = () =>
    Promise.reject(new MetricsError('PrometheusUnavailable', 'slow down', { retryAfterMs: 300_000 }));
  await it.clock.advance(1_000);
  const asked = it.questions.length;
  expect(asked).toBe(1);
  await it.clock.advance(290_000);
  expect(it.questions).toHaveLength(asked);
  it.beforeAnswer = async () => undefined;
  await it.clock.advance(15_000);
  expect(it.questions.length).toBeGreaterThan(asked);
  expect(it.decisions).toMatchObject([{ score: { kind: 'value' } }]);
});
