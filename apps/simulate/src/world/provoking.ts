import type { PolicySpecText, Profile, VolumeProfile } from './profile.ts';

/**
 * One world in so many is provoking: all that happens in it is of one kind, and of that kind there is so much that a
 * service which is careless about it does harm within minutes. Elsewhere everything may happen, and most of it seldom
 * meets the moment in which it hurts.
 */
const EVERY = 16;
const FIRST = 7;
/** More than there are kinds, so that a seed stays of its kind when others are added. */
const KINDS_MAX = 64;

export const isProvoking = (seed: number): boolean => seed % EVERY === FIRST;

type Provocation = (profile: Profile) => Partial<Profile>;

const MINUTE_MS = 60_000;
const GIB = 1024 ** 3;

/** Volumes with so many replicas each, on hot and cold pools by turns; the target beside them where there is a node left. */
function volumesOn(
  { volumes }: Profile,
  nodes: readonly string[],
  count: number,
  replicas: number,
  tiers: readonly string[] = ['cold', 'hot'],
): VolumeProfile[] {
  const nodeAt = (index: number): string => nodes[index % nodes.length] ?? 'n1';
  return volumes.slice(0, count).map(({ id, labels }, index) => ({
    id,
    labels,
    snapshots: 0,
    placement: Array.from({ length: replicas }, (_, at) => `${tiers[index % tiers.length]}-${nodeAt(index + at)}`),
    publishedOn: nodeAt(index + replicas),
  }));
}

function withSpec({ policies }: Profile, change: Partial<PolicySpecText>): Profile['policies'] {
  const limits = { perPool: 2, perNode: 2, maxVolumesInMotionPercent: 100, maxMovesPerHour: 1_000 };
  const usual = { cooldownPeriod: '0s', windows: [], limits: { ...limits, maxConsecutiveFailures: 100 } };
  return policies.slice(0, 1).map(({ id, spec }) => ({
    id,
    spec: { ...spec, ...usual, volumeSelector: { matchLabels: {} }, ...change },
  }));
}

/** The only one beside which moves alone fill pools. */
export const GROWTH_DIES = 'a growth is on its way, and who sent it dies';

const calls = ['a scorer that is behind asks for a move', 'a scorer that is behind asks for a move of what moves'];

