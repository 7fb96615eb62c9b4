import type { MayastorModel } from '../model.ts';
import type { MayastorTimers } from '../options.ts';
import type { VolumeToCreate } from '../world-building.ts';

/** One recorded experiment, and what the recording itself does not say. */
export interface Experiment {
  readonly name: string;
  readonly timers: 'fast' | 'default';
  readonly nodes: number;
  /** Periods that this run had otherwise, and where its grids of polls and passes began. */
  readonly adjust?: Partial<MayastorTimers>;
  readonly maxRebuilds?: number;
  /** Pools exist already, and the experiment finds out. */
  readonly poolsExist?: boolean;
  /** Volumes that exist when the recording begins, and are talked about. */
  readonly start?: readonly VolumeToCreate[];
  /** Pools of volumes that earlier experiments left in the cluster. */
  readonly residue?: readonly (readonly string[])[];
  /** Whoever experimented kept the SATA pools of n1 and n2 full while volumes were made that should begin on NVMe. */
  readonly startsOnNvme?: boolean;
  /** Volumes that were never published stayed until the end. */
  readonly keepsUnpublished?: boolean;
  /** Replicas, by their last four characters, that were made before the other ones of their volume. */
  readonly createdFirst?: readonly string[];
  /** What was done to the cluster from outside, at seconds since the start. */
  readonly events?: readonly (readonly [number, (model: MayastorModel) => void])[];
  /** Duration of rebuilds that the recorded progress cannot tell. */
  readonly rebuildMs?: (atMs: number) => number | undefined;
  readonly toleranceMs?: number;
  /** What is not compared, in seconds, and why. */
  readonly excluded?: readonly {
    readonly from: number;
    readonly to: number;
    readonly only?: string;
    readonly reason: string;
  }[];
}

const nodeDown = (node: string) => (model: MayastorModel) => model.faults.nodeDown(node);
const nodeUp = (node: string) => (model: MayastorModel) => model.faults.nodeUp(node);
const usualEngines = (model: MayastorModel): void => {
  model.faults.onEngineCall(() => 2);
};

const slowEngine =
  (kind: 'createReplica' | 'destroyReplica', ms: number) =>
  (model: MayastorModel): void => {
    model.faults.onEngineCall((call) => (call === kind ? ms : undefined));
  };
const crash =
  (downSeconds: number) =>
  (model: MayastorModel): void =>
    model.faults.crashCore(downSeconds * 1000);
const failRebuilds = (model: MayastorModel): void => {
  for (const volume of model.volumeIds()) model.faults.failRebuild(volume);
};

/** The uuid of the volume made for the given entry of `residue`. */
export function residueUuid(position: number): string {
  return `00000000-0000-4000-9000-${String(position).padStart(12, '0')}`;
}
const deleteResidue = (model: MayastorModel): void => {
  void model.handle({ method: 'DELETE', path: `/v0/volumes/${residueUuid(0)}` });
};
/** Volumes with two replicas each, the first ones published. */
const makeVolumes =
  (count: number, published: number) =>
  (model: MayastorModel): void => {
    for (let position = 0; position < count; position += 1) {
      model.createVolume({
        uuid: `00000000-0000-4000-a000-${String(position).padStart(12, '0')}`,
        sizeBytes: 1_073_741_824,
        replicas: 2,
        allocatedBytes: 4_194_304,
        ...(position < published ? { publishedOn: `n${String((position % 6) + 1)}` } : {}),
      });
    }
  };
const deleteAtIndex =
  (index: number) =>
  (model: MayastorModel): void =>
    void model.handle({ method: 'DELETE', path: `/v0/volumes/${model.volumeIds()[index] ?? ''}` });
const orphansListed = 'lists by their ids the replicas that an earlier experiment left without an owner';

/** What the experiments with slow engines before left behind. */
const afterSlowEngines = [['sata-n2', 'sata-n4', 'nvme-n1'], ['sata-n3'], ['nvme-n3'], ['sata-n1']];

