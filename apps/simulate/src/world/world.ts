import type { MigrationEvent } from '@couchestor/shared/bus';
import { createVirtualClock, type VirtualClock } from '@couchestor/shared/clock';
import { createMemoryLeaseServer, type MemoryLeaseServer } from '@couchestor/shared/leases';
import type { Heartbeat, Intent, MigrationRequested } from '@couchestor/shared/messages';
import { ZONE_LABEL } from '@couchestor/shared/policy';
import { createMayastorModel, type MayastorModel } from '@couchestor/simulator/mayastor';
import { createSimulatedBus, type SimulatedBus } from '../bus/simulated-bus.ts';
import { createHandler, type Arrivals } from '../cores/mayastor-calls.ts';
import { createWays } from '../cores/ways.ts';
import type { Surroundings } from '../services/surroundings.ts';
import { createChaos, type Chaos } from './chaos.ts';
import { createSimulatedKubernetes, type SimulatedKubernetes } from './kubernetes.ts';
import { createMayastorRoad, type ArrivingCall } from './mayastor.ts';
import { createNetwork } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import { HIGH_IOPS, LOW_IOPS, SIZE_BYTES, type PolicySpecText, type Profile, type Tier } from './profile.ts';
import { createSimulatedPrometheus, type SimulatedPrometheus } from './prometheus.ts';
import { seededRandom, type Random } from '@couchestor/shared/random';

/** Everything outside the processes of our services, and the truth about it. */
export interface World {
  readonly clock: VirtualClock;
  readonly profile: Profile;
  readonly chaos: Chaos;
  readonly model: MayastorModel;
  readonly bus: SimulatedBus;
  readonly kubernetes: SimulatedKubernetes;
  readonly prometheus: SimulatedPrometheus;
  readonly leaseServer: MemoryLeaseServer;
  /** Moves the wall clock of Redis, which is what its leases go by. */
  readonly jumpRedis: (ms: number) => void;
  readonly surroundings: Surroundings;
  readonly truth: Truth;
}

