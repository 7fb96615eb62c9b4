import { strict as assert } from 'node:assert';
import { createSystemClock, pause } from '@couchestor/shared/clock';
import { startServicesBed, type ServicesBed } from './cluster/services-bed.ts';
import { quantileOf, type Benchmark, type Figure } from './figures/figure.ts';

const PATCHES = 100;
const PATIENCE_MS = 120_000;
const clock = createSystemClock();
const never = new AbortController().signal;

interface Policy {
  readonly metadata: { readonly name: string; readonly uid: string; readonly generation: number };
  readonly status?: { readonly totalMigrations: number; readonly failedMigrations: number };
}

const policies = { group: 'storage.billyronks.io', version: 'v1', plural: 'storagepolicies', kind: 'StoragePolicy' };
const NAME = { name: 'patched' };
const spec = {
  storageClassName: 'mayastor',
  highWatermarkIOPS: 5_000,
  lowWatermarkIOPS: 500,
  samplingWindow: '10s',
  cooldownPeriod: '0s',
  nvmePoolSelector: { matchLabels: { tier: 'hot' } },
  sataPoolSelector: { matchLabels: { tier: 'cold' } },
  maxConcurrentMigrations: 4,
  limits: {
    perPool: 2,
    perNode: 2,
    maxVolumesInMotionPercent: 25,
    maxMovesPerHour: 1_000,
    maxConsecutiveFailures: 100,
  },
  metrics: { minCoverage: 0.3 },
};
/** Each is in force only when decisions are made by it; the watermarks turn what is wanted around, so that work goes on. */
const rounds = [
  { kind: 'watermarks', to: { highWatermarkIOPS: 1, lowWatermarkIOPS: 0 } },
  { kind: 'enabled', to: { enabled: false } },
  { kind: 'enabled', to: { enabled: true } },
  { kind: 'cooldown', to: { cooldownPeriod: '1s' } },
  { kind: 'dryRun', to: { dryRun: true } },
  { kind: 'watermarks', to: { highWatermarkIOPS: 100_000_000, lowWatermarkIOPS: 99_999_999 } },
  { kind: 'dryRun', to: { dryRun: false } },
  { kind: 'cooldown', to: { cooldownPeriod: '0s' } },
] as const;

/** From the API server's answer to a patch until the scorer has decided by it, as everybody can see on the bus. */
export const benchmark: Benchmark = {
  about: 'policies patched in the middle of work, until the patch is in force',
  run: async (note) => {
    await using bed = await startServicesBed(process.env);
    note(`on ${bed.isRealKubernetes ? 'a real kube-apiserver' : 'the simulated Kubernetes'}`);
    const { metadata } = await bed.kubernetes.create<Policy>(policies, NAME, { spec });
    await using watched = await watch(bed, metadata.uid);
    note('waiting for moves');
    await until(() => watched.active().length > 0, 'moves are in flight');

    const tookMs: { readonly kind: string; readonly ms: number }[] = [];
    let inWork = 0;
    for (let patch = 0; patch < PATCHES; patch += 1) {
      const round = rounds[patch % rounds.length];
      assert.ok(round !== undefined);
      const isFree = patch % rounds.length === 0;
      if (isFree) await until(() => watched.active().length > 0, 'moves are in flight');
      const { metadata } = await bed.kubernetes.mergePatch<Policy>(policies, NAME, { spec: round.to });
      const answeredMs = clock.monotonicMs();
      if (watched.active().length > 0) inWork += 1;
      const inForce = () => watched.inForceAtMs(metadata.generation);
      await until(() => inForce() !== undefined, `generation ${metadata.generation} is in force`);
      tookMs.push({ kind: round.kind, ms: Math.max(0, (inForce() ?? Number.NaN) - answeredMs) });
    }
    note('waiting for what is in flight');
    await bed.kubernetes.mergePatch<Policy>(policies, NAME, { spec: { enabled: false } });
    await until(() => watched.active().length === 0, 'nothing is in flight');
    return [
      ...figuresOf(
        'all',
        tookMs.map(({ ms }) => ms),
      ),
      ...[...new Set(tookMs.map(({ kind }) => kind))].flatMap((kind) =>
        figuresOf(
          kind,
          tookMs.flatMap((took) => (took.kind === kind ? [took.ms] : [])),
        ),
      ),
      { name: 'patches while moves were in flight', value: inWork, unit: '', atLeast: PATCHES / 2 },
      ...(await doublings(bed, watched)),
    ];
  },
};

