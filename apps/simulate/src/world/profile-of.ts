import type { MayastorVersion } from '@couchestor/simulator/mayastor';
import {
  GIB,
  HIGH_IOPS,
  LOW_IOPS,
  WINDOW_OPEN_MINUTES,
  volumeIdOf,
  type Profile,
  type PolicySpecText,
  type Tier,
  type VolumeProfile,
} from './profile.ts';
import { isProvoking, provoking } from './provoking.ts';
import { seededRandom, type Random } from '@couchestor/shared/random';
import { oneOf, picked, upTo } from './random.ts';
import { unusual } from './unusual.ts';

/** One seed in so many has a world in which most things differ; the others are busy ones. */
const VARIED_EVERY = 4;

export function profileOf(seed: number): Profile {
  const profile = variedProfile(seed);
  if (seed % VARIED_EVERY === 0) return unusual(seed, profile);
  const busyProfile = busy(profile, seededRandom(seed ^ 0x1f83d9ab));
  return isProvoking(seed) ? provoking(seed, busyProfile) : { ...busyProfile, ...brisk };
}

/** A world of many moves, for services that cost little. */
export function coresProfileOf(seed: number): Profile {
  const random = seededRandom(seed ^ 0x3f84d5b5);
  // One seed in so many has the older way, whose moves take long.
  const varied = variedProfile(seed);
  const isRecent = varied.version !== '2.7.1' || seed % 4 === 0;
  const profile = busy(isRecent ? varied : variedProfile(seed + 1_000_003), random);
  const perPolicy = picked(random, [2, 4, 6]);
  const fleetMax = random() < 0.7 ? perPolicy * profile.policies.length : perPolicy;
  // Who comes back too soon is held for ever longer, which leaves little to be seen.
  const cooldownPeriod = picked(random, ['0s', '0s', '0s', '0s', '0s', '0s', '0s', '35s']);
  const isSeldom = profile.version === '2.7.1' || cooldownPeriod !== '0s';
  return {
    ...profile,
    volumes: profile.volumes.slice(0, picked(random, [6, 8, 10])),
    migrators: picked(random, [1, 2, 2]),
    scorers: picked(random, [1, 1, 1, 2]),
    watchers: picked(random, [1, 1, 1, 2]),
    fleetMax,
    watchPeriodMs: picked(random, [15_000, 30_000]),
    cycleMs: 20_000,
    debounceMs: 12_000,
    loadChangeMs: 4_000,
    severeShare: picked(random, [0.05, 0.1, 0.1, 0.2]),
    throughBytes: false,
    ...(random() < 0.15 ? { isThin: false, poolBytes: { hot: 22 * GIB, cold: 400 * GIB } } : {}),
    troubleMs: (isSeldom ? 20 : 60) * 60_000,
    policies: profile.policies.map(({ id, spec }) => ({
      id,
      spec: {
        ...spec,
        cooldownPeriod,
        maxConcurrentMigrations: perPolicy,
        limits: { ...spec.limits, perPool: picked(random, [1, 2, 4]), perNode: picked(random, [2, 4]) },
      },
    })),
  };
}

/** Less of what is done again and again whether or not anything moves. */
const brisk: Partial<Profile> = {
  scorers: 1,
  watchers: 1,
  watchPeriodMs: 10_000,
  cycleMs: 20_000,
  debounceMs: 5_000,
  isPrompt: true,
};

/** The same world without what makes its moves seldom or long, so that many happen in the time of few. */
function busy(profile: Profile, random: Random): Profile {
  const { policies, nodes: allNodes, version } = profile;
  const nodes = version === '2.7.1' ? allNodes : allNodes.slice(0, picked(random, [3, 4]));
  const tiersOf = profile.tiersOf;
  const volumes = Array.from({ length: picked(random, [8, 12]) }, (_, index): VolumeProfile => {
    const tier = picked<Tier>(random, ['hot', 'cold']);
    const homes = nodes.filter((node) => tiersOf(node).includes(tier));
    const start = upTo(random, homes.length);
    const placement = Array.from(
      { length: picked(random, [1, 1, 1, 2]) },
      (__, at) => `${tier}-${homes[(start + at) % homes.length]}`,
    );
    return {
      id: volumeIdOf(index + 1),
      placement,
      publishedOn: oneOf(random, nodes) ?? 'n1',
      snapshots: 0,
      labels: { group: index % 2 === 0 ? 'even' : 'odd' },
    };
  });
  const concurrent = picked(random, [2, 3]);
  return {
    ...profile,
    steer: 'cordon',
    nodes,
    volumes,
    fleetMax: concurrent,
    cachePeriodMs: 500,
    watchPeriodMs: 5_000,
    cycleMs: 10_000,
    rebuildMs: 500,
    faultRate: picked(random, [0.11, 0.12, 0.13]),
    loadChangeMs: picked(random, [10_000, 20_000]),
    deeds: profile.deeds / 2,
    isPaced: false,
    maxRebuilds: undefined,
    isThin: true,
    poolBytes: { hot: 1_000 * GIB, cold: 4_000 * GIB },
    policies: policies.map(({ id, spec }) => ({
      id,
      spec: {
        ...spec,
        cooldownPeriod: picked(random, ['0s', '0s', '35s']),
        maxConcurrentMigrations: concurrent,
        migrationTimeout: '30m',
        limits: { ...spec.limits, maxMovesPerHour: 1_000, maxConsecutiveFailures: 100 },
        windows: [],
      },
    })),
  };
}