/** What nobody in the world knows all of. Times are on the true clock, in milliseconds since the world began. */
interface Truth {
  /** Heartbeats stored: the last one, and the last one that did not say that all is paused. */
  heartbeatAtMs: number;
  openHeartbeatAtMs: number;
  /** How far the clock that dated the last one was ahead. */
  heartbeatAheadMs: number;
  /** When that was last another by more than a moment. */
  heartbeatJumpedAtMs: number;
  /** Processes that have heard that all is paused, and nothing else since. */
  readonly heardPause: Set<string>;
  /** What each volume's applications ask for now. */
  readonly iops: Map<string, number>;
  /** Every version of each policy, the newest last. */
  readonly policyVersions: Map<string, PolicyVersion[]>;
  /** Counts that a volume may have at the end: in the middle of a move nobody can tell a person's change from ours. */
  readonly wantedCounts: Map<string, Set<number>>;
  /** When the volume's last completed move ended. */
  readonly completedAtMs: Map<string, number>;
  /** Nodes that a person drains, since when. */
  readonly drainedSinceMs: Map<string, number>;
  /** Migrations that were taken up, with their policy and when that was. */
  readonly accepted: Map<string, Acceptance>;
  /** When a process last was told how a volume is, by `process/volume`. */
  readonly volumeReadAtMs: Map<string, number>;
  /** When a person began to pause all; undefined while nobody does. */
  pausedAtMs: number | undefined;
  /** When a person last changed the annotations of a volume, by volume. */
  readonly annotatedAtMs: Map<string, number>;
  /** When a person asked to abort a migration, by its id. */
  readonly abortAskedAtMs: Map<string, number>;
  /** When a person's cordon of a node took effect. */
  readonly cordonedAtMs: Map<string, number>;
  /** Pools that a person has closed, and no move before. */
  closedByPeople: readonly string[];
  /** When a person last took the cordon of a pool away, whosever it was. */
  readonly poolOpenedAtMs: Map<string, number>;
  /** Of volumes whose last moves failed: how many in a row, when the last did, and how long they are left alone. */
  readonly failures: Map<string, Failures>;
  /** Of each policy: the volumes whose last move failed since one of it completed, and when that was. */
  readonly failedInRow: Map<string, { readonly volumes: Set<string>; completedAtMs: number; lastAtMs: number }>;
  /** When the record of a volume was last written. */
  readonly storedAtMs: Map<string, number>;
  /** Pools that have lost the label which volumes with a site want, since when. */
  readonly unsitedSinceMs: Map<string, number>;
  /** Nodes and pools that a process was shown as away, since when, by `process/name`. */
  readonly shownAwaySinceMs: Map<string, number>;
  /** Nodes that are down, since when. */
  readonly downSinceMs: Map<string, number>;
  /** Which target a process last was told that a volume has, and how often in a row, by `process/volume`. */
  readonly targetRead: Map<string, { readonly nexus: string | undefined; readonly times: number }>;
  /** Volumes that Prometheus has not seen for a while, since when. */
  readonly prometheus: { isAway: boolean; hasFew: boolean };
  unseen: { readonly volumes: ReadonlySet<string>; readonly sinceMs: number } | undefined;
  /** When Redis last lost or forgot something, or its clock jumped. */
  redisShakenAtMs: number;
  /** By tier: when its pools got their labels back; while a person has given them others, infinite. */
  readonly relabelledAtMs: Map<string, number>;
  /** When it last lost its data, or became another process. */
  redisLostAtMs: number;
  redisJumpedAtMs: number;
  /** How far its clock is ahead. */
  redisAheadMs: number;
  /** Until when requests are good, by their migrations. */
  readonly notAfterMs: Map<string, number>;
  /** Migrations that were taken up more than once. */
  readonly takenUpAgain: Set<string>;
  /** When all was repaired. */
  repairedAtMs: number | undefined;
  /** Migrations that somebody asked for who did not know better. */
  readonly outOfTurn: Set<string>;
  /** Changes that a process sent after it had stood still, by path: what they do is not what was decided. */
  readonly latePaths: Map<string, SimulatedProcess>;
  /** Those of them that nobody looks after any more, since who sent them is no more. */
  lostCalls: readonly string[];
  /** The core died in the middle of a change, so that a replica may be left on a disk. */
  replicasMayBeLeft: boolean;
  /** In worlds made by hand: counts that have no answer, who asked for them, and when they take effect. */
  readonly countsOnTheirWay: CountOnItsWay[];
  /** In worlds made by hand: when migrators sent something to Mayastor. */
  readonly sentAtMs: number[];
  /** Of each volume the last completed move, and how many in a row before it were undone too soon, as far as is certain. */
  readonly lastMoves: Map<string, { readonly fromTier: string; readonly toTier: string; readonly regrets: number }>;
  changingCalls: number;
  reads: number;
}

interface Acceptance {
  readonly policyId: string;
  readonly atMs: number;
  readonly zones: number;
  /** How many moves in a row, this one included, undo the one before too soon. */
  readonly regrets?: number;
}

interface CountOnItsWay {
  readonly volumeId: string;
  readonly owner: string;
  readonly path: string;
  readonly effectAtMs: number;
}

interface Failures {
  readonly inRow: number;
  readonly atMs: number;
  readonly untilMs: number;
}

interface PolicyVersion {
  readonly generation: number;
  readonly sinceMs: number;
  readonly spec: PolicySpecText;
}

/** A migration with the token of who asked. */
export type RoomGrant = Pick<Parameters<MemoryLeaseServer['hold']>[0], 'migrationId' | 'token'>;

/** Told of everything that an invariant could be broken by. */
export interface Observer {
  onArrival(call: ArrivingCall): void;
  onIntent(next: Intent, previous: Intent | undefined, writer: SimulatedProcess): void;
  onRequest(request: MigrationRequested, scorer: SimulatedProcess): void;
  onEvent(message: MigrationEvent): void;
  onHeartbeat(heartbeat: Heartbeat): void;
  /** Redis gives a migration room within the limits. */
  onRoom(granted: RoomGrant): void;
  /** All the room of a migration is given back. */
  onRoomBack(given: RoomGrant): void;
  onStory(who: string, what: string): void;
}

const nothing = (): void => undefined;
/** Who is not told of anything. */
export const nobody: Observer = {
  onArrival: nothing,
  onIntent: nothing,
  onRequest: nothing,
  onEvent: nothing,
  onHeartbeat: nothing,
  onRoom: nothing,
  onRoomBack: nothing,
  onStory: nothing,
};

