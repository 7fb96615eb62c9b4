import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause, type Clock } from '@couchestor/shared/clock';
import { createLeaseCensusTaker } from '@couchestor/shared/leases';
import { seededRandom } from '@couchestor/shared/random';
import { generateScenario, type SimulatedCluster } from '@couchestor/simulator/cluster';
import { killsOf, makeChaos } from './chaos.ts';
import { countLeftovers } from './leftovers.ts';
import { readLoadFile } from './load-file.ts';
import { observe, type Observer } from './observer.ts';
import type { DemoOptions } from './options.ts';
import { planDemo, storagePolicyOf, type DemoPlan } from './plan.ts';
import { createScreen, describeDecision, shortName, type Row } from './screen.ts';
import type { RunningService } from './services.ts';
import { missing, takeCensus, type Resting } from './settlement.ts';
import { setStage, type Stage } from './stage.ts';

export interface DemoContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly output: NodeJS.WriteStream;
}

const LOOK_EVERY_MS = 500;
/** A decision that is made while a load still changes is not the last one: rest is asked for several times in a row. */
const RESTS_WANTED = 6;
const KILL_EVERY_MS = 6_000;

/** Brings everything up, shows what happens, and takes everything down again. Returns the exit code. */
export async function runDemo(options: DemoOptions, { clock, signal, output }: DemoContext): Promise<number> {
  const beganMs = clock.monotonicMs();
  const seconds = (): number => (clock.monotonicMs() - beganMs) / 1_000;
  const screen = createScreen(output, seconds);
  const folder = mkdtempSync(join(tmpdir(), 'couchestor-demo-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => screen.close());

  const series = options.load === undefined ? undefined : await readLoadFile(options.load);
  const halfHours = Math.max(0, ...[...(series?.values() ?? [])].map((values) => values.length));
  const draft = planDemo(options, 4, halfHours);
  const scenario = generateScenario({
    volumes: options.volumes,
    seed: options.seed,
    highIops: draft.highIops,
    lowIops: draft.lowIops,
    changeAfterMs: draft.changeAfterMs,
    ...(series === undefined ? {} : { replay: { series, speed: options.speed, startMs: draft.replayStartMs } }),
  });
  const plan = planDemo(options, scenario.nodes.length, halfHours);

  const stage = stack.use(await setStage({ clock, seed: options.seed, scenario, plan, folder }));
  const { cluster, nats, redis, services } = stage;
  announce((text) => screen.pin(text), stage);
  cluster.kubernetes.apply(storagePolicyOf(plan) as never);

  const observer = stack.use(
    await observe({
      natsUrl: nats.url,
      clock,
      onDecision: (decision) => screen.line(describeDecision(decision)),
      onMove: (name, data) => screen.line(`${shortName(String(data['volumeName']))}  ${name}${moveDetail(data)}`),
    }),
  );
  const leases = stack.use(createLeaseCensusTaker(redis.url));

  const quiet = new AbortController();
  const chaos =
    options.chaos === 'none'
      ? Promise.resolve(new Map<string, number>())
      : makeChaos({
          faults: killsOf(stage, options.chaos === 'all'),
          everyMs: KILL_EVERY_MS,
          clock,
          random: seededRandom(options.seed + 2),
          signal: AbortSignal.any([quiet.signal, signal]),
          onFault: (name) => screen.line(name),
        });

  const result = await watchUntilRest({
    options,
    plan,
    cluster,
    observer,
    services,
    screen,
    seconds,
    clock,
    signal,
    worldBeganMs: stage.worldBeganMs,
  });
  quiet.abort(new Error('the demo ends'));
  const kills = [...(await chaos).values()].reduce((sum, count) => sum + count, 0);

  const { ownerships, holders, fenceHeld } = await leases.take();
  const leftovers = countLeftovers(cluster.mayastor, observer.intents(), ownerships + holders + (fenceHeld ? 1 : 0));
  const report = {
    settled: result.settled,
    seconds: Math.round(seconds() * 10) / 10,
    volumes: takeCensus(result.volumes),
    moves: { ...observer.ended, active: leftovers.intents },
    redundancyViolations: cluster.mayastor.ledger.violationCount,
    leftovers,
    maxConcurrent: observer.activeMax,
    rssMiB: Object.fromEntries(services.map(({ name, process }) => [name, rssMiB(process.pid)])),
    kills,
  };
  if (options.untilSettled && !result.settled) {
    for (const line of missing(result.volumes).slice(0, 50)) screen.line(`not settled: ${line}`);
  }
  screen.close();
  if (options.json) output.write(`${JSON.stringify(report)}\n`);
  return options.untilSettled && !result.settled ? 1 : 0;
}

interface Watching {
  readonly options: DemoOptions;
  readonly plan: DemoPlan;
  readonly cluster: SimulatedCluster;
  readonly observer: Observer;
  readonly services: readonly RunningService[];
  readonly screen: ReturnType<typeof createScreen>;
  readonly seconds: () => number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly worldBeganMs: number;
}

async function watchUntilRest(watching: Watching): Promise<{ settled: boolean; volumes: readonly Resting[] }> {
  const { options, plan, cluster, observer, services, screen, seconds, clock, signal, worldBeganMs } = watching;
  const wanted = cluster.mayastor.volumeIds();
  let rests = 0;
  let volumes: readonly Resting[] = [];
  while (await pause(clock, LOOK_EVERY_MS, signal)) {
    const moves = await movesOf(services);
    volumes = wanted.map((id): Resting => {
      const decision = observer.decision(id);
      return {
        name: decision?.volumeName ?? `pvc-${id}`,
        decision,
        moving: observer.intents().get(id)?.intent.state === 'active',
      };
    });
    const waiting = missing(volumes);
    screen.draw(
      wanted.map((id, index) => rowOf(id, volumes[index], cluster, observer, moves)),
      `CoucheStor demo  ${seconds().toFixed(0)} s  ${wanted.length - waiting.length}/${wanted.length} at rest  ${observer.ended.completed} moves`,
    );
    if (!options.untilSettled) continue;
    const loadsAreOver = clock.monotonicMs() - worldBeganMs > plan.quietAfterMs + plan.windowMs;
    rests = waiting.length === 0 && loadsAreOver ? rests + 1 : 0;
    if (rests >= RESTS_WANTED) return { settled: true, volumes };
    if (seconds() > options.timeLimitSeconds) return { settled: false, volumes };
  }
  return { settled: rests >= RESTS_WANTED, volumes };
}

function rowOf(
  id: string,
  resting: Resting | undefined,
  cluster: SimulatedCluster,
  observer: Observer,
  moves: ReadonlyMap<string, Progress>,
): Row {
  const decision = resting?.decision;
  const intent = observer.intents().get(id)?.intent;
  const progress = moves.get(id);
  const active = intent?.state === 'active' ? intent : undefined;
  return {
    name: resting?.name ?? id,
    iops: cluster.mayastor.iops(id),
    tierNow: decision?.tierNow ?? '…',
    tierWanted: decision?.tierWanted ?? '…',
    rebuildPercent: active === undefined ? undefined : progress?.rebuildPercent,
    replicasMoved: active?.replicasMoved,
    replicaCount: active?.replicaCount ?? 0,
    reason: decision?.reason ?? '',
  };
}

interface Progress {
  readonly volumeId: string;
  readonly rebuildPercent?: number;
}

/** As anybody may ask the migrator; it may be away for a moment. */
async function movesOf(services: readonly RunningService[]): Promise<ReadonlyMap<string, Progress>> {
  const migrator = services.find(({ name }) => name === 'migrator');
  if (migrator === undefined) return new Map();
  try {
    const answer = await fetch(`${migrator.healthUrl}/v1/moves`, { signal: AbortSignal.timeout(1_000) });
    if (!answer.ok) return new Map();
    const moves = (await answer.json()) as readonly Progress[];
    return new Map(moves.map((move) => [move.volumeId, move]));
  } catch (error) {
    if (error instanceof TypeError || (error instanceof DOMException && error.name === 'TimeoutError'))
      return new Map();
    throw error;
  }
}

function moveDetail(data: Readonly<Record<string, unknown>>): string {
  const shown = ['fromTier', 'toTier', 'pool', 'reason', 'message', 'durationMs'].filter(
    (key) => data[key] !== undefined,
  );
  return shown.length === 0 ? '' : `  ${shown.map((key) => `${key}=${String(data[key])}`).join(' ')}`;
}

function announce(line: (text: string) => void, stage: Stage): void {
  line(`NATS        ${stage.nats.url}  (${stage.nats.origin})`);
  line(`Redis       ${stage.redis.url}  (${stage.redis.origin})`);
  line(`Prometheus  ${stage.prometheus.url}  (${stage.prometheus.origin})`);
  line(`Mayastor    ${stage.mayastorUrl}/v0/volumes?max_entries=10`);
  for (const { label, metricsUrl, healthUrl, logFile } of stage.services) {
    line(`${label.padEnd(11)} ${metricsUrl}  ${healthUrl}/readyz  log ${logFile}`);
  }
  line(`export KUBECONFIG=${stage.kubeconfig}   # then: kubectl get storagepolicies`);
}

function rssMiB(pid: number): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const [, kib] = /VmRSS:\s+(\d+)/.exec(status) ?? [];
    return kib === undefined ? null : Math.round(Number(kib) / 1024);
  } catch (error) {
    // A service that was killed a moment ago uses nothing.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