export const provocations: Readonly<Record<string, Provocation>> = {
  'late calls': (profile) => ({
    faultRate: 0.15,
    standstillShare: 0.9,
    standstillMaxMs: 4 * MINUTE_MS,
    loadChangeMs: MINUTE_MS,
    troubleMs: 10 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 6, 1),
    emphasis: { disturbances: 0, standsBefore: 'counts', lateEffectShare: 0.3 },
  }),
  'standing still': (profile) => ({
    faultRate: 0.1,
    standstillShare: 0.3,
    standstillMaxMs: 45_000,
    deeds: 4,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    emphasis: {
      deeds: ['a person aborts a move', 'a cordon comes of which nobody knows any more'],
      disturbances: 30,
      disturbed: ['migrator'],
    },
  }),
  'Redis comes and goes': (profile) => ({
    deeds: 16,
    fleetMax: 3,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    policies: withSpec(profile, { maxConcurrentMigrations: 2 }),
    emphasis: {
      deeds: [
        'Redis loses its data',
        'Redis restarts',
        'Redis fails over to a copy that lags behind',
        'the clock of Redis jumps',
        'NATS loses the facts',
      ],
      disturbances: 16,
      disturbed: ['migrator'],
    },
  }),
  'scarce slots': (profile) => ({
    fleetMax: 3,
    loadChangeMs: 20_000,
    rebuildMs: 5_000,
    volumes: volumesOn(profile, profile.nodes, 10, 1),
    policies: [0, 1].map((index) => {
      const [policy] = withSpec(profile, {
        maxConcurrentMigrations: 2,
        volumeSelector: { matchLabels: { group: index === 0 ? 'even' : 'odd' } },
        limits: {
          perPool: 1,
          perNode: 1,
          maxVolumesInMotionPercent: 100,
          maxMovesPerHour: 1_000,
          maxConsecutiveFailures: 100,
        },
      });
      if (policy === undefined) throw new Error('a world has a policy');
      return { ...policy, id: `policy-${index + 1}` };
    }),
    emphasis: { disturbances: 10 },
  }),
  'tight pools': (profile) => ({
    nodes: ['n1', 'n2', 'n3'],
    fleetMax: 8,
    loadChangeMs: 30_000,
    isThin: false,
    poolBytes: { hot: 11 * GIB, cold: 400 * GIB },
    volumes: volumesOn(profile, ['n1', 'n2', 'n3'], 9, 1, ['cold']),
    policies: withSpec(profile, { maxConcurrentMigrations: 8, capacity: { maxPoolUsedPercent: 85 } }),
    deeds: 16,
    standstillShare: 0,
    emphasis: { deeds: [GROWTH_DIES], disturbances: 2, disturbed: ['migrator'] },
  }),
  'cordons of people': (profile) => ({
    nodes: ['n1', 'n2', 'n3', 'n4', 'n5'],
    rebuildMs: 25_000,
    loadChangeMs: MINUTE_MS,
    faultRate: 0.05,
    deeds: 25,
    troubleMs: 12 * MINUTE_MS,
    volumes: volumesOn(profile, ['n1', 'n2', 'n3', 'n4', 'n5'], 8, 2).map((volume, index) => ({
      ...volume,
      // Some lie on two tiers.
      placement: volume.placement.map((pool, at) => (index < 2 && at === 0 ? pool.replace('cold', 'hot') : pool)),
    })),
    emphasis: {
      deeds: ['a person cordons a node', 'a person cordons a node', 'a person drains a node'],
      lastsMs: [90_000, 4 * MINUTE_MS],
      disturbances: 2,
    },
  }),
  'moving targets': (profile) => ({
    nodes: ['n1', 'n2', 'n3', 'n4', 'n5'],
    rebuildMs: 3_000,
    faultRate: 0.03,
    standstillShare: 0,
    deeds: 60,
    troubleMs: 10 * MINUTE_MS,
    volumes: volumesOn(profile, ['n1', 'n2', 'n3', 'n4', 'n5'], 8, 1),
    emphasis: { deeds: ['the target of a move goes elsewhere'], lastsMs: [5_000, 20_000], disturbances: 0 },
  }),
  'dead nodes': (profile) => ({
    nodes: ['n1', 'n2', 'n3', 'n4', 'n5'],
    rebuildMs: 30_000,
    cachePeriodMs: 2_000,
    faultRate: 0.05,
    deeds: 30,
    hasRareDeeds: true,
    troubleMs: 12 * MINUTE_MS,
    loadChangeMs: MINUTE_MS,
    volumes: volumesOn(profile, ['n1', 'n2', 'n3', 'n4', 'n5'], 8, 2),
    policies: withSpec(profile, { migrationTimeout: '40s', maxConcurrentMigrations: 4 }),
    fleetMax: 4,
    emphasis: {
      deeds: ['the node that a move fills goes down', 'a node goes down', 'a move is struck while its copy fills'],
      lastsMs: [MINUTE_MS, 3 * MINUTE_MS],
      disturbances: 2,
    },
  }),
  'no steer': (profile) => ({
    steer: 'ignored',
    nodes: ['n1', 'n2', 'n3', 'n4', 'n5'],
    loadChangeMs: MINUTE_MS,
    troubleMs: 15 * MINUTE_MS,
    faultRate: 0.05,
    deeds: 6,
    volumes: volumesOn(profile, ['n1', 'n2', 'n3', 'n4', 'n5'], 6, 2),
    emphasis: { deeds: calls, disturbances: 4 },
  }),
  'a slow bus': (profile) => ({
    faultRate: 0.25,
    deeds: 0,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    emphasis: { busLateMs: 6_000, diesAfterWrites: 0.7, disturbances: 4 },
  }),
  'a slow bus, and stops beside it': (profile) => ({
    faultRate: 0.3,
    troubleMs: 10 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    emphasis: { busLateMs: 9_000, freezesAfterReads: 0.5, disturbances: 0 },
  }),
  'long copies': (profile) => ({
    rebuildMs: 150_000,
    loadChangeMs: 6 * MINUTE_MS,
    troubleMs: 20 * MINUTE_MS,
    faultRate: 0.05,
    deeds: 16,
    volumes: volumesOn(profile, profile.nodes, 6, 2),
    policies: [0, 1].flatMap((index) =>
      withSpec(profile, {
        maxConcurrentMigrations: 3,
        migrationTimeout: index === 0 ? '2m' : '10m',
        volumeSelector: { matchLabels: { group: index === 0 ? 'even' : 'odd' } },
      }).map((policy) => ({ ...policy, id: `policy-${index + 1}` })),
    ),
    emphasis: {
      deeds: ['a person aborts a move', 'a volume is unpublished'],
      lastsMs: [5_000, MINUTE_MS],
      disturbances: 4,
    },
  }),
  'late effects': (profile) => ({
    faultRate: 0.1,
    standstillShare: 0,
    deeds: 6,
    migrators: 2,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    emphasis: { deeds: ['a person aborts a move'], lateEffectShare: 0.7, disturbances: 6, disturbed: ['migrator'] },
  }),
  'asked for twice': (profile) => ({
    fleetMax: 8,
    deeds: 70,
    loadChangeMs: 90_000,
    watchPeriodMs: 30_000,
    rebuildMs: 3_000,
    troubleMs: 12 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    policies: withSpec(profile, { maxConcurrentMigrations: 8, cooldownPeriod: '3m' }),
    emphasis: {
      deeds: [
        ...calls,
        ...calls,
        'an old request comes again',
        'a move is aborted, and its request comes again',
        'a scorer goes by what was',
      ],
      disturbances: 25,
      disturbed: ['migrator'],
    },
  }),
  stops: (profile) => ({
    watchers: 2,
    deeds: 25,
    troubleMs: 8 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    emphasis: {
      deeds: [
        'a person pauses all',
        'a person pauses all',
        'the watcher is scaled to 0',
        'the API server is away',
        'a person aborts a move',
      ],
      lastsMs: [20_000, 40_000],
      disturbances: 20,
    },
  }),
  wishes: (profile) => ({
    deeds: 60,
    troubleMs: 15 * MINUTE_MS,
    loadChangeMs: 90_000,
    volumes: volumesOn(profile, profile.nodes, 9, 1).map((volume, index) => ({
      ...volume,
      snapshots: index % 3 === 0 ? 1 : 0,
    })),
    policies: withSpec(profile, { moves: { allowSnapshots: false, allowReducedRedundancy: false } }),
    emphasis: {
      deeds: [
        ...calls,
        ...calls,
        'a scorer that is behind asks for what is held',
        'a scorer that is behind asks for what is held',
        'a policy is disabled',
        'a person holds a volume',
        'a person holds a volume',
        'a person pins a volume',
      ],
      lastsMs: [2 * MINUTE_MS, 5 * MINUTE_MS],
      disturbances: 4,
    },
  }),
  'long waits': (profile) => ({
    deeds: 20,
    troubleMs: 25 * MINUTE_MS,
    loadChangeMs: MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 6, 1),
    policies: withSpec(profile, {
      cooldownPeriod: '6m',
      windows: [{ schedule: '*/10 * * * *', duration: '6m' }],
      limits: {
        perPool: 2,
        perNode: 2,
        maxVolumesInMotionPercent: 100,
        maxMovesPerHour: 12,
        maxConsecutiveFailures: 2,
      },
    }),
    scorers: 2,
    emphasis: {
      deeds: [...calls, ...calls, 'a person pauses all'],
      lastsMs: [2 * MINUTE_MS, 3 * MINUTE_MS],
      disturbances: 10,
    },
  }),
  'moves that fail': (profile) => ({
    steer: 'ignored',
    scorers: 2,
    loadChangeMs: 30_000,
    troubleMs: 15 * MINUTE_MS,
    faultRate: 0.05,
    deeds: 10,
    volumes: volumesOn(profile, profile.nodes, 8, 2),
    policies: withSpec(profile, {
      limits: {
        perPool: 2,
        perNode: 2,
        maxVolumesInMotionPercent: 100,
        maxMovesPerHour: 1_000,
        maxConsecutiveFailures: 3,
      },
    }),
    emphasis: { deeds: calls, disturbances: 4 },
  }),
  'sparse metrics': (profile) => ({
    faultRate: 0.3,
    standstillShare: 0,
    deeds: 8,
    troubleMs: 10 * MINUTE_MS,
    loadChangeMs: 40_000,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    policies: withSpec(profile, { metrics: { maxUnknownPercent: 20 } }),
    emphasis: {
      deeds: ['Prometheus sees half of the volumes no more', 'a volume is unpublished', 'NATS loses the facts'],
      lastsMs: [2 * MINUTE_MS, 4 * MINUTE_MS],
      disturbances: 4,
    },
  }),
  'nodes of one tier': (profile) => ({
    version: '2.7.1',
    nodes: ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'],
    tiersOf: (node) => (node > 'n3' ? ['hot'] : ['cold']),
    rebuildMs: 3_000,
    deeds: 16,
    volumes: volumesOn(profile, ['n1', 'n2', 'n3'], 6, 1, ['cold']),
    emphasis: {
      deeds: ['a person aborts a move', 'a node goes down', 'a person scales a volume', 'a person cordons a node'],
      disturbances: 6,
    },
  }),
  'slow engines': (profile) => ({
    deeds: 16,
    faultRate: 0.05,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    emphasis: {
      deeds: ['engines take seconds', 'engines take seconds', 'a person aborts a move'],
      lastsMs: [20_000, MINUTE_MS],
      disturbances: 8,
      disturbed: ['migrator'],
    },
  }),
  'cut off from Redis': (profile) => ({
    faultRate: 0.05,
    troubleMs: 8 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    emphasis: { disturbances: 16, disturbed: ['migrator'], cutsMs: [20_000, 80_000] },
  }),
  'wrong clocks': (profile) => ({
    faultRate: 0.05,
    loadChangeMs: 15_000,
    volumes: volumesOn(profile, profile.nodes, 10, 1),
    emphasis: { disturbances: 8, disturbed: ['migrator'], jumpsMs: [45_000, 5 * MINUTE_MS] },
  }),
  'owners die': (profile) => ({
    faultRate: 0.05,
    fleetMax: 8,
    deeds: 20,
    troubleMs: 10 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 10, 1),
    policies: withSpec(profile, { maxConcurrentMigrations: 8 }),
    emphasis: { deeds: ['the owner of a move dies, and its volume is asked for'], disturbances: 0 },
  }),
  'no watcher': (profile) => ({
    faultRate: 0.2,
    deeds: 20,
    watchers: 2,
    loadChangeMs: 15_000,
    troubleMs: 12 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 10, 1),
    emphasis: {
      deeds: [
        'the watcher is scaled to 0',
        'watchers die, and migrators after them',
        'watchers die, and migrators after them',
        'watchers die, and the facts are lost',
      ],
      lastsMs: [45_000, MINUTE_MS],
      disturbances: 24,
      disturbed: ['migrator'],
    },
  }),
  'Redis forgets, and copies last': (profile) => ({
    rebuildMs: 90_000,
    loadChangeMs: 40_000,
    deeds: 8,
    fleetMax: 3,
    troubleMs: 12 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 10, 1),
    policies: withSpec(profile, {
      maxConcurrentMigrations: 2,
      migrationTimeout: '10m',
      limits: {
        perPool: 1,
        perNode: 1,
        maxVolumesInMotionPercent: 100,
        maxMovesPerHour: 1_000,
        maxConsecutiveFailures: 100,
      },
    }),
    emphasis: { deeds: ['Redis loses its data', 'Redis restarts'], disturbances: 6, disturbed: ['migrator'] },
  }),
  'Prometheus is away': (profile) => ({
    rebuildMs: 40_000,
    loadChangeMs: 2 * MINUTE_MS,
    fleetMax: 1,
    deeds: 4,
    troubleMs: 25 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 10, 1),
    policies: withSpec(profile, { maxConcurrentMigrations: 1, metrics: { maxUnknownPercent: 100 } }),
    emphasis: {
      deeds: ['Prometheus goes away', 'Prometheus has few samples'],
      lastsMs: [7 * MINUTE_MS, 9 * MINUTE_MS],
      disturbances: 0,
    },
  }),
  'pauses, and watchers that stand still': (profile) => ({
    faultRate: 0.3,
    deeds: 40,
    troubleMs: 10 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 4, 1),
    emphasis: {
      deeds: ['a person pauses all'],
      lastsMs: [6_000, 10_000],
      disturbances: 80,
      disturbed: ['watcher'],
      freezesMs: [5_500, 9_000],
    },
  }),
  'drains of what moves next': (profile) => ({
    nodes: ['n1', 'n2', 'n3', 'n4', 'n5'],
    rebuildMs: 30_000,
    loadChangeMs: 2 * MINUTE_MS,
    faultRate: 0.03,
    deeds: 20,
    troubleMs: 15 * MINUTE_MS,
    volumes: volumesOn(profile, ['n1', 'n2', 'n3', 'n4', 'n5'], 8, 2),
    emphasis: { deeds: ['what moves next is drained'], lastsMs: [MINUTE_MS, 2 * MINUTE_MS], disturbances: 0 },
  }),
  'watchers come and go': (profile) => ({
    watchers: 2,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    policies: [0, 1].flatMap((index) =>
      withSpec(profile, {
        maxConcurrentMigrations: 2,
        // What the one does seldom, the other does often.
        cooldownPeriod: index === 0 ? '3m' : '0s',
        volumeSelector: { matchLabels: { group: index === 0 ? 'even' : 'odd' } },
      }).map((policy) => ({ ...policy, id: `policy-${index + 1}` })),
    ),
    emphasis: { disturbances: 30, disturbed: ['watcher'] },
  }),
  'old news': (profile) => ({
    watchPeriodMs: 30_000,
    faultRate: 0.05,
    deeds: 60,
    troubleMs: 10 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    emphasis: {
      deeds: ['a scorer goes by what was', 'a move is aborted, and its request comes again'],
      disturbances: 2,
    },
  }),
  'late cordons': (profile) => ({
    faultRate: 0.1,
    standstillShare: 0.5,
    standstillMaxMs: 3 * MINUTE_MS,
    loadChangeMs: MINUTE_MS,
    troubleMs: 10 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 6, 1),
    emphasis: { disturbances: 0, standsBefore: 'cordons', lateEffectShare: 0.8 },
  }),
  'frozen owners': (profile) => ({
    faultRate: 0.05,
    rebuildMs: 5_000,
    troubleMs: 8 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    emphasis: { disturbances: 24, disturbed: ['migrator'], freezesMs: [33_000, 55_000] },
  }),
  'drained for long': (profile) => ({
    deeds: 8,
    faultRate: 0.05,
    loadChangeMs: 40_000,
    troubleMs: 15 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    emphasis: { deeds: ['a person drains a node'], lastsMs: [3 * MINUTE_MS, 5 * MINUTE_MS], disturbances: 0 },
  }),
  'few zones': (profile) => ({
    nodes: ['n1', 'n2', 'n3', 'n4', 'n5'],
    zoneOf: (node) => (node < 'n4' ? 'zone-a' : 'zone-b'),
    faultRate: 0.05,
    loadChangeMs: 30_000,
    troubleMs: 10 * MINUTE_MS,
    isThin: false,
    poolBytes: { hot: 22 * GIB, cold: 40 * GIB },
    volumes: volumesOn(profile, ['n1', 'n5', 'n2', 'n4'], 8, 2),
    emphasis: { disturbances: 4 },
  }),
  'watchers are late': (profile) => ({
    watchers: 2,
    loadChangeMs: 15_000,
    deeds: 60,
    troubleMs: 10 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    policies: withSpec(profile, { cooldownPeriod: '2m' }),
    emphasis: { deeds: calls, disturbances: 30, disturbed: ['watcher'] },
  }),
  'no room beside': (profile) => ({
    nodes: ['n1', 'n2', 'n3'],
    faultRate: 0.05,
    rebuildMs: 5_000,
    loadChangeMs: MINUTE_MS,
    troubleMs: 10 * MINUTE_MS,
    volumes: volumesOn(profile, ['n1', 'n2'], 4, 2).map((volume, index) => ({
      ...volume,
      // As many as the volume may lie on, or one more.
      allowedNodes: index % 2 === 0 ? ['n1', 'n2'] : ['n1', 'n2', 'n3'],
    })),
    policies: withSpec(profile, { moves: { allowSnapshots: false, allowReducedRedundancy: true } }),
    emphasis: { disturbances: 6 },
  }),
  'slow answers': (profile) => ({
    faultRate: 0.5,
    standstillShare: 0,
    troubleMs: 10 * MINUTE_MS,
    volumes: volumesOn(profile, profile.nodes, 8, 1),
    emphasis: { busLateMs: 4_950, readsLateMs: 1_900, disturbances: 0 },
  }),
};

