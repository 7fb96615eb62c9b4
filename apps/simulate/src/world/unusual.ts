import type { PolicySpecText, Profile, VolumeProfile } from './profile.ts';

/**
 * One world in so many is unusual in one way more, so that what seldom comes together does so too. All others are as
 * they would be without this.
 */
const EVERY = 8;

type Unusual = (profile: Profile) => Partial<Profile>;

const GIB = 1024 ** 3;
const TROUBLED = { hasRareDeeds: true, deeds: 60 };
const SUSPENDED = { faultRate: 0.25, standstillShare: 0.4, standstillMaxMs: 12 * 60_000, migrators: 3 };

/** Every node holds a replica of every volume, and one may leave before its successor comes. */
const crowded =
  (allowReducedRedundancy: boolean): Unusual =>
  (profile) => ({
    ...mixedNodes(profile, 3),
    ...TROUBLED,
    volumes: profile.volumes.slice(0, 4).map((volume, index) => placedOn(volume, index, ['n1', 'n2', 'n3'])),
    policies: withSpec(profile, { moves: { allowSnapshots: false, allowReducedRedundancy } }),
    ...(allowReducedRedundancy && profile.scorers > 1 ? SUSPENDED : {}),
  });

const kinds: readonly Unusual[] = [
  // What seldom happens to a cluster happens to this one.
  () => TROUBLED,
  // Copies last longer than they may.
  (profile) => ({
    rebuildMs: 150_000,
    loadChangeMs: 10 * 60_000,
    policies: withSpec(profile, { migrationTimeout: '2m' }),
  }),
  // A machine that was suspended goes on after minutes, with what it was about to send.
  () => ({ ...TROUBLED, deeds: 30, ...SUSPENDED }),
  crowded(true),
  crowded(false),
  // More pools than a message names or a move tries; where they are small, they are soon full.
  (profile) => ({
    ...mixedNodes(profile, 10),
    ...TROUBLED,
    ...(profile.scorers === 1 ? {} : { isThin: false, poolBytes: { hot: 6 * GIB, cold: 400 * GIB } }),
  }),
  // Pools with room for few, and many moves at a time.
  (profile) => ({
    ...TROUBLED,
    deeds: 20,
    fleetMax: 8,
    isThin: false,
    poolBytes: { hot: 17 * GIB, cold: 400 * GIB },
    policies: withSpec(profile, { maxConcurrentMigrations: 8 }),
  }),
  // Few nodes, so that what is struck has no other place.
  (profile) => ({
    ...mixedNodes(profile, 3),
    ...TROUBLED,
    volumes: profile.volumes.map((volume, index) => placedOn(volume, index, index % 3 === 0 ? ['n1', 'n2'] : ['n2'])),
  }),
  // Applications whose single replicas keep out of each other's way, and volumes that may lie on some nodes only.
  (profile) => ({
    ...TROUBLED,
    version: profile.scorers > 1 ? '2.7.1' : profile.version,
    volumes: profile.volumes.map((volume, index) => ({
      ...volume,
      placement: volume.placement.slice(0, 1),
      ...(index % 2 === 0 ? { affinityGroup: 'app' } : { allowedNodes: profile.nodes.slice(0, 3) }),
    })),
  }),
  // The older way to fence and steer, where nodes have pools of both tiers, and where they have those of one.
  (profile) => ({ ...TROUBLED, version: '2.7.1', steer: 'cordon', nodes: profile.nodes.slice(0, 6) }),
];

export function unusual(seed: number, profile: Profile): Profile {
  if (seed % EVERY !== 0) return profile;
  const lively: Profile = {
    ...profile,
    cycleMs: 10_000,
    watchPeriodMs: 5_000,
    cachePeriodMs: Math.min(profile.cachePeriodMs, 2_000),
    rebuildMs: 10_000,
    loadChangeMs: 40_000,
    policies: withSpec(profile, {
      cooldownPeriod: '0s',
      windows: [],
      limits: {
        perPool: 2,
        perNode: 2,
        maxVolumesInMotionPercent: 100,
        maxMovesPerHour: 1_000,
        maxConsecutiveFailures: 100,
      },
    }),
  };
  return { ...lively, ...kinds[(seed / EVERY) % kinds.length]?.(lively) };
}

function withSpec({ policies }: Profile, change: Partial<PolicySpecText>): Profile['policies'] {
  return policies.map(({ id, spec }) => ({ id, spec: { ...spec, ...change } }));
}

/** As many nodes, both tiers on each. */
function mixedNodes({ version }: Profile, count: number): Pick<Profile, 'nodes' | 'tiersOf' | 'version'> {
  return {
    nodes: Array.from({ length: count }, (_, index) => `n${index + 1}`),
    tiersOf: () => ['hot', 'cold'],
    version: version === '2.7.1' ? '2.12.2' : version,
  };
}

function placedOn(volume: VolumeProfile, index: number, nodes: readonly string[]): VolumeProfile {
  const tier = index % 2 === 0 ? 'hot' : 'cold';
  return {
    ...volume,
    placement: nodes.map((node) => `${tier}-${node}`),
    publishedOn: nodes[index % nodes.length],
  };
}
