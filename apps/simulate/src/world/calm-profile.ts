import { profileOf } from './profile-of.ts';
import { GIB, type Profile, type VolumeProfile } from './profile.ts';

/** Four nodes with a pool of each tier, and services to which nothing happens by dice. */
export function calmProfile(volumes: readonly VolumeProfile[]): Profile {
  const base = profileOf(1);
  return {
    ...base,
    version: '2.12.2',
    steer: 'cordon',
    nodes: ['n1', 'n2', 'n3', 'n4'],
    tiersOf: () => ['hot', 'cold'],
    zoneOf: () => undefined,
    volumes,
    migrators: 2,
    scorers: 1,
    watchers: 1,
    fleetMax: 2,
    cachePeriodMs: 5_000,
    watchPeriodMs: 10_000,
    cycleMs: 10_000,
    debounceMs: 100,
    isPrompt: false,
    rebuildMs: 30_000,
    faultRate: 0,
    standstillShare: 0,
    policies: base.policies.slice(0, 1).map(({ id, spec }) => ({
      id,
      spec: {
        ...spec,
        cooldownPeriod: '0s',
        maxConcurrentMigrations: 8,
        volumeSelector: { matchLabels: {} },
        limits: { ...spec.limits, perPool: 3, perNode: 3 },
        windows: [],
      },
    })),
    skewMaxMs: 0,
    isPaced: false,
    throughBytes: true,
    maxRebuilds: undefined,
    isThin: true,
    poolBytes: { hot: 1_000 * GIB, cold: 4_000 * GIB },
  };
}

/** Published, one after the other on each node. */
export const calmVolumes = (placements: Readonly<Record<string, readonly string[]>>): VolumeProfile[] =>
  Object.entries(placements).map(([id, placement], index) => ({
    id,
    placement,
    publishedOn: `n${(index % 4) + 1}`,
    snapshots: 0,
    labels: {},
  }));
