import type { MemoryLeaseServer } from '@couchestor/shared/leases';
import type { ActiveIntent } from '@couchestor/shared/messages';
import type { SimulatedBus } from '../bus/simulated-bus.ts';
import type { Fleet } from '../fleet.ts';
import { requestOutOfTurn } from '../out-of-turn.ts';
import { calmVolumes } from '../world/calm-profile.ts';
import { GIB, volumeIdOf, type PolicySpecText, type Profile } from '../world/profile.ts';
import { seededRandom } from '@couchestor/shared/random';
import { iopsFor, type World } from '../world/world.ts';
import type { AimedWorld } from './aimed-world.ts';
import { slowNews, withIntents } from './in-between.ts';

/** Room of pools: what others are about to fill, and what is kept for nothing. */

const MINUTE_MS = 60_000;
/** Longer than limits are renewed apart, and shorter than a move waits for its next owner. */
const READ_MS = 6_000;
/** Longer than a lease lives and its next owner waits. */
const STANDS_MS = 70_000;
const volumes = [1, 2].map(volumeIdOf) as [string, string];

function withSpec({ policies }: Profile, change: Partial<PolicySpecText>): Profile['policies'] {
  return policies.map((policy) => ({ ...policy, spec: { ...policy.spec, ...change } }));
}

/** Of the first growth nothing is seen for a while, and who sent it dies. */
function growthIsLate({ model, clock, bus }: World, fleet: Fleet): void {
  let isDone = false;
  model.faults.onCall(({ method, path }) => {
    const [, volumeId = ''] = /\/volumes\/([^/]+)\/replica_count\/2$/.exec(path) ?? [];
    const intent = bus.intents.get(volumeId)?.intent;
    if (isDone || method !== 'PUT' || intent?.state !== 'active') return undefined;
    isDone = true;
    const owner = fleet.running('migrator').find(({ name }) => name === intent.owner);
    clock.after(100, () => owner?.kill());
    return { kind: 'timeout', effectAfterMs: 25_000 };
  });
}

/** As soon as it is written that the new replica is filled the volume is unpublished, and published again later. */
function unpublishedWhenFilled({ bus, model, clock }: World, volumeId: string, forMs: number): SimulatedBus {
  const path = `/v0/volumes/${volumeId}/target`;
  let isDone = false;
  return withIntents(bus, (own, process) => ({
    update: async (intent, ...rest) => {
      const revision = await own.update(intent, ...rest);
      const isFilled = intent.state === 'active' && intent.round?.syncedAt !== undefined;
      if (isDone || !isFilled) return revision;
      isDone = true;
      void model.handle({ method: 'DELETE', path });
      const body = { publish_context: {}, protocol: 'nvmf' };
      clock.after(forMs, () => void model.handle({ method: 'PUT', path, body }));
      await process.clock.sleep(1_000);
      return revision;
    },
  }));
}

/** What the first owner of a move that waits for a person gives back arrives when the next owner has found room again. */
function returnsLate({ leaseServer, bus, clock }: World, fleet: Fleet, volumeId: string): MemoryLeaseServer {
  const moveOf = (): ActiveIntent | undefined => {
    const record = bus.intents.get(volumeId)?.intent;
    return record?.state === 'active' ? record : undefined;
  };
  let isDone = false;
  return {
    ...leaseServer,
    releaseHolds: async (request) => {
      const move = moveOf();
      // It is given back each time that the move is looked at; the first time counts.
      const hasRoom = leaseServer.roomOf(request.migrationId).length > 0;
      if (isDone || hasRoom || move?.attention === undefined) return leaseServer.releaseHolds(request);
      isDone = true;
      fleet
        .running('migrator')
        .find(({ name }) => name === move.owner)
        ?.pauseFor(STANDS_MS);
      const isTime = (): boolean => {
        const now = moveOf();
        const hasRoomAgain = leaseServer.roomOf(request.migrationId).length > 0;
        return now === undefined || (now.ownerToken > request.token && now.attention === undefined && hasRoomAgain);
      };
      while (!isTime()) await clock.sleep(100);
      return leaseServer.releaseHolds(request);
    },
  };
}

/** Who begins from then on has the records of moves so much later. */
const readsLate = (bus: SimulatedBus, lateMs: number, isLate: () => boolean): SimulatedBus =>
  withIntents(bus, (own, process) => ({
    watchAll: (options) => {
      if (!isLate()) return own.watchAll(options);
      const begun = process.clock.sleep(lateMs).then(() => own.watchAll(options));
      const synced = begun.then((watch) => watch.synced);
      // Rejected at the end of its process, which may not wait for it any more.
      synced.catch(() => undefined);
      return { synced, ended: begun.then((watch) => watch.ended) };
    },
  }));

