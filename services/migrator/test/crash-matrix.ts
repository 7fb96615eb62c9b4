import { BusUnavailableError, type Request } from '@couchestor/shared/bus';
import { createVirtualClock } from '@couchestor/shared/clock';
import { createMemoryLeases, createMemoryLeaseServer, RedisUnavailableError } from '@couchestor/shared/leases';
import { createMayastorClient, type HttpAnswer, type Transport } from '@couchestor/shared/mayastor';
import type { MigrationRequested, PolicyObserved, VolumeObserved } from '@couchestor/shared/messages';
import { createMayastorModel } from '@couchestor/simulator/mayastor';
import { createMayastor } from '../src/adapters/seen-mayastor.ts';
import { watchIntents } from '../src/intent-board.ts';
import { createMigrator, type MigratorOptions } from '../src/migrator.ts';
import { createPermission } from '../src/permission.ts';
import { createIntentBucket } from './intent-bucket.ts';
import { createProcess, type SimulatedProcess } from './process.ts';

/** What is done to one call that a migrator makes to anything outside itself. */
export const matrixFaults = [
  'crash before',
  'crash after',
  'time-out, done',
  'time-out, done later',
  'time-out, not done',
  'delivered twice',
  'stale read',
  'refused',
] as const;
type MatrixFault = (typeof matrixFaults)[number];

/** One move, which every fault is tried on. */
export interface MatrixShape {
  readonly name: string;
  readonly nodes: readonly string[];
  readonly placement: readonly string[];
  readonly allowReducedRedundancy?: boolean;
}

export const matrixShapes: readonly MatrixShape[] = [
  { name: 'of one replica, beside its target', nodes: ['n1', 'n2'], placement: ['sata-n1'] },
  { name: 'of the second of two replicas', nodes: ['n1', 'n2', 'n3'], placement: ['nvme-n1', 'sata-n2'] },
  { name: 'over a spare node', nodes: ['n1', 'n2', 'spare'], placement: ['nvme-n1', 'sata-n2'] },
  {
    name: 'with one replica less',
    nodes: ['n1', 'n2', 'n3'],
    placement: ['nvme-n1', 'nvme-n2', 'sata-n3'],
    allowReducedRedundancy: true,
  },
];

/** What one fault at one call came to. */
interface MatrixRun {
  /** What the call was, as `PUT replica_count` or `redis hold`; undefined if the move makes no such call. */
  readonly call: string | undefined;
  readonly outcome: string;
  /** Everything that should not be, as sentences. */
  readonly wrongs: readonly string[];
}

const GIB = 1024 ** 3;
const POOL_BYTES = 1_000 * GIB;
const VOLUME = '00000000-0000-4000-8000-000000000001';
const MOVE = 'move-1';
const LEASE_TTL_MS = 15_000;
const CACHE_PERIOD_MS = 5_000;
const CALL_TIMEOUT_MS = 5_000;
const MINUTE_MS = 60_000;
const POLICY_ID = 'policy';

