import { ConflictError, type IntentStore, type StoredIntent } from '@couchestor/shared/bus';
import { createVirtualClock, type VirtualClock } from '@couchestor/shared/clock';
import { createMemoryLeases, type Leases } from '@couchestor/shared/leases';
import { createMayastorClient, type Transport } from '@couchestor/shared/mayastor';
import type { ActiveIntent, Intent } from '@couchestor/shared/messages';
import { createMayastorModel, type MayastorModel, type MayastorModelOptions } from '@couchestor/simulator/mayastor';
import { createMayastor } from '../src/adapters/seen-mayastor.ts';
import type { Capabilities } from '../src/core/evidence.ts';
import { keepLease } from '../src/held-lease.ts';
import type { MoveContext, MoveResult } from '../src/move-context.ts';
import { runMove } from '../src/move.ts';
import { seededRandom } from '@couchestor/shared/random';

/** One volume's move against a model of Mayastor, with a clock of its own: four nodes, an NVMe and a SATA pool each. */
export interface MoveWorld {
  readonly clock: VirtualClock;
  readonly model: MayastorModel;
  readonly leases: Leases;
  readonly intents: IntentStore & { current(): StoredIntent | undefined };
  readonly events: { readonly name: string; readonly messageId: string; readonly data: unknown }[];
  /** What each step was, a wait by its reason. */
  readonly steps: string[];
  permitted: boolean;
  /** As when a heartbeat says so, or is taken away: who waits for it is woken. */
  permit(is: boolean): void;
  /** How far the clock of the watcher is ahead. */
  watcherAheadMs: number;
  /** What is heard of other moves; by itself there are none. */
  board: Pick<MoveContext['board'], 'arriving' | 'reached'>;
  abortWanted: boolean;
  /** For a test's own faults. */
  stubborn: boolean;
  /** Called at each changing call; may throw `Killed`. */
  onCall: (when: CallMoment) => void;
  /** Called when an event is told. */
  onEvent: (name: string) => void;
  /** Walks the move until it ends, giving each call the time that it needs. */
  move(options?: { readonly instance?: string; readonly signal?: AbortSignal }): Promise<MoveResult>;
  poolsOf(volumeId: string): string[];
}

const GIB = 1024 ** 3;
export const VOLUME = '11111111-1111-4111-8111-111111111111';
const POOL_BYTES = 1000 * GIB;
const LEASE_TTL_MS = 15_000;
const CACHE_PERIOD_MS = 30_000;

/** Before a changing call leaves the migrator, and when its answer is about to reach it. */
type CallMoment = 'before' | 'after';

/** Ends the migrator where it stands. Not an error of ours, so nothing handles it. */
export class Killed extends Error {}

export interface MoveWorldOptions {
  readonly seed?: number;
  readonly model?: Partial<MayastorModelOptions>;
  readonly method?: Capabilities['method'];
  /** Pools of the replicas before the move. */
  readonly placement: readonly string[];
  readonly publishedOn?: string;
  readonly targetPools?: readonly string[];
  readonly syncTimeoutMs?: number;
  /** What the migrator takes for it. */
  readonly cachePeriodMs?: number;
  readonly nodes?: readonly string[];
  readonly allowReducedRedundancy?: boolean;
  /** The volume wants pools with the label `site=here`, which all have. */
  readonly isSited?: boolean;
  /** Of the budget that all calls come out of; without it they wait for nothing. */
  readonly callsPerSecond?: number;
}