export const experiments: readonly Experiment[] = [
  { name: 'E0_pools_e14_default', timers: 'default', nodes: 4, poolsExist: true },
  { name: 'E0_pools_e14_fast', timers: 'fast', nodes: 6 },
  { name: 'E0_pools_fast', timers: 'fast', nodes: 4 },
  { name: 'E0_pools_fast2', timers: 'fast', nodes: 4 },
  { name: 'E0_pools_paging', timers: 'fast', nodes: 6 },
  { name: 'E0_pools_six', timers: 'fast', nodes: 6 },
  { name: 'E0_pools_third', timers: 'fast', nodes: 4 },
  {
    name: 'E0_setup',
    timers: 'default',
    nodes: 4,
    excluded: [{ from: 0, to: 1, only: 'block_devices', reason: 'the disks are those of the pretended engine' }],
  },
  {
    name: 'E1_grow_shrink_default_timers',
    timers: 'default',
    nodes: 4,
    adjust: { cachePeriodMs: 29_900, cachePhaseMs: 6_700 },
  },
  {
    name: 'E2_errors_default',
    timers: 'default',
    nodes: 4,
    start: [
      {
        uuid: 'adad3023-8218-444d-b0dc-b5a7ec484e49',
        sizeBytes: 10_737_418_240,
        placement: ['sata-n3', 'sata-n1'],
        publishedOn: 'n1',
        topology: { pool_topology: { labelled: { inclusion: { 'openebs.io/created-by': 'operator-diskpool' } } } },
      },
    ],
  },
  { name: 'E3_shrink_while_rebuilding', timers: 'fast', nodes: 4 },
  { name: 'E4_victim_all_healthy', timers: 'fast', nodes: 4 },
  { name: 'E5_placement', timers: 'fast', nodes: 4 },
  { name: 'E6_unpublished', timers: 'fast', nodes: 4 },
  {
    name: 'E7_node_down_default_timers',
    timers: 'default',
    nodes: 4,
    adjust: { cachePhaseMs: 5_900, reconcilePhaseMs: 4_300 },
    events: [
      [0.18, nodeDown('n3')],
      [666.5, nodeUp('n3')],
    ],
  },
  {
    name: 'E7b_node_down_fast_timers',
    timers: 'fast',
    nodes: 4,
    adjust: { reconcilePhaseMs: 6_500 },
    residue: afterSlowEngines,
    events: [
      [0.12, nodeDown('n3')],
      [14.36, nodeUp('n3')],
      [17.98, nodeDown('n3')],
      [42.6, nodeUp('n3')],
    ],
    excluded: [{ from: 43, to: 44, only: '/v0/replicas', reason: orphansListed }],
  },
  {
    name: 'E7c_new_replica_node_down_in_move',
    timers: 'fast',
    nodes: 4,
    residue: afterSlowEngines,
    events: [
      [3.19, nodeDown('n4')],
      [27.5, nodeUp('n4')],
      [38.3, nodeDown('n4')],
      [51.6, nodeUp('n4')],
    ],
    excluded: [
      { from: 35, to: 60, only: '/v0/replicas', reason: orphansListed },
      { from: 51, to: 52, only: '/v0/specs', reason: orphansListed },
    ],
  },
  {
    name: 'E7d_source_and_target_node_down',
    timers: 'fast',
    nodes: 4,
    residue: afterSlowEngines,
    events: [
      [2.7, nodeDown('n3')],
      [28.1, nodeUp('n3')],
      [68.89, nodeDown('n2')],
      [84.11, nodeUp('n2')],
    ],
  },
  {
    name: 'E7e_rebuild_fails',
    timers: 'fast',
    nodes: 4,
    residue: afterSlowEngines,
    events: [[2.76, failRebuilds]],
  },
  {
    name: 'E7f_new_replica_node_down_default_timers',
    timers: 'default',
    nodes: 4,
    residue: [['sata-n2']],
    adjust: { cachePhaseMs: 5_000, reconcilePhaseMs: 5_200 },
    events: [[3.33, nodeDown('n4')]],
  },
  {
    name: 'E8_core_crash',
    timers: 'fast',
    nodes: 4,
    events: [
      [2.73, crash(26.15)],
      [37.6, crash(25.9)],
      [65.06, slowEngine('createReplica', 3_000)],
      [66.08, crash(23.8)],
      [70, usualEngines],
      [106.8, slowEngine('destroyReplica', 3_000)],
      [107.867, crash(27.5)],
      [115, usualEngines],
    ],
  },
  { name: 'E9_snapshots', timers: 'fast', nodes: 4 },
  {
    name: 'E10_concurrent',
    createdFirst: ['d5bb'],
    timers: 'fast',
    nodes: 4,
    events: [
      [2.305, slowEngine('createReplica', 3_000)],
      [8.352, slowEngine('createReplica', 4_000)],
      [12.4, usualEngines],
      [12.495, slowEngine('createReplica', 9_000)],
      [22.5, usualEngines],
      [32.565, slowEngine('createReplica', 25_000)],
    ],
    excluded: [
      {
        from: 49,
        to: 54,
        only: 'GET',
        reason:
          'how long the record of a creation that timed out lingers differs from one to the other in the recording',
      },
    ],
  },
  {
    name: 'E10b_operation_visibility',
    timers: 'fast',
    nodes: 6,
    start: [
      {
        uuid: '5cb2354f-b697-49fe-a78a-90754f72039b',
        sizeBytes: 1_073_741_824,
        placement: ['nvme-n1', 'nvme-n4'],
        publishedOn: 'n1',
        labels: { i: '11' },
      },
    ],
    residue: [
      ['sata-n2', 'sata-n3', 'sata-n5', 'sata-n6'],
      ['sata-n2', 'sata-n3', 'sata-n5', 'sata-n6'],
      ['nvme-n3', 'nvme-n5', 'nvme-n6'],
      ['nvme-n3', 'nvme-n5', 'nvme-n6'],
    ],
    events: [[0, slowEngine('createReplica', 3_060)]],
  },
  {
    name: 'E11_paging',
    timers: 'fast',
    nodes: 6,
    events: [
      [17, makeVolumes(500, 200)],
      [34.9, deleteAtIndex(3)],
    ],
  },
  { name: 'E12_full_move', timers: 'fast', nodes: 4, startsOnNvme: true, createdFirst: ['ec64'] },
  { name: 'E12b_full_move_remote_target', timers: 'fast', nodes: 6, startsOnNvme: true, keepsUnpublished: true },
  {
    name: 'E12c_max_rebuilds_1',
    timers: 'fast',
    nodes: 6,
    maxRebuilds: 1,
    residue: [['nvme-n1', 'nvme-n2', 'nvme-n3', 'nvme-n4', 'nvme-n5', 'nvme-n6'], ['sata-n6']],
    rebuildMs: (atMs) => (atMs < 4_000 ? 18_500 : 60_000),
    excluded: [{ from: 16.8, to: 16.9, only: 'see', reason: 'the pretended engine was made faster while it rebuilt' }],
  },
  { name: 'E12d_drain', timers: 'fast', nodes: 6, startsOnNvme: true },
  {
    name: 'E12e_local_source_drain',
    timers: 'fast',
    nodes: 6,
    adjust: { reconcilePhaseMs: 5_000 },
    createdFirst: ['c2c4', '079f'],
    residue: [['sata-n2']],
    events: [[4, deleteResidue]],
  },
  {
    name: 'E12f_drain_then_shrink',
    timers: 'fast',
    nodes: 6,
    adjust: { reconcilePhaseMs: 400 },
    events: [
      [77.05, nodeDown('n5')],
      [82.1, nodeUp('n5')],
    ],
  },
  { name: 'E12g_drain_clear_shutdown_then_shrink', timers: 'fast', nodes: 6 },
  { name: 'E13_app_stops_mid_move', timers: 'fast', nodes: 4 },
  { name: 'E13b_self_heal_false', timers: 'fast', nodes: 4, events: [[2.2, failRebuilds]] },
  { name: 'E13c_delete_mid_move', timers: 'fast', nodes: 4 },
  {
    name: 'E13d_graceful_core_restart',
    timers: 'fast',
    nodes: 4,
    events: [[2.16, (model) => model.faults.restartCore(1_930)]],
  },
  {
    name: 'E13e_hanging_node',
    timers: 'fast',
    nodes: 4,
    events: [
      [2.6, (model) => model.faults.nodeHangs('n3')],
      [28.2, (model) => model.faults.nodeRecovers('n3')],
    ],
  },
  { name: 'E13f_pool_used', timers: 'fast', nodes: 4 },
  {
    name: 'E14_steer_by_child_delete_default',
    timers: 'default',
    nodes: 4,
    adjust: { cachePhaseMs: 4_500, reconcilePhaseMs: 4_700 },
  },
  {
    name: 'E14_steer_by_child_delete_fast',
    timers: 'fast',
    nodes: 6,
    adjust: { reconcilePhaseMs: 1_320, reconcileIdleMs: 2_020 },
  },
  {
    name: 'E15_stale_rest_view_default_timers',
    timers: 'default',
    nodes: 4,
    residue: [['sata-n2']],
    adjust: { cachePhaseMs: 20_000 },
    rebuildMs: () => 1_000,
  },
  {
    name: 'E16_core_or_etcd_stuck',
    timers: 'fast',
    nodes: 4,
    events: [
      [0.149, (model) => model.faults.freezeCore()],
      [15.22, (model) => model.faults.thawCore()],
      [23.869, (model) => model.faults.storeHangs()],
      [43.89, (model) => model.faults.storeRecovers()],
    ],
  },
  {
    name: 'E17_fence_kept_new_replica_dies_default_timers',
    timers: 'default',
    nodes: 4,
    adjust: { cachePhaseMs: 28_500, reconcilePhaseMs: 29_100 },
    events: [
      [2.3, (model) => model.faults.nodeDown('n4', { graceful: false })],
      [77.4, nodeUp('n4')],
    ],
  },
  {
    name: 'E18_idle_probe',
    timers: 'fast',
    nodes: 4,
    events: [
      [0.255, slowEngine('createReplica', 12_400)],
      [13, usualEngines],
      [25.975, slowEngine('destroyReplica', 7_970)],
      [42.37, usualEngines],
    ],
  },
  {
    name: 'E18b_idle_probe_far',
    timers: 'fast',
    nodes: 4,
    events: [[0.295, slowEngine('createReplica', 4_040)]],
  },
];
