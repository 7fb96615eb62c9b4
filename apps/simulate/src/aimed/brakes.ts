import { calmVolumes } from '../world/calm-profile.ts';
import { HIGH_IOPS, LOW_IOPS, SIZE_BYTES, volumeIdOf, type PolicySpecText, type Profile } from '../world/profile.ts';
import { iopsFor, putPolicy } from '../world/world.ts';
import type { AimedWorld } from './aimed-world.ts';

/** Whose policy a volume belongs to, how many move at a time, and how soon one moves back. */

const MINUTE_MS = 60_000;
const volumes = [1, 2, 3, 4].map(volumeIdOf) as [string, string, string, string];
const placements = Object.fromEntries(volumes.map((id, index) => [id, [`cold-n${index + 1}`]]));

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
      policies: withSpec(calm, {
        limits: {
          perPool: 3,
          perNode: 3,
          maxVolumesInMotionPercent: 25,
          maxMovesPerHour: 1_000,
          maxConsecutiveFailures: 100,
        },
      }),
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
