import { calmVolumes } from '../world/calm-profile.ts';
import { HIGH_IOPS, LOW_IOPS, SIZE_BYTES, volumeIdOf, type PolicySpecText, type Profile } from '../world/profile.ts';
import { iopsFor, putPolicy } from '../world/world.ts';
import type { AimedWorld } from './aimed-world.ts';

/** Whose policy a volume belongs to, how many move at a time, and how soon one moves back. */

const MINUTE_MS = 60_000;
const volumes = [1, 2, 3, 4].map(volumeIdOf) as [string, string, string, string];
const placements = Object.fromEntries(volumes.map((id, index) => [id, [`cold-n${index + 1}`]]));

/** None that holds a volume back; what a world is about is put in. */
const freeLimits = {
  perPool: 3,
  perNode: 3,
  maxVolumesInMotionPercent: 100,
  maxMovesPerHour: 1_000,
  maxConsecutiveFailures: 100,
} as const;

const withSpec = ({ policies }: Profile, change: Partial<PolicySpecText>): Profile['policies'] =>
  policies.map((policy) => ({ ...policy, spec: { ...policy.spec, ...change } }));

export const brakes = {
  'two policies that claim the same': {
    says: 'a policy is made anew, and an older one of another name has the same class and the same labels',
    profile: ({ policies }) => ({
      volumes: calmVolumes(placements),
      policies: policies.flatMap((policy) => ['policy-1', 'policy-2'].map((id) => ({ ...policy, id }))),
    }),
    stage: (world) => {
      const { truth, clock, kubernetes, profile } = world;
      for (const id of volumes) truth.iops.set(id, iopsFor('cold'));
      const [first] = profile.policies;
      kubernetes.deletePolicy('policy-1');
      clock.after(5_000, () => {
        if (first !== undefined) putPolicy(world, 'policy-1', first.spec);
      });
      clock.after(3 * MINUTE_MS, () => {
        for (const id of volumes) truth.iops.set(id, iopsFor('hot'));
      });
      return undefined;
    },
  },
  'few volumes in motion at a time': {
    says: 'a policy lets a quarter of its four volumes move at a time, and all want to',
    profile: (calm) => ({
      volumes: calmVolumes(placements),
      migrators: 3,
      fleetMax: 4,
      isThin: false,
      rebuildMs: 20_000,
      policies: withSpec(calm, { limits: { ...freeLimits, maxVolumesInMotionPercent: 25 } }),
    }),
    stage: ({ truth }) => {
      for (const id of volumes) truth.iops.set(id, iopsFor('hot'));
      return undefined;
    },
  },
  'few bytes in flight at a time': {
    says: 'all of four volumes want to move, and there is room for the bytes of two',
    profile: () => ({
      volumes: calmVolumes(placements),
      migrators: 3,
      fleetMax: 4,
      fleetBytes: 2 * SIZE_BYTES,
      isThin: false,
      rebuildMs: 20_000,
    }),
    stage: ({ truth }) => {
      for (const id of volumes) truth.iops.set(id, iopsFor('hot'));
      return undefined;
    },
  },
  'a move that was asked for and is wanted no more': {
    says: 'a policy lets one volume move within an hour; one is asked for and then pinned while no migrator is there',
    profile: (calm) => ({
      volumes: calmVolumes(placements),
      fleetMax: 4,
      cycleMs: 30_000,
      policies: withSpec(calm, { limits: { ...freeLimits, maxMovesPerHour: 1 } }),
    }),
    stage: (world, fleet) => {
      const { truth, clock, kubernetes, profile, bus } = world;
      const [first, second, ...others] = volumes;
      for (const id of volumes) truth.iops.set(id, iopsFor('cold'));
      const hold = (id: string, change: object): void => {
        kubernetes.putPersistentVolume(id, change);
        truth.annotatedAtMs.set(id, clock.monotonicMs());
      };
      for (const id of others) hold(id, { hold: 'true' });
      clock.after(2 * MINUTE_MS, () => {
        truth.iops.set(first, iopsFor('hot'));
        fleet.scale('migrator', 0);
        const look = (): void => {
          if (bus.pendingRequests().length === 0) return void clock.after(100, look);
          hold(first, { pinTier: 'cold' });
          truth.iops.set(second, iopsFor('hot'));
          clock.after(profile.cycleMs, () => fleet.scale('migrator', profile.migrators));
        };
        look();
      });
      return undefined;
    },
  },
  'loads between the watermarks': {
    says: 'volumes on either tier are neither busy nor idle, and stay; one that is busy moves',
    profile: () => ({
      volumes: calmVolumes({ ...placements, [volumes[1]]: ['hot-n2'], [volumes[2]]: ['hot-n3'] }),
      fleetMax: 4,
    }),
    stage: ({ truth, clock, profile }) => {
      const [busy, ...others] = volumes;
      truth.iops.set(busy, iopsFor('hot'));
      for (const id of others) truth.iops.set(id, (HIGH_IOPS + LOW_IOPS) / 2);
      clock.after(profile.troubleMs - MINUTE_MS, () => {
        for (const { id, placement } of profile.volumes.slice(1))
          truth.iops.set(id, iopsFor(placement.every((pool) => pool.startsWith('hot')) ? 'hot' : 'cold'));
      });
      return undefined;
    },
  },
  'a volume that goes back and forth': {
    says: 'an application is busy and idle by turns, so that each move of its volume undoes the one before',
    profile: (calm) => ({
      volumes: calmVolumes({ [volumes[0]]: ['cold-n1'] }),
      troubleMs: 40 * MINUTE_MS,
      policies: withSpec(calm, { cooldownPeriod: '3m' }),
    }),
    stage: ({ truth, clock, model, profile }) => {
      const [id] = volumes;
      const isDone = (): boolean => clock.monotonicMs() > profile.troubleMs - MINUTE_MS;
      const look = (): void => {
        const isHot = model.volume(id)?.replicas.every(({ pool }) => pool.startsWith('hot')) === true;
        truth.iops.set(id, iopsFor(isHot ? 'cold' : 'hot'));
        if (!isDone()) clock.after(5_000, look);
      };
      look();
      return undefined;
    },
  },
} as const satisfies Readonly<Record<string, AimedWorld>>;