function variedProfile(seed: number): Profile {
  const random = seededRandom(seed);
  const chance = (share: number): boolean => random() < share;
  const version = picked<MayastorVersion>(random, ['2.12.2', '2.12.2', '2.12.2', '2.10.0', '2.7.1']);
  // The older way fences whole nodes, so its tiers are on nodes of their own.
  const isApart = version === '2.7.1';
  const isCrowded = !isApart && chance(0.15);
  const nodeCount = isApart ? 6 : isCrowded ? picked(random, [3, 4]) : picked(random, [4, 4, 5, 6, 8]);
  const nodes = Array.from({ length: nodeCount }, (_, index) => `n${index + 1}`);
  const tiersOf = (node: string): readonly Tier[] => (isApart ? (node > 'n3' ? ['hot'] : ['cold']) : ['hot', 'cold']);
  const volumeCount = picked(random, [3, 6, 8, 12]);
  const volumes = Array.from({ length: volumeCount }, (_, index): VolumeProfile => {
    const tier = picked<Tier>(random, ['hot', 'cold']);
    const homes = nodes.filter((node) => tiersOf(node).includes(tier));
    // With a replica on every node of the tier, a move has to go over a spare node, or may not be possible.
    const most = isApart ? 3 : isCrowded ? nodeCount : nodeCount - 1;
    const replicas = isCrowded ? Math.min(3, most) : Math.min(picked(random, [1, 1, 2, 2, 3]), most);
    const start = upTo(random, homes.length);
    const placement = Array.from({ length: replicas }, (_, at) => `${tier}-${homes[(start + at) % homes.length]}`);
    if (!isApart && replicas > 1 && chance(0.15)) {
      const other = tier === 'hot' ? 'cold' : 'hot';
      placement[0] = placement[0]?.replace(tier, other) ?? '';
    }
    return {
      id: volumeIdOf(index + 1),
      placement,
      publishedOn: chance(0.95) ? (nodes[upTo(random, nodes.length)] ?? 'n1') : undefined,
      snapshots: chance(0.05) ? 1 : 0,
      labels: { group: index % 2 === 0 ? 'even' : 'odd' },
    };
  });
  const policyCount = chance(0.25) ? 2 : 1;
  const specOf = (index: number): PolicySpecText => ({
    highWatermarkIOPS: HIGH_IOPS,
    lowWatermarkIOPS: LOW_IOPS,
    samplingWindow: '1m',
    cooldownPeriod: picked(random, ['0s', '0s', '35s', '1m']),
    maxConcurrentMigrations: picked(random, [1, 2, 4, 8]),
    migrationTimeout: picked(random, ['2m', '10m', '30m']),
    volumeSelector: { matchLabels: policyCount === 1 ? {} : { group: index === 0 ? 'even' : 'odd' } },
    nvmePoolSelector: { matchLabels: { tier: 'hot' } },
    sataPoolSelector: { matchLabels: { tier: 'cold' } },
    limits: {
      perPool: picked(random, [1, 2, 3]),
      perNode: picked(random, [1, 2, 3]),
      maxVolumesInMotionPercent: 100,
      maxMovesPerHour: chance(0.9) ? 1_000 : 20,
      maxConsecutiveFailures: chance(0.9) ? 100 : 3,
    },
    metrics: { maxUnknownPercent: picked(random, [20, 60, 100]) },
    capacity: { maxPoolUsedPercent: 85 },
    windows: chance(0.1) ? [{ schedule: '*/10 * * * *', duration: `${WINDOW_OPEN_MINUTES}m` }] : [],
    moves: { allowSnapshots: chance(0.3), allowReducedRedundancy: isCrowded && chance(0.7) },
    enabled: true,
    dryRun: false,
  });
  return {
    version,
    steer: chance(0.15) ? 'ignored' : 'cordon',
    nodes,
    tiersOf,
    volumes,
    migrators: picked(random, [1, 2, 2, 3]),
    scorers: picked(random, [1, 1, 2]),
    watchers: picked(random, [1, 1, 2]),
    fleetMax: picked(random, [1, 2, 4, 8]),
    cachePeriodMs: picked(random, [500, 500, 500, 1_000, 1_000, 2_000, 10_000]),
    watchPeriodMs: picked(random, [5_000, 10_000, 30_000]),
    cycleMs: picked(random, [10_000, 20_000, 30_000]),
    debounceMs: 100,
    isPrompt: false,
    rebuildMs: picked(random, [500, 1_000, 5_000]),
    faultRate: picked(random, [0.11, 0.13, 0.16, 0.25]),
    standstillShare: picked(random, [0, 0.02, 0.1]),
    standstillMaxMs: 60_000,
    troubleMs: 40 * 60_000,
    deeds: picked(random, [0, 10, 20]),
    hasRareDeeds: false,
    policies: Array.from({ length: policyCount }, (_, index) => ({ id: `policy-${index + 1}`, spec: specOf(index) })),
    skewMaxMs: picked(random, [0, 1_000, 10_000]),
    isPaced: chance(0.1),
    throughBytes: chance(0.05),
    loadChangeMs: picked(random, [20_000, 40_000, 80_000]),
    maxRebuilds: chance(0.15) ? 1 : undefined,
    ...(chance(0.2)
      ? { isThin: false, poolBytes: { hot: 22 * GIB, cold: 400 * GIB } }
      : { isThin: true, poolBytes: { hot: 1_000 * GIB, cold: 4_000 * GIB } }),
    zoneOf: zonesBy(picked(random, [0, 0, 2, 3])),
  };
}

/** Nodes in turn in so many zones. */
const zonesBy =
  (count: number) =>
  (node: string): string | undefined =>
    count === 0 ? undefined : `zone-${Number(node.slice(1)) % count}`;
