import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { observe, type Observer } from '@couchestor/demo/observer';
import { storagePolicyOf, type DemoPlan } from '@couchestor/demo/plan';
import { setStage, type Stage } from '@couchestor/demo/stage';
import type { LinkState } from '@couchestor/servers';
import { createSystemClock } from '@couchestor/shared/clock';
import { seededRandom } from '@couchestor/shared/random';
import { generateScenario, type Scenario } from '@couchestor/simulator/cluster';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { countSentences, readLog } from './log-lines.ts';
import { isRelease, isWrite, oldestPermit, openCallBook, type CallBook } from './measures/call-book.ts';
import { lookForRest } from './rest.ts';
import { followHeartbeats } from './told.ts';
import { makeWeather, type Weather } from './weather.ts';

const SEED = 11;
const PERMIT_MS = 14_000;
const STOPPED_MS = 20_000;
/** So often a sentence may be said of one outage: once for each of a few connections or readers of a service. */
const SENTENCE_MAX = 8;

const plan: DemoPlan = {
  cachePeriodMs: 500,
  reconcilePeriodMs: 500,
  rebuildBytesPerSecond: 8 * 1024 ** 3,
  scrapeIntervalMs: 1_000,
  scoringCycleMs: 1_000,
  highIops: 1_000,
  lowIops: 100,
  windowMs: 5_000,
  cooldownMs: 3_000,
  concurrency: 4,
  changeAfterMs: 0,
  quietAfterMs: 0,
  replayStartMs: 0,
};
const clock = createSystemClock();

let folder: string;
let scenario: Scenario;
let stack: AsyncDisposableStack;
let stage: Stage;
let book: CallBook;
let observer: Observer;
let heartbeats: Awaited<ReturnType<typeof followHeartbeats>>;
let weather: Weather;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'couchestor-network-'));
  const { highIops, lowIops, changeAfterMs } = plan;
  scenario = generateScenario({ volumes: 40, seed: SEED, highIops, lowIops, changeAfterMs });
  stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true }));
  book = stack.use(openCallBook(clock));
  stage = stack.use(await setStage({ clock, seed: SEED, scenario, plan, folder, linked: true, onCall: book.note }));
  stage.cluster.kubernetes.apply(storagePolicyOf(plan) as never);
  const natsUrl = stage.nats.url;
  observer = stack.use(await observe({ natsUrl, clock, onDecision: () => undefined, onMove: () => undefined }));
  heartbeats = stack.use(await followHeartbeats(natsUrl, clock));
  weather = makeWeather(stage.cluster.mayastor, scenario, seededRandom(SEED), 12);
  await untilMoved();
});
afterAll(() => stack.disposeAsync());

/** There is always something to move, and from here on something of it was moved. */
async function untilMoved(): Promise<void> {
  const before = observer.ended.completed;
  await vi.waitFor(
    () => {
      weather.turn(lookForRest(stage.cluster.mayastor, observer).atRest);
      expect(observer.ended.completed).toBeGreaterThan(before);
    },
    { timeout: 90_000, interval: 250 },
  );
}

function linkOf(name: string) {
  const link = stage.links.get(name);
  if (link === undefined) throw new Error(`there is no link ${name}; there are ${[...stage.links.keys()].join(', ')}`);
  return link;
}

async function during(name: string, state: LinkState, ms: number): Promise<{ readonly sinceMs: number }> {
  const sinceMs = Date.now();
  linkOf(name).set(state);
  await clock.sleep(ms);
  linkOf(name).set({ kind: 'whole' });
  return { sinceMs };
}

test.each([
  ['scorer – Prometheus', 'scorer'],
  ['scorer – NATS', 'scorer'],
  ['watcher – NATS', 'watcher'],
  ['watcher – Mayastor', 'watcher'],
  ['migrator – NATS', 'migrator'],
  ['migrator – Redis', 'migrator'],
  ['migrator – Mayastor', 'migrator'],
])('moves go on by themselves after %s was cut, and the log says it a few times at most', async (name, label) => {
  const { sinceMs } = await during(name, { kind: 'cut' }, 6_000);
  await untilMoved();
  const logFile = stage.services.find((service) => service.label === label)?.logFile ?? '';
  const complaints = readLog(logFile, sinceMs).filter(({ level }) => level !== 'INFO');
  const often = [...countSentences(complaints)].filter(([, count]) => count > SENTENCE_MAX);
  expect(often).toEqual([]);
});

test.each([
  ['watcher – Kubernetes', 'blackHole'],
  ['watcher – NATS', 'blackHole'],
] as const)(
  'while %s is a black hole the permit ends and nothing is changed, and afterwards moves go on',
  async (name, kind) => {
    const { sinceMs } = await during(name, { kind }, 25_000);
    const untilMs = Date.now();
    const inBlackHole = book.calls.filter(({ atMs }) => atMs >= sinceMs && atMs < untilMs);
    const writes = inBlackHole.filter(isWrite);
    // There was work: what was in flight, or waits to be.
    expect(lookForRest(stage.cluster.mayastor, observer).waiting.length).toBeGreaterThan(0);
    expect(writes.length).toBeGreaterThan(0);
    expect(
      oldestPermit(
        writes.filter((call) => !isRelease(call)),
        heartbeats.sentAtMs,
      ),
    ).toBeLessThanOrEqual(PERMIT_MS);
    expect(oldestPermit(writes, heartbeats.sentAtMs)).toBeLessThanOrEqual(STOPPED_MS);
    // Not because nobody asked: Mayastor was read all the while.
    expect(inBlackHole.filter(({ atMs }) => atMs > untilMs - 5_000).length).toBeGreaterThan(0);
    await untilMoved();
  },
);

test('no volume was below its replica count in all that, and at last all settle', async () => {
  await vi.waitFor(() => expect(lookForRest(stage.cluster.mayastor, observer).waiting).toEqual([]), {
    timeout: 120_000,
    interval: 500,
  });
  expect(stage.cluster.mayastor.ledger.violationCount).toBe(0);
  expect(stage.cluster.mayastor.ledger.cordons()).toEqual([]);
});
