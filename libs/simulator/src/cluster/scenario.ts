import { seededRandom } from '@couchestor/shared/random';
import type { Load } from '../mayastor/index.ts';

/** What a cluster holds when it starts, as plain data: made by `generateScenario`, or written by hand. */
export interface Scenario {
  readonly nodes: readonly string[];
  readonly pools: readonly ScenarioPool[];
  readonly volumes: readonly ScenarioVolume[];
}

export interface ScenarioPool {
  readonly id: string;
  readonly node: string;
  readonly capacityBytes: number;
  /** On the DiskPool and in Mayastor alike. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface ScenarioVolume {
  /** UUID; its PersistentVolume is `pvc-<id>`. */
  readonly id: string;
  /** What it is there to show. */
  readonly role: VolumeRole;
  readonly sizeBytes: number;
  readonly thin: boolean;
  readonly allocatedBytes: number;
  readonly placement: readonly string[];
  readonly publishedOn?: string;
  readonly snapshots: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly load?: Load;
}

export type VolumeRole =
  | 'hotOnCold'
  | 'coldOnHot'
  | 'hotOnHot'
  | 'coldOnCold'
  | 'between'
  | 'becomesHot'
  | 'becomesCold'
  | 'mixed'
  | 'unpublished'
  | 'held'
  | 'snapshots'
  | 'tooLarge'
  | 'replayed';

export interface ScenarioOptions {
  readonly volumes: number;
  readonly seed: number;
  /** Between these a volume stays where it is; loads are chosen well above, below or between them. */
  readonly highIops: number;
  readonly lowIops: number;
  /** When loads that change do so, in milliseconds after the start. */
  readonly changeAfterMs: number;
  /** Means per half hour of real disks, by name; they take the place of generated loads. */
  readonly replay?: {
    readonly series: ReadonlyMap<string, readonly number[]>;
    readonly speed: number;
    readonly startMs: number;
  };
}

const GIB = 1024 ** 3;
const VOLUMES_PER_NODE = 50;
const NODES_MIN = 4;

/** Nodes with an NVMe and a SATA pool each, and volumes of every kind that a mover meets. The same seed gives the same. */
export function generateScenario(options: ScenarioOptions): Scenario {
  const random = seededRandom(options.seed);
  const names = [...(options.replay?.series.keys() ?? [])];
  const count = options.replay === undefined ? options.volumes : names.length;
  const nodeCount = Math.max(NODES_MIN, Math.ceil(count / VOLUMES_PER_NODE));
  const nodes = Array.from({ length: nodeCount }, (_, index) => `node-${String(index + 1).padStart(2, '0')}`);
  const nvmeBytes = Math.max(1_000, Math.ceil(count / nodeCount) * 100) * GIB;
  const pools = nodes.flatMap((node): ScenarioPool[] => [
    { id: `nvme-${node}`, node, capacityBytes: nvmeBytes, labels: { tier: 'hot' } },
    { id: `sata-${node}`, node, capacityBytes: 4 * nvmeBytes, labels: { tier: 'cold' } },
  ]);
  const volumes = Array.from({ length: count }, (_, index) =>
    generateVolume({ index, options, random, nodes, nvmeBytes, replayed: names[index] }),
  );
  return { nodes, pools, volumes };
}

interface VolumeContext {
  readonly index: number;
  readonly options: ScenarioOptions;
  readonly random: () => number;
  readonly nodes: readonly string[];
  readonly nvmeBytes: number;
  readonly replayed: string | undefined;
}