/** A move from its request to its end and a while longer, with one fault at its nth call. */
async function runMatrixCell(shape: MatrixShape, nth: number, fault: MatrixFault): Promise<MatrixRun> {
  const clock = createVirtualClock();
  const model = createMayastorModel({
    clock,
    random: seededRandom(nth),
    rebuildMs: () => 12_000,
    timers: { cachePeriodMs: CACHE_PERIOD_MS, reconcilePeriodMs: 2_000, reconcileIdleMs: 5_000 },
  });
  for (const node of shape.nodes) {
    model.addNode({ id: node });
    if (node !== 'spare') model.addPool({ id: `nvme-${node}`, node, capacityBytes: POOL_BYTES, labels: {} });
    model.addPool({ id: `sata-${node}`, node, capacityBytes: 4 * POOL_BYTES, labels: {} });
  }
  const n0 = shape.placement.length;
  model.createVolume({ uuid: VOLUME, sizeBytes: GIB, placement: shape.placement, publishedOn: 'n1' });
  if (shape.allowReducedRedundancy === true) model.ledger.declare(VOLUME, n0 - 1);

  const leaseServer = createMemoryLeaseServer({ clock });
  const bucket = createIntentBucket({
    clock,
    delay: () => ({ effectMs: 1, answerMs: 2, sent: true }),
    onWrite: () => undefined,
  });
  const events = new Map<string, string>();
  const wrongs: string[] = [];
  let offered = false;
  let calls = 0;
  let hit: string | undefined;
  let isNextReadStale = false;
  const lastRead = new Map<string, unknown>();

  interface Call<T> {
    readonly what: string;
    /** Of a read, whose answer may be one of before. */
    readonly read?: string;
    readonly effect: () => Promise<T>;
    /** How the caller hears that there was no answer, and that nothing was done. */
    readonly timedOut: (signal: AbortSignal | undefined) => Promise<T>;
    readonly refused: () => T;
    readonly signal?: AbortSignal | undefined;
  }
  const through = async <T>(process: SimulatedProcess, call: Call<T>): Promise<T> => {
    const { what, read, effect, timedOut, refused, signal } = call;
    if (offered) calls += 1;
    const isIt = offered && calls === nth && hit === undefined;
    if (isIt) hit = what;
    const never = new Promise<never>(() => undefined);
    switch (isIt ? fault : undefined) {
      case 'crash before':
        process.kill();
        return never;
      case 'crash after':
        await effect();
        process.kill();
        return never;
      case 'time-out, done':
        return timedOut(signal).finally(() => void effect().catch(() => undefined));
      case 'time-out, done later':
        clock.after(12_000, () => void effect().catch(() => undefined));
        return timedOut(signal);
      case 'time-out, not done':
        return timedOut(signal);
      case 'refused':
        return refused();
      case 'delivered twice':
        // Something between sends it again because the first answer did not come through.
        await effect().catch(() => undefined);
        break;
      case 'stale read':
        isNextReadStale = true;
        break;
      case undefined:
        break;
    }
    if (read === undefined) return effect();
    const known = lastRead.get(read);
    const answer = await effect();
    lastRead.set(read, answer);
    if (!isNextReadStale || known === undefined) return answer;
    isNextReadStale = false;
    return known as T;
  };

  const transportOf = (process: SimulatedProcess): Transport => ({
    send: (request) =>
      process.call(async (): Promise<HttpAnswer> => {
        if (request.mayStart?.() === false) return { kind: 'notSent', reason: 'NotStarted', message: '' };
        const { method, path } = request;
        const effect = async (): Promise<HttpAnswer> => {
          const { status, body } = await model.handle({
            method,
            path: `/v0${path}`,
            ...(request.body === undefined ? {} : { body: JSON.parse(request.body) as unknown }),
          });
          return { kind: 'answered', status, body: body === undefined || body === null ? '' : JSON.stringify(body) };
        };
        return through(process, {
          what: nameOf(method, path),
          ...(method === 'GET' ? { read: path } : {}),
          effect,
          timedOut: async () => {
            await clock.sleep(request.timeoutMs);
            return { kind: 'lost', reason: 'timeout', message: 'no answer in time' };
          },
          refused: () => ({ kind: 'answered', status: 503, body: JSON.stringify(unavailable) }),
        });
      }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });

  /** The same object, each of whose methods is a call to something outside. */
  const outside = <T extends object>(
    process: SimulatedProcess,
    target: T,
    { prefix, reads, error, only }: { prefix: string; reads?: string; error: () => Error; only?: readonly string[] },
  ): T =>
    new Proxy(target, {
      get: (object, key) => {
        const member: unknown = Reflect.get(object, key);
        if (typeof member !== 'function' || (only !== undefined && !only.includes(String(key)))) return member;
        return (...args: unknown[]) => {
          const signal = args.findLast((arg) => arg instanceof AbortSignal);
          return process.call(() =>
            through<unknown>(process, {
              what: `${prefix} ${String(key)}`,
              ...(String(key) === reads ? { read: `${prefix} ${String(key)}` } : {}),
              effect: () => Reflect.apply(member, object, args) as Promise<unknown>,
              timedOut: async () => {
                await clock.sleep(CALL_TIMEOUT_MS, signal);
                throw error();
              },
              refused: () => {
                throw error();
              },
              signal,
            }),
          );
        };
      },
    });

  const permissions: {
    process: SimulatedProcess;
    permission: ReturnType<typeof createPermission>;
    greeted: boolean;
  }[] = [];
  const start = (name: string) => {
    const process = createProcess(name, clock);
    const permission = createPermission(process.clock);
    const stop = new AbortController();
    const watching = new AbortController();
    const intents = outside(process, bucket.storeOf(process), {
      prefix: 'nats',
      reads: 'get',
      error: () => new BusUnavailableError('a request'),
      only: ['get', 'create', 'update', 'delete', 'list'],
    });
    const publish = outside(
      process,
      {
        publish: (eventName: string, _: string, __: unknown, { messageId }: { readonly messageId: string }) => {
          events.set(messageId, eventName);
          return Promise.resolve();
        },
      },
      { prefix: 'nats', error: () => new BusUnavailableError('an event') },
    );
    const migrator = createMigrator({
      instance: name,
      board: watchIntents(intents, watching.signal, () => undefined),
      world: observedWorld(shape, model),
      metrics: noMetrics,
      method: () => 'poolCordon',
      mayastor: createMayastor(
        createMayastorClient({
          baseUrl: 'http://mayastor.invalid',
          pace: () => Promise.resolve(),
          clock: process.clock,
          timeoutMs: CALL_TIMEOUT_MS,
          transport: transportOf(process),
        }),
      ),
      intents,
      leases: outside(process, createMemoryLeases({ clock: process.clock, ttlMs: LEASE_TTL_MS, server: leaseServer }), {
        prefix: 'redis',
        error: () => new RedisUnavailableError('a command', 'no answer in time'),
      }),
      events: publish,
      permission,
      clock: process.clock,
      logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
      settings: {
        cachePeriodMs: CACHE_PERIOD_MS,
        fleet: { migrations: 4, bytes: 100_000 * GIB },
        callTimeoutMs: CALL_TIMEOUT_MS,
        marginMs: 2_000,
        leaseTtlMs: LEASE_TTL_MS,
        backoff: { baseMs: MINUTE_MS },
      },
    });
    permissions.push({ process, permission, greeted: false });
    const ended = migrator.run(stop.signal).then(
      () => undefined,
      (error: unknown) => void wrongs.push(`${name} ended by a defect: ${String(error)}`),
    );
    return { process, migrator, stop, watching, ended };
  };
  const beat = (): void => {
    for (const one of permissions) {
      one.permission.onHeartbeat({ paused: false }, !one.greeted);
      one.greeted = true;
    }
    clock.after(2_000, beat);
  };

  const migrators = [start('one'), start('two')];
  beat();
  const runFor = async (ms: number, done: () => boolean): Promise<boolean> => {
    const endMs = clock.monotonicMs() + ms;
    while (!done()) if (clock.monotonicMs() > endMs || !(await clock.runNext())) return done();
    return true;
  };
  // Two lease lives, before which a new Redis grants nothing.
  await runFor(2 * LEASE_TTL_MS + 6_000, () => false);

  const request = requestFor(shape, model, clock.nowMs());
  let acknowledged = false;
  const deliver = (): void => {
    const receiver = migrators.find(({ process }) => !process.isDead);
    if (receiver === undefined || acknowledged) return;
    const again = (afterMs: number): void => void clock.after(afterMs, deliver);
    let answered = false;
    receiver.migrator.handle(request).then(
      (disposition) => {
        answered = true;
        if (disposition.kind === 'nak') again(disposition.delayMs);
        else acknowledged = true;
      },
      () => {
        answered = true;
        again(1_000);
      },
    );
    clock.after(30_000, () => {
      if (!answered && receiver.process.isDead) deliver();
    });
  };
  offered = true;
  deliver();

  const terminal = (): string[] => [...events.values()].filter((name) => /completed|failed|aborted|refused/.test(name));
  const isOver = (): boolean =>
    terminal().length > 0 && [...bucket.records().values()].every(({ intent }) => intent.state === 'ended');
  if (!(await runFor(30 * MINUTE_MS, isOver))) wrongs.push('the move does not end');
  // What was sent may still come. Leases of a migrator that died lapse; limits that it held without a move do after ten
  // minutes.
  await runFor(MINUTE_MS / 2, () => false);
  await runFor(12 * MINUTE_MS, () => leasesLeft(leaseServer.census()).length === 0);

  if (terminal().length !== 1) wrongs.push(`it ended ${terminal().length} times: ${terminal().join()}`);
  const truth = model.volume(VOLUME);
  if (truth?.replicaCount !== n0) wrongs.push(`the replica count is ${truth?.replicaCount}, not ${n0}`);
  if (truth?.replicas.filter(({ synced }) => synced).length !== n0) wrongs.push('not every replica is filled');
  for (const { from, to, call } of model.ledger.redundancyViolations()) wrongs.push(`call ${call}: ${from} to ${to}`);
  for (const cordon of model.ledger.cordons()) wrongs.push(`left behind: ${cordon}`);
  for (const replica of model.orphans()) wrongs.push(`left behind: replica ${replica}`);
  wrongs.push(...leasesLeft(leaseServer.census()));

  for (const { stop, watching } of migrators) {
    stop.abort(new Error('the run is over'));
    watching.abort(new Error('the run is over'));
  }
  let allEnded = false;
  const living = migrators.filter(({ process }) => !process.isDead).map(({ ended }) => ended);
  const all = Promise.all(living).then(() => {
    allEnded = true;
  });
  if (await runFor(MINUTE_MS, () => allEnded)) await all;
  else wrongs.push('a migrator does not stop');
  model.stop();
  return { call: hit, outcome: terminal()[0]?.replace('migration.', '') ?? 'none', wrongs };
}

function leasesLeft(census: { readonly ownerships: number; readonly holders: number; readonly fences: number }) {
  return Object.entries(census).flatMap(([what, count]) => (count === 0 ? [] : [`left behind: ${count} ${what}`]));
}

function nameOf(method: string, path: string): string {
  const parts = path.split('?')[0]?.split('/').slice(1) ?? [];
  if (path.endsWith('/replica_count/255')) return 'probe for idle';
  if (parts.includes('replica_count')) return `${method} replica count`;
  if (parts.includes('cordon')) return `${method} cordon of a ${parts[0] === 'pools' ? 'pool' : 'node'}`;
  return `${method} ${parts[0] === 'volumes' ? 'volume' : parts[0]}`;
}

function observedWorld(
  { allowReducedRedundancy = false, nodes }: MatrixShape,
  model: ReturnType<typeof createMayastorModel>,
): MigratorOptions['world'] {
  const policy: PolicyObserved = {
    policyId: POLICY_ID,
    name: 'tiering',
    generation: 1,
    createdAt: '2026-01-01T00:00:00Z',
    spec: {
      hotPoolSelector: { matchLabels: { tier: 'nvme' } },
      coldPoolSelector: { matchLabels: { tier: 'sata' } },
      cooldownPeriod: '0s',
      moves: { allowReducedRedundancy },
    },
  };
  return {
    policy: () => policy,
    volume: (): VolumeObserved | undefined => {
      const truth = model.volume(VOLUME);
      if (truth === undefined) return undefined;
      return {
        volumeId: VOLUME,
        persistentVolume: {
          name: `pvc-${VOLUME}`,
          uid: VOLUME,
          phase: 'Bound',
          storageClassName: 'mayastor',
          labels: {},
        },
        sizeBytes: GIB,
        thin: true,
        replicaCount: truth.replicaCount,
        specStatus: 'Created',
        status: 'Online',
        selfHeal: true,
        ...(truth.target === undefined ? {} : { targetNode: truth.target.node }),
        rebuilding: false,
        snapshotCount: 0,
        fromSnapshot: false,
        replicas: truth.replicas.map(({ uuid, node, pool }) => ({ replicaId: uuid, node, pool, state: 'Online' })),
      };
    },
    pools: () =>
      model.poolIds().map((name) => ({
        diskPoolId: name,
        name,
        node: nodes.find((node) => name.endsWith(`-${node}`)) ?? '',
        labels: { tier: name.slice(0, 4) },
        mayastorLabels: {},
        status: 'Online' as const,
        capacityBytes: POOL_BYTES,
        usedBytes: 0,
        committedBytes: 0,
        cordoned: false,
      })),
    cluster: () => ({ paused: false, mayastorVersions: ['2.12.2'] }),
    synced: () => true,
  };
}

function requestFor(shape: MatrixShape, model: ReturnType<typeof createMayastorModel>, nowMs: number): Request {
  const data: MigrationRequested = {
    migrationId: MOVE,
    proposalId: 'proposal',
    attempt: 0,
    volumeId: VOLUME,
    volumeName: `pvc-${VOLUME}`,
    policyId: POLICY_ID,
    policyName: 'tiering',
    policyGeneration: 1,
    fromTier: 'mixed',
    toTier: 'hot',
    reason: 'AboveHighWatermark',
    notAfter: new Date(nowMs + 10 * MINUTE_MS).toISOString(),
    replicaCount: shape.placement.length,
    replicas: (model.volume(VOLUME)?.replicas ?? []).map(({ uuid, pool, node }) => ({ replicaId: uuid, pool, node })),
    targetPools: model.poolIds().filter((pool) => pool.startsWith('nvme-')),
    sizeBytes: GIB,
  };
  return {
    name: 'migration.requested',
    subject: `couchestor.v1.migration.requested.${VOLUME}`,
    id: MOVE,
    source: 'scorer',
    time: new Date(nowMs).toISOString(),
    data,
  };
}

const unavailable = {
  kind: 'Unavailable',
  message: 'status: Unavailable, message: "error trying to connect: tcp connect error"',
  details: '',
} as const;

const noMetrics: MigratorOptions['metrics'] = {
  accepted: () => undefined,
  refused: () => undefined,
  ended: () => undefined,
  step: () => undefined,
  setActive: () => undefined,
  setAttention: () => undefined,
  setCordons: () => undefined,
  setPermitted: () => undefined,
};

function seededRandom(seed: number): () => number {
  let state = seed % 2_147_483_646 || 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** All that the faults came to, by call. */
export interface CrashMatrix {
  readonly shape: string;
  /** Faults tried at a call of this kind, and those of them after which something was not as it should be. */
  readonly rows: ReadonlyMap<string, Readonly<Record<MatrixFault, { readonly runs: number; readonly wrong: number }>>>;
  readonly runs: number;
  readonly wrongs: readonly {
    readonly call: string;
    readonly nth: number;
    readonly fault: MatrixFault;
    readonly wrongs: readonly string[];
  }[];
}

/** Every fault at every call that the move makes, `step` calls apart. */
export async function runCrashMatrix(shape: MatrixShape, step = 1, first = 1): Promise<CrashMatrix> {
  const rows = new Map<string, Record<MatrixFault, { runs: number; wrong: number }>>();
  const wrongs: { call: string; nth: number; fault: MatrixFault; wrongs: readonly string[] }[] = [];
  let runs = 0;
  for (let nth = first; ; nth += step) {
    let isBeyond = false;
    for (const fault of matrixFaults) {
      const run = await runMatrixCell(shape, nth, fault);
      if (run.call === undefined) {
        isBeyond = true;
        break;
      }
      const row = rows.get(run.call) ?? emptyRow();
      rows.set(run.call, row);
      row[fault].runs += 1;
      runs += 1;
      if (run.wrongs.length === 0) continue;
      row[fault].wrong += 1;
      wrongs.push({ call: run.call, nth, fault, wrongs: run.wrongs });
    }
    if (isBeyond) return { shape: shape.name, rows, runs, wrongs };
  }
}

function emptyRow(): Record<MatrixFault, { runs: number; wrong: number }> {
  const cell = () => ({ runs: 0, wrong: 0 });
  return {
    'crash before': cell(),
    'crash after': cell(),
    'time-out, done': cell(),
    'time-out, done later': cell(),
    'time-out, not done': cell(),
    'delivered twice': cell(),
    'stale read': cell(),
    refused: cell(),
  };
}

/** A table for people: how often each fault was tried, and `!` with the number of times that something was wrong. */
export function crashMatrixTable({ shape, rows, runs, wrongs }: CrashMatrix): string {
  const names = [...rows.keys()].sort();
  const width = Math.max(...names.map((name) => name.length));
  const lines = names.map((name) => {
    const cells = matrixFaults.map((fault) => {
      const { runs: tried = 0, wrong = 0 } = rows.get(name)?.[fault] ?? {};
      return (wrong > 0 ? `${tried} !${wrong}` : `${tried}`).padStart(fault.length);
    });
    return `${name.padEnd(width)}  ${cells.join('  ')}`;
  });
  const told = wrongs.map(
    ({ call, nth, fault, wrongs: what }) => `  call ${nth}, ${call}, ${fault}: ${what.join('; ')}`,
  );
  return [
    `A move ${shape}: ${runs} runs, ${wrongs.length} with something wrong`,
    `${' '.repeat(width)}  ${matrixFaults.join('  ')}`,
    ...lines,
    ...told,
  ].join('\n');
}
