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
  readonly nodes: readonly string[];
  readonly placement: readonly string[];
  readonly allowReducedRedundancy?: boolean;
}

export const matrixShapes: readonly MatrixShape[] = [
  { name: 'of one replica, beside its target', nodes: ['n1', 'n2'], placement: ['sata-n1'] },
  { name: 'of the second of two replicas', nodes: ['n1', 'n2', 'n3'], placement: ['nvme-n1', 'sata-n2'] },
  { name: 'over a spare node', nodes: ['n1', 'n2', 'spare'], placement: ['nvme-n1', 'sata-n2'] },
  {
    name: 'with one replica less',
    nodes: ['n1', 'n2', 'n3'],
    placement: ['nvme-n1', 'nvme-n2', 'sata-n3'],
    allowReducedRedundancy: true,
  },
];