function generateVolume({ index, options, random, nodes, nvmeBytes, replayed }: VolumeContext): ScenarioVolume {
  const role = replayed === undefined ? roleOf(index, random) : 'replayed';
  const replicas = role === 'tooLarge' ? 1 : role === 'mixed' ? 2 : 1 + Math.floor(random() * 3);
  const first = Math.floor(random() * nodes.length);
  const replicaNodes = Array.from({ length: replicas }, (_, offset) => nodes[(first + offset) % nodes.length] ?? '');
  const startsHot = role === 'coldOnHot' || role === 'hotOnHot' || role === 'becomesCold';
  const placement = replicaNodes.map((node, position) => {
    const hot = startsHot || (role === 'mixed' && position === 0) || (role === 'between' && index % 2 === 0);
    return `${hot ? 'nvme' : 'sata'}-${node}`;
  });
  const sizeBytes = role === 'tooLarge' ? Math.round(nvmeBytes * 1.5) : (4 + Math.floor(random() * 17)) * GIB;
  const load = replayed === undefined ? loadOf(role, options, random) : replayOf(replayed, options);
  return {
    id: uuid(random),
    role,
    sizeBytes,
    thin: role !== 'tooLarge',
    allocatedBytes: role === 'tooLarge' ? sizeBytes : Math.round(sizeBytes * (0.2 + 0.6 * random())),
    placement,
    ...(role === 'unpublished' ? {} : { publishedOn: replicaNodes[Math.floor(random() * replicas)] ?? '' }),
    snapshots: role === 'snapshots' ? 1 : 0,
    annotations: role === 'held' ? { 'storage.billyronks.io/hold': 'true' } : {},
    ...(load === undefined ? {} : { load }),
  };
}

/** One of each special kind, a few unpublished ones, and the rest by lot. */
function roleOf(index: number, random: () => number): VolumeRole {
  const special: readonly VolumeRole[] = ['held', 'snapshots', 'tooLarge', 'unpublished', 'unpublished', 'mixed'];
  const [role] = special.slice(index);
  if (role !== undefined) return role;
  const lot = random();
  const shares: readonly (readonly [VolumeRole, number])[] = [
    ['hotOnCold', 0.34],
    ['coldOnHot', 0.24],
    ['hotOnHot', 0.1],
    ['coldOnCold', 0.1],
    ['between', 0.08],
    ['becomesHot', 0.06],
    ['becomesCold', 0.04],
    ['unpublished', 0.04],
  ];
  let sum = 0;
  for (const [candidate, share] of shares) {
    sum += share;
    if (lot < sum) return candidate;
  }
  return 'coldOnCold';
}

function loadOf(role: VolumeRole, options: ScenarioOptions, random: () => number): Load | undefined {
  const hotIops = options.highIops * (1.5 + 3 * random());
  const coldIops = options.lowIops * (0.1 + 0.6 * random());
  const betweenIops = options.lowIops + (options.highIops - options.lowIops) * (0.3 + 0.4 * random());
  switch (role) {
    case 'hotOnCold':
    case 'hotOnHot':
    case 'held':
    case 'snapshots':
    case 'tooLarge':
    case 'mixed':
      return busy(hotIops, random);
    case 'coldOnHot':
    case 'coldOnCold':
      return { kind: 'steady', iops: coldIops };
    case 'between':
      return { kind: 'steady', iops: betweenIops };
    case 'becomesHot':
      return { kind: 'drift', fromIops: coldIops, toIops: hotIops, startMs: options.changeAfterMs, durationMs: 5_000 };
    case 'becomesCold':
      return { kind: 'drift', fromIops: hotIops, toIops: coldIops, startMs: options.changeAfterMs, durationMs: 5_000 };
    case 'unpublished':
    case 'replayed':
      return undefined;
  }
}

/** Above the high watermark in each of its shapes: even, swinging, or in bursts closer together than a window. */
function busy(iops: number, random: () => number): Load {
  const lot = random();
  if (lot < 0.5) return { kind: 'steady', iops };
  if (lot < 0.75) {
    return { kind: 'daily', lowIops: iops * 0.8, highIops: iops * 1.2, peakAtMs: 10_000 * random(), periodMs: 20_000 };
  }
  return { kind: 'burst', idleIops: iops, burstIops: iops * 1.5, everyMs: 4_000, burstMs: 1_000 };
}

function replayOf(name: string, { replay }: ScenarioOptions): Load | undefined {
  const iops = replay?.series.get(name);
  return replay === undefined || iops === undefined
    ? undefined
    : { kind: 'series', iops, speed: replay.speed, startMs: replay.startMs };
}

function uuid(random: () => number): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
