import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { spawnProcess, startNats } from '@couchestor/servers';
import { connectBus } from '@couchestor/shared/bus';
import { pause, type Clock } from '@couchestor/shared/clock';
import { subjectToken, type PolicyObserved } from '@couchestor/shared/messages';
import { entrypointOf } from './image.ts';
import { aPolicy, aVolume, nodes, pools } from './volumes.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
/** Short, so that the period is what the cost of a cycle makes of it. */
const CYCLE_MS = 2_000;
const GIVEN_UP_MS = 600_000;

export interface ScorerBed extends AsyncDisposable {
  readonly pid: number;
  /** From its start to the decisions on the whole fleet. */
  readonly firstDecisionsMs: number;
  /** Resolves once every volume has a decision with a score. */
  decided(): Promise<void>;
  /** Resolves when so many more cycles have ended. */
  cyclesPassed(count: number): Promise<void>;
  totals(): Promise<{
    /** Of all threads of the process. */
    readonly processorSeconds: number;
    readonly cycles: number;
    readonly cycleSeconds: number;
    readonly decides: number;
    readonly decideSeconds: number;
    readonly passes: number;
    readonly passSeconds: number;
  }>;
  /** The longest since it was last asked. */
  eventLoopLagMs(): Promise<number>;
  /** Facts that it has published since its start. */
  stateMessages(): Promise<number>;
  /** Publishes the policy; resolves to the milliseconds until it is said to be evaluated. */
  applied(policy: PolicyObserved): Promise<number>;
  stop(): Promise<void>;
}

export interface ScorerBedOptions {
  readonly volumes: number;
  readonly prometheusUrl: string;
  readonly clock: Clock;
}

/** The bundled scorer, with the facts of a fleet in NATS. */
export async function startScorerBed({ volumes, prometheusUrl, clock }: ScorerBedOptions): Promise<ScorerBed> {
  await run(process.execPath, ['tools/bundle.ts'], { cwd: root });
  const stack = new AsyncDisposableStack();
  const { COUCHESTOR_NATS_URL: _given, ...env } = process.env;
  const nats = stack.use(await startNats({ env }));
  const bus = stack.use(
    await connectBus({ servers: nats.url, service: 'watcher', instance: 'bench', clock, logger: quiet }),
  );
  await bus.ensureStreams();
  const publish = (policy: PolicyObserved) =>
    bus.publish('policy.observed', subjectToken(policy.policyId), policy, { messageId: randomUUID() });
  const writer = await bus.openFactWriter('volume.observed', {});
  for (let first = 0; first < volumes; first += 1_000) {
    const some = Array.from({ length: Math.min(1_000, volumes - first) }, (_, index) => aVolume(first + index));
    await Promise.all(some.map((volume) => writer.set(subjectToken(volume.volumeId), volume)));
  }
  await writer[Symbol.asyncDispose]();
  for (const [index, node] of nodes.entries()) {
    await bus.publish('node.observed', subjectToken(`node-${index}`), node, { messageId: randomUUID() });
  }
  for (const pool of pools) {
    await bus.publish('pool.observed', subjectToken(pool.diskPoolId), pool, { messageId: randomUUID() });
  }
  const cluster = { paused: false, mayastorVersions: ['2.12.2'] };
  await bus.publish('cluster.observed', subjectToken('cluster'), cluster, { messageId: randomUUID() });
  await publish(aPolicy(1));

  const reading = new AbortController();
  stack.defer(() => reading.abort());
  const evaluations = await bus.openFacts(['policy.evaluated'], { signal: reading.signal });
  const entrypoint = await entrypointOf('scorer');
  let ports: { readonly metricsPort?: unknown } = {};
  const beganMs = clock.monotonicMs();
  const scorer = stack.use(
    await spawnProcess({
      name: 'scorer',
      ...entrypoint,
      env: {
        ...env,
        NODE_ENV: 'production',
        NATS_URL: nats.url,
        PROMETHEUS_URL: prometheusUrl,
        HOST: '127.0.0.1',
        METRICS_PORT: '0',
        HEALTH_PORT: '0',
        SCORING_CYCLE_MS: String(CYCLE_MS),
        STARTUP_GRACE_MS: '0',
      },
      onLine: (line) => {
        const said = JSON.parse(line) as { readonly msg?: string; readonly level?: string };
        if (said.msg === 'starting') ports = said as typeof ports;
        if (said.level === 'ERROR') console.error(line);
      },
    }),
  );
  let longestLagMs = 0;
  /** Each reading begins the measurement of the event loop anew. */
  const metrics = async (): Promise<string> => {
    const text = await (await fetch(`http://127.0.0.1:${String(ports.metricsPort)}/metrics`)).text();
    longestLagMs = Math.max(longestLagMs, numberIn(text, 'nodejs_eventloop_lag_max_seconds') * 1_000);
    return text;
  };
  const numberIn = (text: string, name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  const until = async (check: () => boolean | Promise<boolean>, everyMs: number): Promise<void> => {
    const lateMs = clock.monotonicMs() + GIVEN_UP_MS;
    while (!(await check())) {
      if (clock.monotonicMs() > lateMs || !scorer.running) throw new Error('the scorer did not do what was waited for');
      await pause(clock, everyMs, reading.signal);
    }
  };
  const evaluated = () => evaluations.of('policy.evaluated').get('policy-1')?.data;
  let firstDecisionsMs = Number.NaN;
  const bed: ScorerBed = {
    pid: scorer.pid,
    get firstDecisionsMs() {
      return firstDecisionsMs;
    },
    decided: async () => {
      await until(() => evaluated()?.volumes === volumes && evaluated()?.unknownVolumes === 0, 20);
      firstDecisionsMs = clock.monotonicMs() - beganMs;
    },
    totals: async () => {
      const text = await metrics();
      const of = (name: string): number => numberIn(text, `couchestor_scorer_${name}`);
      return {
        processorSeconds: numberIn(text, 'process_cpu_seconds_total'),
        cycles: of('cycle_seconds_count'),
        cycleSeconds: of('cycle_seconds_sum'),
        decides: of('decide_seconds_count'),
        decideSeconds: of('decide_seconds_sum'),
        passes: of('pass_seconds_count'),
        passSeconds: of('pass_seconds_sum'),
      };
    },
    cyclesPassed: async (count) => {
      const { cycles, passes } = await bed.totals();
      await until(async () => {
        const now = await bed.totals();
        return now.cycles >= cycles + count && now.passes >= passes + count;
      }, 500);
    },
    eventLoopLagMs: async () => {
      await metrics();
      const lagMs = longestLagMs;
      longestLagMs = 0;
      return lagMs;
    },
    stateMessages: async () => {
      const text = await metrics();
      const published = (type: string): number =>
        numberIn(text, `couchestor_messages_published_total\\{type="${type}",result="stored"\\}`) || 0;
      return published('decision.made') + published('policy.evaluated');
    },
    applied: async (policy) => {
      const editedMs = clock.monotonicMs();
      await publish(policy);
      await until(() => evaluated()?.policyGeneration === policy.generation, 1);
      return clock.monotonicMs() - editedMs;
    },
    stop: async () => {
      await scorer.stop();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
  return bed;
}