/** The label of cordons that people set. */
export const PERSON = 'maintenance';
/** Of drains; whoever ends one does not end a cordon. */
export const DRAIN = 'replacement';
/** Mayastor looks so often for what is to be done; the model's own defaults are a real cluster's. */
const FAILOVER_MS = 12_000;

export function createWorld(options: {
  readonly seed: number;
  readonly profile: Profile;
  readonly only: ReadonlySet<string> | undefined;
  readonly observer: Observer;
}): World {
  const { seed, profile, observer } = options;
  const clock = createVirtualClock();
  const chaos = createChaos({
    seed,
    rate: profile.faultRate,
    only: options.only,
    onLot: (id) => observer.onStory('chaos', id),
  });
  const truth = createTruth();
  const model = watched(createModel(profile, clock, seededRandom(seed ^ 0x3c6ef372)), truth, () =>
    bus.intents.values(),
  );
  const network = createNetwork({
    clock,
    chaos,
    emphasis: profile.emphasis,
    ...(profile.isPrompt ? { promptRandom: seededRandom(seed ^ 0x1b56c4e9) } : {}),
  });
  let redisAheadMs = 0;
  const memory = createMemoryLeaseServer({ clock: { ...clock, nowMs: () => clock.nowMs() + redisAheadMs } });
  const leaseServer: MemoryLeaseServer = {
    ...memory,
    hold: async (request) => {
      const reply = await memory.hold(request);
      if (reply.kind === 'granted') observer.onRoom(request);
      return reply;
    },
    releaseHolds: async (request) => {
      const hadRoom = memory.roomOf(request.migrationId).length > 0;
      await memory.releaseHolds(request);
      if (hadRoom && memory.roomOf(request.migrationId).length === 0) observer.onRoomBack(request);
    },
  };
  const jumpRedis = (ms: number): void => {
    redisAheadMs += ms;
    truth.redisAheadMs = redisAheadMs;
    truth.redisShakenAtMs = clock.monotonicMs();
    truth.redisJumpedAtMs = clock.monotonicMs();
  };
  const bus = createSimulatedBus({
    clock,
    chaos,
    network,
    throughBytes: profile.throughBytes,
    onIntent: (next, previous, writer) => {
      truth.storedAtMs.set(next.volumeId, clock.monotonicMs());
      observer.onIntent(next, previous, writer);
    },
    onRequest: (request, scorer) => observer.onRequest(request, scorer),
    onEvent: (message) => observer.onEvent(message),
    onHeartbeat: (heartbeat) => {
      if (heartbeat === undefined) return;
      truth.heartbeatAtMs = clock.monotonicMs();
      const aheadMs = Date.parse(heartbeat.sentAt) - clock.nowMs();
      if (Math.abs(aheadMs - truth.heartbeatAheadMs) > 5_000) truth.heartbeatJumpedAtMs = clock.monotonicMs();
      truth.heartbeatAheadMs = aheadMs;
      if (!heartbeat.paused) truth.openHeartbeatAtMs = clock.monotonicMs();
      observer.onHeartbeat(heartbeat);
    },
  });
  const kubernetes = createSimulatedKubernetes({ network, nowMs: () => clock.nowMs() });
  const prometheus = createSimulatedPrometheus({
    state: truth.prometheus,
    clock,
    network,
    chaos,
    exported: () =>
      profile.volumes.flatMap(({ id }) =>
        model.volume(id)?.target === undefined || truth.unseen?.volumes.has(id) === true
          ? []
          : [{ volumeId: id, iops: truth.iops.get(id) ?? 0 }],
      ),
  });
  const arrivals: Arrivals = {
    onArrival: (call) => {
      truth.changingCalls += 1;
      observer.onArrival(call);
    },
    onLateCall: (path, process) => truth.latePaths.set(path, process),
    onCutOff: () => {
      truth.replicasMayBeLeft = true;
    },
    onRead: () => {
      truth.reads += 1;
    },
    onThingsRead: ({ name }, shown) => {
      const { shownAwaySinceMs } = truth;
      for (const [thing, { online }] of shown) {
        if (online && shownAwaySinceMs.size === 0) continue;
        const key = `${name}/${thing}`;
        if (online) shownAwaySinceMs.delete(key);
        else if (!shownAwaySinceMs.has(key)) shownAwaySinceMs.set(key, clock.monotonicMs());
      }
    },
    onVolumeRead: ({ name }, volumeId) => {
      const key = `${name}/${volumeId}`;
      truth.volumeReadAtMs.set(key, clock.monotonicMs());
      const nexus = model.volume(volumeId)?.target?.nexus;
      const before = truth.targetRead.get(key);
      truth.targetRead.set(key, { nexus, times: before?.nexus === nexus ? (before?.times ?? 0) + 1 : 1 });
    },
  };
  const mayastor = createMayastorRoad({
    clock,
    chaos,
    model,
    standstillShare: profile.standstillShare,
    standstillMaxMs: profile.standstillMaxMs,
    emphasis: profile.emphasis ?? {},
    ...arrivals,
  });
  const betweenRandom = seededRandom(seed ^ 0x6c8e9cf5);
  const surroundings: Surroundings = {
    clock,
    profile,
    network,
    bus,
    kubernetes,
    prometheus,
    mayastor,
    leaseServer,
    core: {
      waysOf: (process) =>
        createWays({
          process,
          clock,
          chaos,
          severeShare: profile.severeShare ?? 1,
          random: betweenRandom,
          isCut: (of, what) => network.isCut(of, what),
        }),
      model,
      handle: createHandler(model),
      arrivals,
      fenceWaiters: new Set(),
    },
    onHeard: ({ name }, paused) => {
      if (paused) truth.heardPause.add(name);
      else truth.heardPause.delete(name);
    },
  };
  const world = {
    clock,
    profile,
    chaos,
    model,
    bus,
    kubernetes,
    prometheus,
    leaseServer,
    jumpRedis,
    surroundings,
    truth,
  };
  furnish(world, seededRandom(seed ^ 0x0b5297a4));
  return world;
}

