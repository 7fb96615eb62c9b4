import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { observe, type Observer } from '@couchestor/demo/observer';
import { storagePolicyOf, type DemoPlan } from '@couchestor/demo/plan';
import { setStage, type Stage } from '@couchestor/demo/stage';
import { pause, type Clock } from '@couchestor/shared/clock';
import type { Scenario, ScenarioVolume } from '@couchestor/simulator/cluster';
import { mostWithin, openCallBook } from './measures/call-book.ts';
import { mostSentInASecond, SENDS_LOGGED, type SentCalls } from './measures/sent-calls.ts';
import { createSlotMeter, type SlotUse } from './measures/slot-meter.ts';

export type Limited = 'policy' | 'fleet' | 'pool' | 'node';

export interface LimitsOptions {
  readonly limited: Limited;
  readonly limit: number;
  readonly migrators: number;
  readonly candidates: number;
  /** Moves that end while slots are measured. */
  readonly moves: number;
  /** The least share, 0 to 1, of the time that work waits in which slots are to be held. */
  readonly heldShareMin: number;
  /** Then Redis is killed and started again so often, a few moves apart. */
  readonly redisRestarts: number;
  readonly callsPerSecond: number;
  readonly timeLimitMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface LimitsReport {
  readonly limited: Limited;
  readonly limit: number;
  /** The most at one time: of what the limit counts, as the ledger saw it and as the intents said. */
  readonly mostInLedger: number;
  readonly mostInIntents: number;
  readonly completed: number;
  readonly failed: number;
  readonly redisRestarts: number;
  /** Of the slots that a move holds from its acceptance to its end, while work waited and Redis was there. */
  readonly slots: number;
  readonly slotsHeldShare: number;
  readonly measuredSeconds: number;
  /** Of the time that moves were in flight, how much they waited for the fence. */
  readonly fenceWaitShare: number;
  readonly redundancyViolations: number;
  readonly calls: {
    readonly allowedPerSecond: number;
    readonly mostSentInASecond: SentCalls;
    readonly mostInASecond: number;
    readonly mostInAMinute: number;
  };
  readonly wrongs: readonly string[];
  readonly folder: string;
}

const LOOK_EVERY_MS = 250;
const GIB = 1024 ** 3;
const NODES = 6;
/** Nodes with pools of the hot tier. With one tight limit for each there are few, so that it is reached. */
const TIGHT_PLACES = 2;
/** The fence lets one move begin or end at a time; a copy takes so much longer that all slots can be copying. */
const REBUILD_MS_PER_SLOT = 4_000;
/** Between two moves lie a decision and an acceptance, a quarter of a second: little of a copy, as in a cluster. */
const REBUILD_MS_MIN = 6_000;
const MOVES_BETWEEN_RESTARTS = 3;
const MINUTE_MS = 60_000;

const planFor = (slots: number): DemoPlan => ({
  cachePeriodMs: 500,
  reconcilePeriodMs: 500,
  rebuildBytesPerSecond: GIB / (Math.max(REBUILD_MS_MIN, REBUILD_MS_PER_SLOT * slots) / 1_000),
  scrapeIntervalMs: 1_000,
  scoringCycleMs: 2_000,
  highIops: 1_000,
  lowIops: 100,
  windowMs: 5_000,
  cooldownMs: 60_000,
  concurrency: 100,
  changeAfterMs: 0,
  quietAfterMs: 0,
  replayStartMs: 0,
});

/** Many candidates, many migrators, and one limit that is tight: it must never be exceeded, and be used. */
export async function runLimits(options: LimitsOptions): Promise<LimitsReport> {
  const { limited, limit, clock, signal } = options;
  const beganMs = clock.monotonicMs();
  const isLate = (): boolean => clock.monotonicMs() - beganMs > options.timeLimitMs || signal.aborted;
  const folder = mkdtempSync(join(tmpdir(), 'couchestor-limits-'));
  const slots = limited === 'policy' || limited === 'fleet' ? limit : limit * TIGHT_PLACES;
  const plan = planFor(slots);
  await using stack = new AsyncDisposableStack();
  const book = stack.use(openCallBook(clock));
  let inMotionMost = 0;
  const stage: Stage = stack.use(
    await setStage({
      clock,
      seed: 1,
      scenario: worldOf(limited, options.candidates),
      plan,
      folder,
      migrators: options.migrators,
      onCall: book.note,
      onAnswer: ({ method }) => {
        if (method !== 'GET') inMotionMost = Math.max(inMotionMost, inMotionOf(stage));
      },
      settings: {
        migrator: {
          ...SENDS_LOGGED,
          MAYASTOR_CALLS_PER_SECOND: String(options.callsPerSecond),
          FLEET_MIGRATIONS_MAX: String(limited === 'fleet' ? limit : 1_000),
          FLEET_GIB_MAX: '100000',
        },
      },
    }),
  );
  const { cluster, nats, redis } = stage;
  cluster.kubernetes.apply(policyOf(plan, limited, limit, slots) as never);
  const meter = createSlotMeter(slots);
  let noteSlots = (): number => 0;
  const observer: Observer = stack.use(
    await observe({ natsUrl: nats.url, clock, onDecision: () => undefined, onMove: () => void noteSlots() }),
  );
  const completed = (): number => observer.ended.completed;
  noteSlots = () => {
    const active = [...observer.intents().values()].filter(({ intent }) => intent.state === 'active').length;
    meter.note(clock.monotonicMs(), active, options.candidates - observer.intents().size);
    return active;
  };
  let inFlightSamples = 0;
  let fenceSamples = 0;
  const look = async (): Promise<void> => {
    const steps = await stepsOf(stage);
    noteSlots();
    inFlightSamples += steps.length;
    fenceSamples += steps.filter((step) => step === 'takeFence').length;
    await pause(clock, LOOK_EVERY_MS, signal);
  };

  while (noteSlots() < slots && !isLate()) await pause(clock, LOOK_EVERY_MS, signal);
  const before = completed();
  meter.reset(clock.monotonicMs());
  while (completed() - before < options.moves && !isLate()) await look();
  const use: SlotUse = meter.read(clock.monotonicMs());

  let redisRestarts = 0;
  while (redisRestarts < options.redisRestarts && !isLate()) {
    await redis.kill();
    await redis.restart();
    redisRestarts += 1;
    const enough = completed() + MOVES_BETWEEN_RESTARTS;
    while (completed() < enough && !isLate()) await look();
  }

  const { ledger } = cluster.mayastor;
  const { perPool, perNode } = ledger.rebuildMaxima();
  const migratorCalls = book.calls.filter(({ service }) => service === 'migrator');
  const report = {
    limited,
    limit,
    mostInLedger: {
      policy: inMotionMost,
      fleet: inMotionMost,
      pool: Math.max(0, ...perPool.values()),
      node: Math.max(0, ...perNode.values()),
    }[limited],
    mostInIntents: observer.activeMax,
    completed: completed(),
    failed: observer.ended.failed + observer.ended.aborted,
    redisRestarts,
    slots,
    slotsHeldShare: use.heldShare,
    measuredSeconds: Math.round(use.waitingMs / 1_000),
    fenceWaitShare: inFlightSamples === 0 ? 0 : fenceSamples / inFlightSamples,
    redundancyViolations: ledger.violationCount,
    calls: {
      allowedPerSecond: options.callsPerSecond,
      mostSentInASecond: mostSentInASecond(stage.services, 'migrator'),
      mostInASecond: mostWithin(migratorCalls, 1_000),
      mostInAMinute: mostWithin(migratorCalls, MINUTE_MS),
    },
    folder,
  };
  return { ...report, wrongs: wrongsOf(report, options) };
}

function wrongsOf(report: Omit<LimitsReport, 'wrongs'>, options: LimitsOptions): string[] {
  const { calls, limit, limited } = report;
  const claims: readonly (readonly [boolean, string])[] = [
    [report.mostInLedger <= limit, `${report.mostInLedger} at a time in the ledger, the ${limited} allows ${limit}`],
    [
      report.mostInLedger >= limit,
      `${report.mostInLedger} at a time in the ledger: the limit of ${limit} was never reached`,
    ],
    [report.mostInIntents <= report.slots, `${report.mostInIntents} moves in flight, ${report.slots} are allowed`],
    [report.redisRestarts === options.redisRestarts, 'the time was up before Redis was restarted often enough'],
    [report.completed >= options.moves, `${report.completed} moves completed, ${options.moves} were to`],
    [report.failed === 0, `${report.failed} moves failed`],
    [report.redundancyViolations === 0, `${report.redundancyViolations} volumes below their replica count`],
    [
      report.slotsHeldShare >= options.heldShareMin,
      `slots were held ${(100 * report.slotsHeldShare).toFixed(1)} % of the time that work waited`,
    ],
    [
      Math.max(calls.mostSentInASecond.shared, calls.mostSentInASecond.alone) <= calls.allowedPerSecond,
      `${JSON.stringify(calls.mostSentInASecond)} calls sent in a second, ${calls.allowedPerSecond} are allowed`,
    ],
    [
      calls.mostInAMinute <= 60 * calls.allowedPerSecond,
      `${calls.mostInAMinute} calls in a minute, ${60 * calls.allowedPerSecond} are allowed`,
    ],
  ];
  return claims.flatMap(([holds, sentence]) => (holds ? [] : [sentence]));
}

/** Volumes that are beyond, or below, the count that their owner declared. */
function inMotionOf({ cluster }: Stage): number {
  let count = 0;
  for (const { replicaCount, declared } of cluster.mayastor.ledger.volumes()) if (replicaCount !== declared) count += 1;
  return count;
}

async function stepsOf({ services }: Stage): Promise<string[]> {
  const migrators = services.filter(({ name }) => name === 'migrator');
  const steps = await Promise.all(
    migrators.map(async ({ healthUrl }) => {
      try {
        const answer = await fetch(`${healthUrl}/v1/moves`, { signal: AbortSignal.timeout(2_000) });
        return (await answer.json()) as readonly { readonly step: string }[];
      } catch (error) {
        // On a busy machine one sample less is taken.
        if (error instanceof DOMException && error.name === 'TimeoutError') return [];
        throw error;
      }
    }),
  );
  return steps.flat().map(({ step }) => step);
}

/** All volumes are busy on the cold tier, spread over the nodes. A node that is limited has more pools than one. */
function worldOf(limited: Limited, candidates: number): Scenario {
  const nodes = Array.from({ length: NODES }, (_, index) => `node-${index + 1}`);
  const isTight = limited === 'pool' || limited === 'node';
  const hotNodes = isTight ? nodes.slice(0, TIGHT_PLACES) : nodes;
  const coldNodes = isTight ? nodes.slice(TIGHT_PLACES) : nodes;
  const capacityBytes = 4 * candidates * GIB;
  const hotPools = limited === 'node' ? ['nvme-a', 'nvme-b'] : ['nvme'];
  return {
    nodes,
    pools: [
      ...hotNodes.flatMap((node) =>
        hotPools.map((kind) => ({ id: `${kind}-${node}`, node, capacityBytes, labels: { tier: 'hot' } })),
      ),
      ...coldNodes.map((node) => ({ id: `sata-${node}`, node, capacityBytes, labels: { tier: 'cold' } })),
    ],
    volumes: Array.from({ length: candidates }, (_, index): ScenarioVolume => {
      const node = coldNodes[index % coldNodes.length] ?? '';
      return {
        id: `00000000-0000-4000-a000-${String(index).padStart(12, '0')}`,
        role: 'hotOnCold',
        sizeBytes: GIB,
        thin: true,
        allocatedBytes: GIB,
        placement: [`sata-${node}`],
        publishedOn: node,
        snapshots: 0,
        annotations: {},
        load: { kind: 'steady', iops: 2_000 + index },
      };
    }),
  };
}

function policyOf(plan: DemoPlan, limited: Limited, limit: number, slots: number): object {
  const { spec, ...policy } = storagePolicyOf(plan) as { readonly spec: object };
  return {
    ...policy,
    spec: {
      ...spec,
      maxConcurrentMigrations: limited === 'fleet' ? 100 : slots,
      limits: {
        perPool: limited === 'pool' ? limit : 20,
        perNode: limited === 'node' ? limit : 20,
        maxVolumesInMotionPercent: 100,
        maxMovesPerHour: 1_000,
        maxConsecutiveFailures: 100,
      },
    },
  };
}
