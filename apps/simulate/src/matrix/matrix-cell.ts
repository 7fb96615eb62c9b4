import { createMayastor, createMigrator, createPermission, watchIntents } from '@couchestor/migrator/parts';
import { BusUnavailableError } from '@couchestor/shared/bus';
import { createVirtualClock } from '@couchestor/shared/clock';
import { createMemoryLeases, createMemoryLeaseServer, RedisUnavailableError } from '@couchestor/shared/leases';
import { createMayastorClient, type HttpAnswer, type Transport } from '@couchestor/shared/mayastor';
import { createMayastorModel } from '@couchestor/simulator/mayastor';
import { createIntentBucket } from '../bus/intents.ts';
import { FLEET_BYTES } from '../services/migrator.ts';
import { CALL_TIMEOUT_MS, LATE_EFFECT_MS } from '../services/surroundings.ts';
import { createChaos } from '../world/chaos.ts';
import { LEASE_TTL_MS } from '../world/leases.ts';
import { createNetwork } from '../world/network.ts';
import { createProcess, type SimulatedProcess } from '../world/process.ts';
import { GIB } from '../world/profile.ts';
import { seededRandom } from '@couchestor/shared/random';
import { noMigratorMetrics, silentLog } from '../world/silence.ts';
import { nodeOf, observedWorld, POOL_BYTES, requestFor, VOLUME } from './matrix-facts.ts';
import type { MatrixFault, MatrixShape } from './matrix-shapes.ts';

/** What one fault at one call came to. */
export interface MatrixRun {
  /** What the call was, as `PUT replica_count` or `redis hold`; undefined if the move makes no such call. */
  readonly call: string | undefined;
  readonly outcome: string;
  /** Everything that should not be, as sentences. */
  readonly wrongs: readonly string[];
}

const CACHE_PERIOD_MS = 5_000;
const MINUTE_MS = 60_000;

/** A move from its request to its end and a while longer, with one fault at its nth call. */
export async function runMatrixCell(shape: MatrixShape, nth: number, fault: MatrixFault): Promise<MatrixRun> {
  const { version = '2.12.2' } = shape;
  const clock = createVirtualClock();
  const model = createMayastorModel({
    clock,
    random: seededRandom(nth),
    version,
    rebuildMs: () => 12_000,
    timers: { cachePeriodMs: CACHE_PERIOD_MS, reconcilePeriodMs: 2_000, reconcileIdleMs: 5_000 },
  });
  for (const node of new Set(shape.pools.map(nodeOf))) model.addNode({ id: node });
  for (const id of shape.pools) {
    const capacityBytes = id.startsWith('sata-') ? 4 * POOL_BYTES : POOL_BYTES;
    model.addPool({ id, node: nodeOf(id), capacityBytes, labels: {} });
  }
  const n0 = shape.placement.length;
  model.createVolume({ uuid: VOLUME, sizeBytes: GIB, placement: shape.placement, publishedOn: 'n1' });
  if (shape.allowReducedRedundancy === true) model.ledger.declare(VOLUME, n0 - 1);

  const leaseServer = createMemoryLeaseServer({ clock });
  const chaos = createChaos({ seed: 0, rate: 0, only: undefined, onLot: () => undefined });
  const network = createNetwork({ clock, chaos });
  const bucket = createIntentBucket({ network, throughSchema: true, onWrite: () => undefined });
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
      whileRunning(process, async (): Promise<HttpAnswer> => {
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
          return whileRunning(process, () =>
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
    const process = createProcess({ name, clock, wallOffsetMs: 0, onKill: () => undefined });
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
      metrics: noMigratorMetrics,
      method: () => (version === '2.7.1' ? 'nodeCordon' : 'poolCordon'),
      mayastor: createMayastor(
        createMayastorClient({
          baseUrl: 'http://mayastor.invalid',
          pace: () => Promise.resolve(Number.POSITIVE_INFINITY),
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
      logger: silentLog,
      settings: {
        cachePeriodMs: CACHE_PERIOD_MS,
        fleet: { migrations: 4, bytes: FLEET_BYTES },
        callTimeoutMs: CALL_TIMEOUT_MS,
        marginMs: 2_000,
        leaseTtlMs: LEASE_TTL_MS,
        lateEffectMs: LATE_EFFECT_MS,
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
      one.permission.onHeartbeat({ paused: false, sentAtMs: clock.nowMs() }, !one.greeted);
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
    receiver.migrator.handle(request, { deliveryCount: 1 }).then(
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
    terminal().length > 0 && [...bucket.records.values()].every(({ intent }) => intent.state === 'ended');
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

/** Begins, and comes back, only while the process runs. */
async function whileRunning<T>(process: SimulatedProcess, work: () => Promise<T>): Promise<T> {
  await process.running();
  try {
    return await work();
  } finally {
    await process.running();
  }
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

const unavailable = {
  kind: 'Unavailable',
  message: 'status: Unavailable, message: "error trying to connect: tcp connect error"',
  details: '',
} as const;