export async function createMoveWorld(options: MoveWorldOptions): Promise<MoveWorld> {
  const clock = createVirtualClock();
  const random = seededRandom(options.seed ?? 1);
  const nodes = options.nodes ?? ['n1', 'n2', 'n3', 'n4'];
  const model = createMayastorModel({ clock, random, rebuildBytesPerSecond: GIB / 10, ...options.model });
  for (const node of nodes) {
    model.addNode({ id: node });
    model.addPool({ id: `nvme-${node}`, node, capacityBytes: POOL_BYTES, labels: { tier: 'hot', site: 'here' } });
    model.addPool({ id: `sata-${node}`, node, capacityBytes: 4 * POOL_BYTES, labels: { tier: 'cold', site: 'here' } });
  }
  model.createVolume({
    uuid: VOLUME,
    sizeBytes: 10 * GIB,
    placement: options.placement,
    ...(options.isSited === true ? { topology: { pool_topology: { labelled: { inclusion: { site: 'here' } } } } } : {}),
    ...(options.publishedOn === undefined ? {} : { publishedOn: options.publishedOn }),
  });
  const { callsPerSecond } = options;
  const leases = createMemoryLeases({
    clock,
    ttlMs: LEASE_TTL_MS,
    ...(callsPerSecond === undefined ? {} : { callsPerSecond }),
  });
  const client = createMayastorClient({
    baseUrl: 'http://mayastor.invalid',
    pace: (kind, lifeMs, signal) =>
      callsPerSecond === undefined
        ? Promise.resolve(Number.POSITIVE_INFINITY)
        : leases.takeCall(kind === 'write' ? 'act' : kind, lifeMs, signal),
    clock,
    transport: transportTo(model, (when) => world.onCall(when)),
  });
  const intents = createMemoryIntents();
  const events: MoveWorld['events'] = [];
  const steps: string[] = [];
  const capabilities: Capabilities = {
    method: options.method ?? 'poolCordon',
    cachePeriodMs: options.cachePeriodMs ?? CACHE_PERIOD_MS,
  };

  const intent = intentFor(options, nodes, clock);
  await intents.create(intent);
  await whileRunning(clock, openEpoch(leases, clock));
  // A server that is new takes the budget of its first moments for used up.
  await whileRunning(clock, leases.takeCall('read', 0));

  const waiting = new Set<() => void>();
  const world: MoveWorld = {
    clock,
    model,
    leases,
    intents,
    events,
    steps,
    permitted: true,
    permit: (is) => {
      world.permitted = is;
      for (const wake of waiting) wake();
    },
    watcherAheadMs: 0,
    board: { arriving: () => new Map(), reached: () => Promise.resolve() },
    abortWanted: false,
    stubborn: false,
    onCall: () => undefined,
    onEvent: () => undefined,
    poolsOf: (volumeId) =>
      model
        .volume(volumeId)
        ?.replicas.map((replica) => replica.pool)
        .sort() ?? [],
    move: ({ instance = 'one', signal = new AbortController().signal } = {}) =>
      whileRunning(clock, move(instance, signal)),
  };
  const move = async (instance: string, signal: AbortSignal): Promise<MoveResult> => {
    let grant = await leases.acquireOwnership(VOLUME, instance);
    while (!grant.granted) {
      await clock.sleep(1_000);
      grant = await leases.acquireOwnership(VOLUME, instance);
    }
    const { token } = grant;
    await using ownership = keepLease({
      clock,
      term: grant,
      renewEveryMs: LEASE_TTL_MS / 3,
      renew: async () => {
        const answer = await leases.renewOwnership(VOLUME, instance, token);
        return answer.renewed ? answer : undefined;
      },
      release: () => leases.releaseOwnership(VOLUME, instance, token),
      onError: (error) => {
        throw error;
      },
    });
    const stored = intents.current();
    if (stored?.intent.state !== 'active') throw new Error('there is no move');
    const revision = await intents.update({ ...stored.intent, owner: instance, ownerToken: token }, stored.revision);
    const result = await runMove(
      context,
      { intent: { ...stored.intent, owner: instance, ownerToken: token }, revision },
      ownership,
      token,
      signal,
    );
    await ownership.release();
    return result;
  };
  const context: MoveContext = {
    mayastor: createMayastor(client),
    intents,
    leases,
    events: {
      publish: (name, _migrationId, data, { messageId }) => {
        if (!events.some((event) => event.messageId === messageId)) events.push({ name, messageId, data });
        world.onEvent(name);
        return Promise.resolve();
      },
    },
    permission: {
      mayAct: () => world.permitted,
      mayLift: () => true,
      watcherNowMs: () => clock.nowMs() + world.watcherAheadMs,
      changed: (signal) =>
        new Promise((resolve) => {
          const wake = (): void => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
          signal.addEventListener('abort', wake, { once: true });
        }),
    },
    clock,
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    settings: {
      capabilities,
      fleet: { migrations: 4, bytes: 100_000 * GIB },
      callTimeoutMs: 5_000,
      marginMs: 2_000,
      leaseTtlMs: LEASE_TTL_MS,
      lateEffectMs: 30_000,
      backoff: { baseMs: 300_000 },
    },
    fenceQueue: new Set(),
    board: {
      fencedElsewhere: () => new Set(),
      closedElsewhere: () => new Set(),
      arriving: (volumeId, revision) => world.board.arriving(volumeId, revision),
      reached: (volumeId, revision, signal) => world.board.reached(volumeId, revision, signal),
    },
    abortRequested: () => world.abortWanted,
    onLateCall: () => undefined,
    onStep: (_, step) => void steps.push(step.kind === 'wait' ? step.reason : step.kind),
    onEnded: () => undefined,
  };
  return world;
}

