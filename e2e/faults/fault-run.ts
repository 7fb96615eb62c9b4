import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeChaos } from '@couchestor/demo/chaos';
import { countLeftovers, type Leftovers } from '@couchestor/demo/leftovers';
import { observe } from '@couchestor/demo/observer';
import { storagePolicyOf, type DemoPlan } from '@couchestor/demo/plan';
import { setStage, type Stage } from '@couchestor/demo/stage';
import { pause, type Clock } from '@couchestor/shared/clock';
import { createLeaseCensusTaker, type LeaseCensus } from '@couchestor/shared/leases';
import { seededRandom } from '@couchestor/shared/random';
import { generateScenario } from '@couchestor/simulator/cluster';
import { isRelease, isWrite, mostWithin, oldestPermit, openCallBook, type CallBook } from './measures/call-book.ts';
import { mostSentInASecond, SENDS_LOGGED, type SentCalls } from './measures/sent-calls.ts';
import { lookForRest } from './rest.ts';
import { mountSmallDisk } from './small-disk.ts';
import { followHeartbeats, readTold, type Told } from './told.ts';
import { troublesOf } from './troubles.ts';
import { makeWeather } from './weather.ts';

export interface FaultRunOptions {
  /** Moves that have ended, however, before the faults stop. */
  readonly moves: number;
  readonly seed: number;
  /** A fault on average this often. */
  readonly faultEveryMs: number;
  readonly timeLimitMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly line: (text: string) => void;
}

export interface FaultReport {
  readonly seed: number;
  readonly seconds: number;
  readonly faultSeconds: number;
  readonly settled: boolean;
  readonly waiting: readonly string[];
  readonly faults: number;
  readonly faultsByName: Readonly<Record<string, number>>;
  readonly notTested: readonly string[];
  readonly told: Told;
  /** Moves that the policy's status counts, and the ids that its history has twice. */
  readonly status: { readonly total: number; readonly failed: number; readonly historyTwice: readonly string[] };
  readonly redundancyViolations: number;
  readonly leftovers: Leftovers;
  /** Most calls in any one second, as sent and as they arrived: a network that held calls back delivers them together. */
  readonly callsInASecond: Readonly<
    Record<'watcher' | 'migrator', { readonly sent: SentCalls; readonly arrived: number; readonly allowed: number }>
  >;
  /** Age of the latest heartbeat when a call arrived at Mayastor. */
  readonly oldestPermitMs: { readonly changes: number; readonly releases: number };
  readonly folder: string;
  /** What is not as it must be, as sentences; empty for a run that passed. */
  readonly wrongs: readonly string[];
}

const VOLUMES = 60;
const MIGRATORS = 4;
const LOOK_EVERY_MS = 1_000;
const UNSETTLED_MAX = 20;
const RESTS_WANTED = 6;
const PERMIT_MAX_MS = 20_000;
const CALLS_ALLOWED = { watcher: 20, migrator: 40 };

const plan: DemoPlan = {
  cachePeriodMs: 500,
  reconcilePeriodMs: 500,
  rebuildBytesPerSecond: 16 * 1024 ** 3,
  scrapeIntervalMs: 1_000,
  scoringCycleMs: 1_000,
  highIops: 1_000,
  lowIops: 100,
  windowMs: 5_000,
  cooldownMs: 3_000,
  concurrency: 8,
  changeAfterMs: 5_000,
  quietAfterMs: 0,
  replayStartMs: 0,
};