function figuresOf(kind: string, ms: readonly number[]): readonly Figure[] {
  return [
    { name: `${kind}: p50`, value: quantileOf(ms, 0.5), unit: 'ms' },
    { name: `${kind}: p99`, value: quantileOf(ms, 0.99), unit: 'ms', atMost: 1_000 },
  ];
}

interface Watched extends AsyncDisposable {
  /** Ids of the migrations in flight. */
  active(): readonly string[];
  /** When the scorer's view by this generation of the spec, or a later one, was seen first; on the monotonic clock. */
  inForceAtMs(generation: number): number | undefined;
  /** How often each event of a migration was told. */
  readonly told: ReadonlyMap<string, number>;
}

async function watch({ bus }: ServicesBed, policyId: string): Promise<Watched> {
  const ending = new AbortController();
  const { signal } = ending;
  const tables = await bus.openFacts(['policy.evaluated'], { signal });
  const views: { readonly generation: number; readonly atMs: number }[] = [];
  tables.onChange('policy.evaluated', (_, next) => {
    if (next?.data.policyId !== policyId) return;
    views.push({ generation: next.data.policyGeneration, atMs: clock.monotonicMs() });
  });
  const intents = new Map<string, string>();
  const intentWatch = bus.intents.watchAll({
    signal,
    onChange: (volumeId, stored) => {
      if (stored?.intent.state === 'active') intents.set(volumeId, stored.intent.migrationId);
      else intents.delete(volumeId);
    },
  });
  const told = new Map<string, number>();
  const events = bus.readEvents({
    afterSequence: 0,
    signal,
    onEvent: ({ message }) => {
      const { migrationId } = message.data;
      const key = `${message.name} ${migrationId}`;
      told.set(key, (told.get(key) ?? 0) + 1);
      return Promise.resolve();
    },
  });
  return {
    active: () => [...intents.values()],
    inForceAtMs: (wanted) => views.find(({ generation }) => generation >= wanted)?.atMs,
    told,
    [Symbol.asyncDispose]: async () => {
      ending.abort(new Error('enough'));
      await Promise.all([events, intentWatch.ended]);
    },
  };
}

/** What would have been done twice, or told twice. */
async function doublings(bed: ServicesBed, { told }: Watched): Promise<readonly Figure[]> {
  const counted = (name: string): number =>
    [...told.keys()].filter((key) => key.startsWith(`migration.${name} `)).length;
  const ended = (): number => counted('completed') + counted('failed') + counted('aborted');
  const total = async () => {
    const policy = await bed.kubernetes.get<Policy>(policies, NAME);
    return (policy?.status?.totalMigrations ?? 0) + (policy?.status?.failedMigrations ?? 0);
  };
  const differences = async () => ({
    unended: counted('accepted') - ended(),
    uncounted: Math.abs((await total()) - counted('completed') - counted('failed')),
  });
  // The last events and counts are a moment behind the moves.
  const deadlineMs = clock.monotonicMs() + 10_000;
  let left = await differences();
  while (left.unended + left.uncounted > 0 && clock.monotonicMs() < deadlineMs) {
    await pause(clock, 100, never);
    left = await differences();
  }
  const { redundancyViolations } = await bed.truth();
  // A move has a replica added, synced and removed as often as it has rounds, but begins and ends once.
  const once = ['accepted', 'completed', 'failed', 'aborted'].map((name) => `migration.${name} `);
  const twice = [...told].filter(([key, count]) => count > 1 && once.some((name) => key.startsWith(name))).length;
  return [
    { name: 'moves', value: ended(), unit: '', atLeast: 1 },
    { name: 'beginnings and ends told twice', value: twice, unit: '', atMost: 0 },
    { name: 'moves that began and did not end', value: left.unended, unit: '', atMost: 0 },
    { name: 'counters beside the events', value: left.uncounted, unit: '', atMost: 0 },
    { name: 'volumes with too few replicas', value: redundancyViolations, unit: '', atMost: 0 },
  ];
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = clock.monotonicMs() + PATIENCE_MS;
  while (!condition()) {
    if (clock.monotonicMs() > deadlineMs) throw new Error(`waited in vain until ${what}`);
    await pause(clock, 20, never);
  }
}
