import type { MemoryLeaseServer } from '@couchestor/shared/leases';
import { calmVolumes } from '../world/calm-profile.ts';
import type { MayastorRoad } from '../world/mayastor.ts';
import { volumeIdOf } from '../world/profile.ts';
import { iopsFor, type World } from '../world/world.ts';
import type { AimedWorld } from './aimed-world.ts';
import { through } from './in-between.ts';

/** The budget of calls, which all migrators share through Redis. */

const MINUTE_MS = 60_000;
const volumes = [1, 2, 3, 4, 5, 6].map(volumeIdOf);

const profile = () => ({
  volumes: calmVolumes(Object.fromEntries(volumes.map((id, index) => [id, [`cold-n${(index % 4) + 1}`]]))),
  isPaced: true,
  migrators: 4,
  fleetMax: 6,
  cachePeriodMs: 500,
  isThin: false,
  rebuildMs: 20_000,
  troubleMs: 5 * MINUTE_MS,
});

/** When migrators send something. */
const noted = ({ surroundings, truth, clock }: World): MayastorRoad =>
  through(surroundings.mayastor, (request, transport, process) => {
    if (!process.name.startsWith('migrator')) return transport.send(request);
    const mayStart = (): boolean => {
      const may = request.mayStart?.() !== false;
      if (may) truth.sentAtMs.push(clock.monotonicMs());
      return may;
    };
    return transport.send({ ...request, mayStart });
  });

/** Every other second what Redis says of calls takes long, so that grants of two seconds come at once. */
const slowByTurns = ({ leaseServer, clock }: World): MemoryLeaseServer => ({
  ...leaseServer,
  takeCall: async (...request) => {
    const waitMs = await leaseServer.takeCall(...request);
    const isSlow = Math.floor(clock.monotonicMs() / 1_000) % 2 === 0;
    if (isSlow) await clock.sleep(1_000 - (clock.monotonicMs() % 1_000) - 50);
    return waitMs;
  },
});

const wantAll = ({ truth }: World): void => {
  for (const id of volumes) truth.iops.set(id, iopsFor('hot'));
};

export const budget = {
  'more to ask than the budget allows': {
    says: 'six moves at a time, and Mayastor may be asked six times a second',
    profile,
    stage: (world) => {
      wantAll(world);
      return { mayastor: noted(world) };
    },
  },
  'grants that come late': {
    says: 'the same, and Redis answers slowly every other second',
    profile,
    stage: (world) => {
      wantAll(world);
      return { mayastor: noted(world), leaseServer: slowByTurns(world) };
    },
  },
  'a Redis that forgets what it granted': {
    says: 'the same, and somebody flushes Redis again and again',
    profile,
    stage: (world) => {
      wantAll(world);
      const { clock, leaseServer, truth } = world;
      for (let ms = MINUTE_MS; ms < MINUTE_MS + 10_000; ms += 1_300)
        clock.after(ms, () => {
          leaseServer.flush();
          truth.redisShakenAtMs = clock.monotonicMs();
          truth.redisLostAtMs = clock.monotonicMs();
        });
      return { mayastor: noted(world) };
    },
  },
} as const satisfies Readonly<Record<string, AimedWorld>>;