function createTruth(): Truth {
  return {
    heartbeatAtMs: Number.NEGATIVE_INFINITY,
    openHeartbeatAtMs: Number.NEGATIVE_INFINITY,
    heartbeatAheadMs: 0,
    heartbeatJumpedAtMs: Number.NEGATIVE_INFINITY,
    heardPause: new Set(),
    iops: new Map(),
    policyVersions: new Map(),
    wantedCounts: new Map(),
    completedAtMs: new Map(),
    drainedSinceMs: new Map(),
    accepted: new Map(),
    volumeReadAtMs: new Map(),
    pausedAtMs: undefined,
    annotatedAtMs: new Map(),
    abortAskedAtMs: new Map(),
    cordonedAtMs: new Map(),
    closedByPeople: [],
    poolOpenedAtMs: new Map(),
    failures: new Map(),
    failedInRow: new Map(),
    storedAtMs: new Map(),
    unsitedSinceMs: new Map(),
    shownAwaySinceMs: new Map(),
    downSinceMs: new Map(),
    targetRead: new Map(),
    prometheus: { isAway: false, hasFew: false },
    unseen: undefined,
    redisShakenAtMs: Number.NEGATIVE_INFINITY,
    relabelledAtMs: new Map(),
    redisLostAtMs: Number.NEGATIVE_INFINITY,
    redisJumpedAtMs: Number.NEGATIVE_INFINITY,
    redisAheadMs: 0,
    notAfterMs: new Map(),
    takenUpAgain: new Set(),
    repairedAtMs: undefined,
    outOfTurn: new Set(),
    latePaths: new Map(),
    lostCalls: [],
    replicasMayBeLeft: false,
    countsOnTheirWay: [],
    sentAtMs: [],
    lastMoves: new Map(),
    changingCalls: 0,
    reads: 0,
  };
}