/** A busy world with an emphasis on one kind of trouble. */
export function provoking(seed: number, busy: Profile): Profile {
  const kinds = Object.values(provocations);
  const place = Math.floor(seed / EVERY) % KINDS_MAX;
  const provoke = kinds[place] ?? kinds[place % kinds.length];
  const calm: Profile = {
    ...busy,
    version: '2.12.2',
    steer: 'cordon',
    nodes: ['n1', 'n2', 'n3', 'n4'],
    tiersOf: () => ['hot', 'cold'],
    zoneOf: () => undefined,
    migrators: 3,
    scorers: 1,
    watchers: 1,
    fleetMax: 3,
    faultRate: 0.1,
    standstillShare: 0.02,
    standstillMaxMs: 30_000,
    troubleMs: 6 * MINUTE_MS,
    deeds: 0,
    hasRareDeeds: false,
    skewMaxMs: 5_000,
    loadChangeMs: 20_000,
    policies: withSpec(busy, { maxConcurrentMigrations: 3 }),
    emphasis: {},
  };
  return { ...calm, ...provoke?.(calm) };
}

/** The nth seed whose world is provoking in this way. */
export function provokingSeed(kind: string, nth: number): number {
  const kinds = Object.keys(provocations);
  const index = kinds.indexOf(kind);
  if (index < 0) throw new Error(`no world is called ${kind}`);
  return FIRST + EVERY * (index + nth * KINDS_MAX);
}