/** Moves under faults of every kind until enough have ended, then peace, then the question what is left. */
export async function runFaults(options: FaultRunOptions): Promise<FaultReport> {
  const { clock, signal, seed, line } = options;
  const beganMs = clock.monotonicMs();
  const sinceMs = (): number => clock.monotonicMs() - beganMs;
  const say = (text: string): void => line(`${(sinceMs() / 1_000).toFixed(1).padStart(7)}s  ${text}`);
  const folder = mkdtempSync(join(tmpdir(), 'couchestor-faults-'));
  const { highIops, lowIops, changeAfterMs } = plan;
  const scenario = generateScenario({ volumes: VOLUMES, seed, highIops, lowIops, changeAfterMs });
  const notTested: string[] = [];
  await using stack = new AsyncDisposableStack();
  const disk = await mountSmallDisk().catch((error: unknown): undefined => {
    notTested.push(`a full disk of NATS: ${error instanceof Error ? error.message : String(error)}`);
    line(`NOT TESTED: ${notTested.at(-1)}`);
  });
  if (disk !== undefined) stack.use(disk);
  const book = stack.use(openCallBook(clock));
  const stage = stack.use(
    await setStage({
      clock,
      seed,
      scenario,
      plan,
      folder,
      migrators: MIGRATORS,
      linked: true,
      onCall: book.note,
      ...(disk === undefined ? {} : { natsFolder: disk.folder }),
      settings: {
        watcher: { ...SENDS_LOGGED, MAYASTOR_CALLS_PER_SECOND: String(CALLS_ALLOWED.watcher) },
        // Seconds stand for the minutes between two faults of a real cluster, so that what heals in between must be quick.
        scorer: { PROMETHEUS_TIMEOUT_MS: '2000' },
        migrator: {
          ...SENDS_LOGGED,
          MAYASTOR_CALLS_PER_SECOND: String(CALLS_ALLOWED.migrator),
          MAYASTOR_TIMEOUT_MS: '500',
          CALL_MARGIN_MS: '250',
          LEASE_TTL_MS: '2500',
          MAYASTOR_LATE_EFFECT_MS: '5000',
          FAILURE_BACKOFF_MS: '2000',
        },
      },
    }),
  );
  line(`logs in ${folder}`);
  const { cluster, nats, redis } = stage;
  cluster.kubernetes.apply(storagePolicyOf(plan) as never);
  const observer = stack.use(
    await observe({ natsUrl: nats.url, clock, onDecision: () => undefined, onMove: () => undefined }),
  );
  const heartbeats = stack.use(await followHeartbeats(nats.url, clock));
  const leases = stack.use(createLeaseCensusTaker(redis.url));

  const calm = new AbortController();
  const chaos = makeChaos({
    faults: troublesOf(stage, disk),
    everyMs: options.faultEveryMs,
    clock,
    random: seededRandom(seed + 2),
    signal: AbortSignal.any([calm.signal, signal]),
    onFault: say,
  });
  // A stage on which something cannot be put right again is a failure by itself.
  chaos.catch((error: unknown) => calm.abort(error));

  // What is not at rest when enough have ended has to come to rest without faults.
  const unsettledWanted = Math.min(UNSETTLED_MAX, 2 * options.moves);
  const weather = makeWeather(cluster.mayastor, scenario, seededRandom(seed + 3), unsettledWanted);
  const ended = (): number => observer.ended.completed + observer.ended.failed + observer.ended.aborted;
  const isLate = (): boolean => sinceMs() > options.timeLimitMs || signal.aborted;
  let toldMs = 0;
  const sayNowAndThen = (text: string): void => {
    if (sinceMs() - toldMs < 10_000) return;
    toldMs = sinceMs();
    say(text);
  };
  while (ended() < options.moves && !isLate() && !calm.signal.aborted) {
    await pause(clock, LOOK_EVERY_MS, signal);
    const { atRest, waiting } = lookForRest(cluster.mayastor, observer);
    weather.turn(atRest);
    sayNowAndThen(`${ended()} of ${options.moves} moves, ${waiting.length} to go`);
  }
  const faultSeconds = sinceMs() / 1_000;
  calm.abort(new Error('enough'));
  const struck = await chaos;
  say('no faults any more');

  let rests = 0;
  let waiting: readonly string[] = [];
  while (rests < RESTS_WANTED && !isLate()) {
    await pause(clock, LOOK_EVERY_MS, signal);
    ({ waiting } = lookForRest(cluster.mayastor, observer));
    // Of a migrator that was killed when it had ended a move, or of a Redis that forgot the end, they have to lapse.
    const leasesLeft = countLeases(await leases.take());
    rests = waiting.length === 0 && leasesLeft === 0 ? rests + 1 : 0;
    sayNowAndThen(
      waiting.length === 0 ? `all at rest, ${leasesLeft} leases left` : `${waiting.length} to go, as ${waiting[0]}`,
    );
  }
  ({ waiting } = lookForRest(cluster.mayastor, observer));
  const report = {
    seed,
    seconds: Math.round(sinceMs() / 1_000),
    faultSeconds: Math.round(faultSeconds),
    settled: rests >= RESTS_WANTED,
    waiting: waiting.slice(0, 20),
    faults: [...struck.values()].reduce((sum, count) => sum + count, 0),
    faultsByName: Object.fromEntries([...struck].sort(([a], [b]) => (a < b ? -1 : 1))),
    notTested,
    told: await readTold(nats.url, clock),
    status: statusOf(stage),
    redundancyViolations: cluster.mayastor.ledger.violationCount,
    leftovers: countLeftovers(cluster.mayastor, observer.intents(), countLeases(await leases.take())),
    ...callsOf(stage, book, heartbeats.sentAtMs),
    folder,
  };
  return { ...report, wrongs: wrongsOf(report, options) };
}