/** Two volumes on cold nodes of their own, and one move at a time, whose copy takes so long. */
const roomForOne = (rebuildMs: number) => ({
  volumes: calmVolumes({ [volumes[0]]: ['cold-n1'], [volumes[1]]: ['cold-n2'] }),
  fleetMax: 1,
  isThin: false,
  rebuildMs,
});

export const rooms = {
  'news that come late': {
    says: 'two moves may fill one pool, which has room for one, and each hears late of the other; one dies when it grows',
    profile: (calm) => ({
      volumes: calmVolumes(Object.fromEntries(volumes.map((id) => [id, ['cold-n1']]))),
      tiersOf: (node) => (node === 'n3' ? ['hot'] : ['cold']),
      isThin: false,
      poolBytes: { hot: 11 * GIB, cold: 400 * GIB },
      cachePeriodMs: 30_000,
      rebuildMs: MINUTE_MS,
      troubleMs: 15 * MINUTE_MS,
      policies: withSpec(calm, { maxConcurrentMigrations: 2 }),
    }),
    stage: (world, fleet) => {
      growthIsLate(world, fleet);
      const random = seededRandom(1);
      for (const id of volumes) world.truth.iops.set(id, iopsFor('cold'));
      // The scorer would ask for one of them alone.
      world.clock.after(MINUTE_MS, () => {
        for (const id of volumes) requestOutOfTurn(world, random, id);
      });
      return { bus: slowNews(world.bus, 20_000) };
    },
  },
  'migrators that do not reach Redis for longer than room is held': {
    says: 'there is room for one move, which lapses; then Redis answers everything but what registers it again',
    profile: () => ({ ...roomForOne(8 * MINUTE_MS), troubleMs: 15 * MINUTE_MS }),
    stage: ({ truth, clock, bus, surroundings }, fleet) => {
      for (const id of volumes) truth.iops.set(id, iopsFor('hot'));
      const look = (): void => {
        if (bus.intents.size === 0 || bus.pendingRequests().length === 0) return void clock.after(1_000, look);
        for (const migrator of fleet.running('migrator')) {
          surroundings.network.cut(migrator, 'redis', 3 * MINUTE_MS);
          surroundings.network.cut(migrator, 'redis register', 4 * MINUTE_MS);
        }
      };
      look();
      return undefined;
    },
  },
  'a migrator that reads the records late': {
    says: 'there is room for one move, which lapses while no migrator is there; the next one reads what is stored a while later',
    profile: () => ({ ...roomForOne(8 * MINUTE_MS), troubleMs: 15 * MINUTE_MS }),
    stage: (world, fleet) => {
      const { truth, clock, bus, profile } = world;
      let isLate = false;
      truth.iops.set(volumes[0], iopsFor('hot'));
      truth.iops.set(volumes[1], iopsFor('cold'));
      const look = (): void => {
        if (bus.intents.size === 0) return void clock.after(1_000, look);
        fleet.scale('migrator', 0);
        clock.after(4 * MINUTE_MS, () => {
          isLate = true;
          fleet.scale('migrator', profile.migrators);
          clock.after(READ_MS + 500, () => requestOutOfTurn(world, seededRandom(1), volumes[1]));
        });
      };
      look();
      return { bus: readsLate(bus, READ_MS, () => isLate) };
    },
  },
  'a Redis that forgets while news come late': {
    says: 'there is room for one move, which nobody has heard of yet when somebody flushes Redis',
    profile: () => roomForOne(3 * MINUTE_MS),
    stage: (world) => {
      const { truth, clock, bus } = world;
      for (const id of volumes) truth.iops.set(id, iopsFor('hot'));
      const look = (): void => {
        if (bus.intents.size === 0) return void clock.after(1_000, look);
        world.leaseServer.flush();
        truth.redisShakenAtMs = clock.monotonicMs();
        truth.redisLostAtMs = clock.monotonicMs();
      };
      look();
      return { bus: slowNews(bus, 2 * MINUTE_MS) };
    },
  },
  'two nodes for a volume of two replicas': {
    says: 'each node holds one already, and somebody who does not know asks for a move, where the policy allows one less',
    profile: (calm) => ({
      nodes: ['n1', 'n2'],
      volumes: calmVolumes({ [volumes[0]]: ['cold-n1', 'cold-n2'] }),
      policies: withSpec(calm, { moves: { allowSnapshots: false, allowReducedRedundancy: true } }),
    }),
    stage: (world) => {
      const random = seededRandom(1);
      world.truth.iops.set(volumes[0], iopsFor('cold'));
      world.clock.after(MINUTE_MS, () => requestOutOfTurn(world, random, volumes[0]));
      return undefined;
    },
  },
  'an unpublished volume with one replica too many': {
    says: 'a volume is unpublished when its new replica is filled, and published again when a person has been asked',
    profile: () => ({
      volumes: calmVolumes({ [volumes[0]]: ['cold-n1', 'cold-n2'] }),
      isThin: false,
      troubleMs: 24 * MINUTE_MS,
    }),
    stage: (world) => {
      world.truth.iops.set(volumes[0], iopsFor('hot'));
      return { bus: unpublishedWhenFilled(world, volumes[0], 18 * MINUTE_MS) };
    },
  },
  'a move that waits for a person while another has its room': {
    says: 'there is room for one move; while a volume is unpublished with one replica too many another takes it, and fills for long',
    profile: () => ({
      volumes: calmVolumes({ [volumes[0]]: ['cold-n1', 'cold-n2'], [volumes[1]]: ['cold-n3'] }),
      fleetMax: 1,
      isThin: false,
      rebuildMs: 4 * MINUTE_MS,
      troubleMs: 24 * MINUTE_MS,
    }),
    stage: (world) => {
      const { truth, clock } = world;
      truth.iops.set(volumes[0], iopsFor('hot'));
      truth.iops.set(volumes[1], iopsFor('cold'));
      clock.after(6 * MINUTE_MS, () => truth.iops.set(volumes[1], iopsFor('hot')));
      return { bus: unpublishedWhenFilled(world, volumes[0], 12 * MINUTE_MS) };
    },
  },
  'a move that waits for a person while another has its pool': {
    says: 'there is one pool, for one move at a time; while a volume is unpublished with one replica too many a scorer that does not know asks for another move to it',
    profile: (calm) => ({
      volumes: calmVolumes({ [volumes[0]]: ['cold-n1'], [volumes[1]]: ['cold-n2'] }),
      tiersOf: (node) => (node === 'n3' ? ['hot'] : ['cold']),
      isThin: false,
      rebuildMs: 4 * MINUTE_MS,
      troubleMs: 24 * MINUTE_MS,
      policies: calm.policies.map(({ id, spec }) => ({
        id,
        spec: { ...spec, limits: { ...spec.limits, perPool: 1, perNode: 1 } },
      })),
    }),
    stage: (world) => {
      const { truth, clock } = world;
      truth.iops.set(volumes[0], iopsFor('hot'));
      truth.iops.set(volumes[1], iopsFor('cold'));
      // One that knows of the first would not ask.
      clock.after(16 * MINUTE_MS, () => {
        truth.iops.set(volumes[1], iopsFor('hot'));
        requestOutOfTurn(world, seededRandom(1), volumes[1]);
      });
      return { bus: unpublishedWhenFilled(world, volumes[0], 12 * MINUTE_MS) };
    },
  },
  'room that an owner of before gives back': {
    says: 'who gives back the room of a move that waits for a person stands still, and what it sent arrives when another has room again',
    profile: () => ({
      volumes: calmVolumes({ [volumes[0]]: ['cold-n1', 'cold-n2'] }),
      isThin: false,
      troubleMs: 24 * MINUTE_MS,
    }),
    stage: (world, fleet) => {
      world.truth.iops.set(volumes[0], iopsFor('hot'));
      return {
        bus: unpublishedWhenFilled(world, volumes[0], 18 * MINUTE_MS),
        leaseServer: returnsLate(world, fleet, volumes[0]),
      };
    },
  },
  'a wait between two rounds': {
    says: 'a node goes down when the first replica of a volume has come to its tier, so that the next has to wait',
    profile: () => ({ volumes: calmVolumes({ [volumes[0]]: ['cold-n1', 'cold-n2'] }), troubleMs: 10 * MINUTE_MS }),
    stage: (world) => {
      const { truth, clock, bus, model } = world;
      const [id] = volumes;
      truth.iops.set(id, iopsFor('hot'));
      const look = (): void => {
        const record = bus.intents.get(id)?.intent;
        const isBetween = record?.state === 'active' && record.round === undefined && record.replicasMoved === 1;
        if (!isBetween) return void clock.after(20, look);
        const node = model.volume(id)?.replicas.find(({ pool }) => pool.startsWith('cold'))?.node ?? '';
        model.faults.nodeDown(node);
        clock.after(2 * MINUTE_MS, () => model.faults.nodeUp(node));
      };
      look();
      return undefined;
    },
  },
} as const satisfies Readonly<Record<string, AimedWorld>>;
