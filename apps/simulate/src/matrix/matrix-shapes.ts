import type { MayastorVersion } from '@couchestor/simulator/mayastor';

/** What is done to one call that a migrator makes to anything outside itself. */
export const matrixFaults = [
  'crash before',
  'crash after',
  'time-out, done',
  'time-out, done later',
  'time-out, not done',
  'delivered twice',
  'stale read',
  'refused',
] as const;
export type MatrixFault = (typeof matrixFaults)[number];

/** One move, which every fault is tried on. */
export interface MatrixShape {
  readonly name: string;
  /** By tier and node. */
  readonly pools: readonly `${'nvme' | 'sata'}-${string}`[];
  readonly placement: readonly string[];
  readonly allowReducedRedundancy?: boolean;
  /** 2.12.2 by default. */
  readonly version?: MayastorVersion;
}

export const matrixShapes: readonly MatrixShape[] = [
  {
    name: 'of one replica, beside its target',
    pools: ['nvme-n1', 'sata-n1', 'nvme-n2', 'sata-n2'],
    placement: ['sata-n1'],
  },
  {
    name: 'of the second of two replicas',
    pools: ['nvme-n1', 'sata-n1', 'nvme-n2', 'sata-n2', 'nvme-n3', 'sata-n3'],
    placement: ['nvme-n1', 'sata-n2'],
  },
  {
    name: 'over a spare node',
    pools: ['nvme-n1', 'sata-n1', 'nvme-n2', 'sata-n2', 'sata-spare'],
    placement: ['nvme-n1', 'sata-n2'],
  },
  {
    name: 'with one replica less',
    pools: ['nvme-n1', 'sata-n1', 'nvme-n2', 'sata-n2', 'nvme-n3', 'sata-n3'],
    placement: ['nvme-n1', 'nvme-n2', 'sata-n3'],
    allowReducedRedundancy: true,
  },
  {
    name: 'on Mayastor 2.7, behind cordons of nodes and by the removal of a child',
    pools: ['sata-n1', 'sata-n2', 'nvme-n3', 'nvme-n4'],
    placement: ['sata-n1', 'sata-n2'],
    version: '2.7.1',
  },
];