function callsOf(
  stage: Stage,
  book: CallBook,
  heartbeatsAtMs: readonly number[],
): Pick<FaultReport, 'callsInASecond' | 'oldestPermitMs'> {
  const most = (service: 'watcher' | 'migrator') => ({
    sent: mostSentInASecond(stage.services, service),
    arrived: mostWithin(
      book.calls.filter((call) => call.service === service),
      1_000,
    ),
    allowed: CALLS_ALLOWED[service],
  });
  const writes = book.calls.filter(isWrite);
  return {
    callsInASecond: { watcher: most('watcher'), migrator: most('migrator') },
    oldestPermitMs: {
      changes: oldestPermit(
        writes.filter((call) => !isRelease(call)),
        heartbeatsAtMs,
      ),
      releases: oldestPermit(writes.filter(isRelease), heartbeatsAtMs),
    },
  };
}

function countLeases({ ownerships, holders, fenceHeld }: LeaseCensus): number {
  return ownerships + holders + (fenceHeld ? 1 : 0);
}

interface PolicyShown {
  readonly status?: {
    readonly totalMigrations?: number;
    readonly failedMigrations?: number;
    readonly migrationHistory?: readonly { readonly migrationId: string }[];
  };
}

function statusOf({ cluster }: Stage): FaultReport['status'] {
  const [policy] = cluster.kubernetes.list('storage.billyronks.io/v1', 'StoragePolicy') as readonly PolicyShown[];
  const { totalMigrations = 0, failedMigrations = 0, migrationHistory = [] } = policy?.status ?? {};
  const ids = migrationHistory.map(({ migrationId }) => migrationId);
  return {
    total: totalMigrations,
    failed: failedMigrations,
    historyTwice: ids.filter((id, position) => ids.indexOf(id) !== position),
  };
}

function wrongsOf(report: Omit<FaultReport, 'wrongs'>, { moves }: FaultRunOptions): string[] {
  const { told, status, leftovers, oldestPermitMs } = report;
  const claims: readonly (readonly [boolean, string])[] = [
    [report.settled, `not all settled: ${report.waiting.join('; ')}`],
    [told.completed + told.failed + told.aborted >= moves, `fewer than ${moves} moves ended`],
    [report.redundancyViolations === 0, `${report.redundancyViolations} volumes below their replica count`],
    [told.endless.length === 0, `migrations without an end: ${told.endless.join(', ')}`],
    [told.endedTwice.length === 0, `migrations with several ends: ${told.endedTwice.join(', ')}`],
    [told.endedUnaccepted.length === 0, `migrations that were never accepted: ${told.endedUnaccepted.join(', ')}`],
    [status.total === told.completed, `the status counts ${status.total} moves, ${told.completed} were told`],
    [status.failed === told.failed, `the status counts ${status.failed} failures, ${told.failed} were told`],
    [status.historyTwice.length === 0, `in the history twice: ${status.historyTwice.join(', ')}`],
    ...Object.entries(leftovers).map(([what, count]) => [count === 0, `${count} ${what} left`] as const),
    ...Object.entries(report.callsInASecond).flatMap(([service, { sent, allowed }]) => [
      [sent.shared <= allowed, `the ${service} sent ${sent.shared} calls in a second, ${allowed} are allowed`] as const,
      [sent.alone <= allowed, `a ${service} without Redis sent ${sent.alone}, ${allowed} are allowed`] as const,
    ]),
    ...Object.entries(oldestPermitMs).map(
      ([what, ms]) => [ms <= PERMIT_MAX_MS, `${what} ${ms} ms after the last heartbeat`] as const,
    ),
  ];
  return claims.flatMap(([holds, sentence]) => (holds ? [] : [sentence]));
}