function createModel(profile: Profile, clock: VirtualClock, random: Random): MayastorModel {
  const model = createMayastorModel({
    clock,
    random,
    version: profile.version,
    steer: profile.steer,
    ...(profile.maxRebuilds === undefined ? {} : { maxRebuilds: profile.maxRebuilds }),
    rebuildBytesPerSecond: SIZE_BYTES / (profile.rebuildMs / 1_000),
    timers: { failoverMs: FAILOVER_MS, cachePeriodMs: profile.cachePeriodMs },
  });
  const isSited = profile.volumes.some((volume) => volume.isSited === true);
  for (const node of profile.nodes) {
    const zone = profile.zoneOf(node);
    model.addNode({ id: node, ...(zone === undefined ? {} : { labels: { [ZONE_LABEL]: zone } }) });
    for (const tier of profile.tiersOf(node)) {
      const labels = isSited ? { tier, ...SITE } : { tier };
      model.addPool({ id: `${tier}-${node}`, node, capacityBytes: profile.poolBytes[tier], labels });
    }
  }
  for (const volume of profile.volumes) {
    const { id, placement, publishedOn, snapshots, affinityGroup } = volume;
    const topology = topologyOf(volume);
    model.createVolume({
      uuid: id,
      sizeBytes: SIZE_BYTES,
      thin: profile.isThin,
      placement,
      snapshots,
      ...(affinityGroup === undefined ? {} : { affinityGroup }),
      ...(topology === undefined ? {} : { topology }),
      ...(publishedOn === undefined ? {} : { publishedOn }),
    });
  }
  return model;
}

/** The label that volumes with a site want, and all pools have at first. */
const SITE = { site: 'here' } as const;

function topologyOf({ allowedNodes, isSited }: Profile['volumes'][number]) {
  if (allowedNodes !== undefined)
    return { node_topology: { explicit: { allowed_nodes: allowedNodes, preferred_nodes: [] } } };
  return isSited === true ? { pool_topology: { labelled: { inclusion: SITE } } } : undefined;
}

/** The same, and the truth knows which nodes are down, and what Mayastor leaves on them. */
function watched(
  model: MayastorModel,
  truth: Truth,
  intentsOf: () => Iterable<{ readonly intent: Intent }>,
): MayastorModel {
  const { faults } = model;
  const { downSinceMs } = truth;
  /** Mayastor lets go of what is out of the target on a dead node, and the target owns it still. */
  const isTakenOut = (node: string): boolean =>
    [...intentsOf()].some(
      ({ intent }) =>
        intent.state === 'active' && intent.round?.steer?.kind === 'childRemoval' && intent.round.steer.node === node,
    );
  return {
    ...model,
    faults: {
      ...faults,
      nodeDown: (node, how) => {
        if (!downSinceMs.has(node)) downSinceMs.set(node, model.ledger.nowMs);
        if (isTakenOut(node)) truth.replicasMayBeLeft = true;
        faults.nodeDown(node, how);
      },
      nodeUp: (node) => {
        downSinceMs.delete(node);
        faults.nodeUp(node);
      },
    },
  };
}

/** The objects of Kubernetes, and what applications do at first. */
function furnish({ profile, kubernetes, truth, clock }: World, random: Random): void {
  for (const node of profile.nodes) {
    for (const tier of profile.tiersOf(node)) {
      const name = `${tier}-${node}`;
      const createdAtMs = clock.nowMs();
      kubernetes.putDiskPool({
        diskPoolId: `uid-${name}`,
        name,
        namespace: 'mayastor',
        node,
        labels: { tier },
        createdAtMs,
      });
    }
  }
  for (const { id, labels, placement } of profile.volumes) {
    kubernetes.putPersistentVolume(id, { labels });
    truth.iops.set(id, iopsFor(random() < 0.5 ? 'hot' : 'cold'));
    truth.wantedCounts.set(id, new Set([placement.length]));
  }
  for (const { id, spec } of profile.policies) putPolicy({ kubernetes, truth, clock }, id, spec);
}

export const iopsFor = (tier: Tier): number => (tier === 'hot' ? 2 * HIGH_IOPS : LOW_IOPS / 2);

export function putPolicy(
  { kubernetes, truth, clock }: Pick<World, 'kubernetes' | 'truth' | 'clock'>,
  id: string,
  spec: PolicySpecText,
): void {
  kubernetes.putPolicy(id, spec);
  const versions = truth.policyVersions.get(id) ?? [];
  const generation = kubernetes.policies.get(id)?.generation ?? 1;
  versions.push({ generation, sinceMs: clock.monotonicMs(), spec });
  truth.policyVersions.set(id, versions);
}