/** Lets time pass for as long as the work is not done. */
export async function whileRunning<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  const settled = new Set<Promise<T>>();
  // It is awaited below; until then a rejection must not count as unhandled.
  const observed = work.then(
    () => settled.add(work),
    () => settled.add(work),
  );
  for (;;) {
    const ran = await clock.runNext();
    if (settled.size > 0) break;
    if (!ran) throw new Error('nothing is left to happen, and the work is not done');
  }
  await observed;
  return work;
}

async function openEpoch(leases: Leases, clock: VirtualClock): Promise<void> {
  for (;;) {
    const epoch = await leases.registerAll([]);
    if (epoch.state === 'open') return;
    await clock.sleep(epoch.opensInMs ?? 1_000);
  }
}

function intentFor(options: MoveWorldOptions, nodes: readonly string[], clock: VirtualClock): ActiveIntent {
  const targetPools = options.targetPools ?? nodes.map((node) => `nvme-${node}`);
  return {
    state: 'active',
    migrationId: '22222222-2222-4222-8222-222222222222',
    proposalId: 'proposal',
    attempt: 0,
    volumeId: VOLUME,
    volumeName: `pvc-${VOLUME}`,
    policyId: 'policy',
    policyName: 'tiering',
    policyGeneration: 1,
    fromTier: 'cold',
    toTier: 'hot',
    startedAt: new Date(clock.nowMs()).toISOString(),
    seenIds: [],
    failuresInRow: 0,
    outbox: [],
    replicaCount: options.placement.length,
    sizeBytes: 10 * GIB,
    syncTimeoutMs: options.syncTimeoutMs ?? 1_800_000,
    allowSnapshots: false,
    allowReducedRedundancy: options.allowReducedRedundancy ?? false,
    maxPoolUsedPercent: 85,
    limits: { policy: 2, perPool: 1, perNode: 1 },
    targetPools: [...targetPools],
    replicasMoved: 0,
    roundsStarted: 0,
    owner: 'one',
    ownerToken: 0,
  };
}

/** Requests go straight into the model; it answers when its server would. */
function transportTo(model: MayastorModel, onCall: (when: CallMoment) => void): Transport {
  return {
    send: async (request) => {
      const change = request.method !== 'GET';
      if (change) onCall('before');
      if (request.mayStart?.() === false) return { kind: 'notSent', reason: 'NotStarted', message: 'not started' };
      const { status, body } = await model.handle({
        method: request.method,
        path: `/v0${request.path}`,
        ...(request.body === undefined ? {} : { body: JSON.parse(request.body) as unknown }),
      });
      if (change) onCall('after');
      return { kind: 'answered', status, body: body === undefined ? '' : JSON.stringify(body) };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function createMemoryIntents(): MoveWorld['intents'] {
  let record: StoredIntent | undefined;
  let revision = 0;
  const put = (intent: Intent): Promise<number> => {
    revision += 1;
    record = { intent: structuredClone(intent), revision };
    return Promise.resolve(revision);
  };
  return {
    current: () => record,
    get: () => Promise.resolve(record),
    create: (intent) => (record === undefined ? put(intent) : Promise.reject(new ConflictError(intent.volumeId))),
    update: (intent, expected) =>
      record?.revision === expected ? put(intent) : Promise.reject(new ConflictError(intent.volumeId)),
    delete: () => {
      record = undefined;
      return Promise.resolve();
    },
    watchAll: () => ({ synced: Promise.resolve(), ended: Promise.resolve() }),
    list: () => Promise.resolve(record === undefined ? new Map() : new Map([[record.intent.volumeId, record]])),
  };
}
