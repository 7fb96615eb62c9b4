import type { Profile, VolumeProfile } from './profile.ts';

/**
 * One world in so many is unusual in one way more, so that what seldom comes together does so too. All others are as
 * they would be without this.
 */
const EVERY = 8;

type Unusual = (profile: Profile) => Partial<Profile>;

const kinds: readonly Unusual[] = [
  // What seldom happens to a cluster happens to this one.
  () => ({ deeds: 30, hasRareDeeds: true }),
  // Copies last longer than they may.
  (profile) => ({
    rebuildMs: 150_000,
    loadChangeMs: 10 * 60_000,
    policies: withSpec(profile, { migrationTimeout: '2m' }),
  }),
  // A machine that was suspended goes on after minutes, with what it was about to send.
  () => ({ standstillShare: 0.2, standstillMaxMs: 12 * 60_000, migrators: 3, deeds: 10 }),
  // Every node holds a replica of every volume, and one may leave before its successor comes.
  (profile) => ({
    ...nodesOf(profile, 3),
    volumes: profile.volumes.slice(0, 4).map((volume, index) => placedOn(volume, index, ['n1', 'n2', 'n3'])),
    policies: withSpec(profile, { moves: { allowSnapshots: true, allowReducedRedundancy: true } }),
    hasRareDeeds: true,
    deeds: 30,
  }),
  // More pools than a message names or a move tries.
  (profile) => ({ ...nodesOf(profile, 10), deeds: 20, hasRareDeeds: true }),
  // Applications whose single replicas keep out of each other's way.
  (profile) => ({
    volumes: profile.volumes.map((volume) => ({
      ...volume,
      placement: volume.placement.slice(0, 1),
      affinityGroup: 'app',
    })),
    hasRareDeeds: true,
  }),
];

export function unusual(seed: number, profile: Profile): Profile {
  if (seed % EVERY !== 0) return profile;
  const kind = kinds[(seed / EVERY) % kinds.length];
  return { ...profile, ...kind?.(profile) };
}

function withSpec({ policies }: Profile, change: Partial<Profile['policies'][number]['spec']>): Profile['policies'] {
  return policies.map(({ id, spec }) => ({ id, spec: { ...spec, ...change } }));
}

/** As many nodes, both tiers on each. */
function nodesOf({ version }: Profile, count: number): Pick<Profile, 'nodes' | 'tiersOf' | 'version'> {
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
