import {
  countAt,
  flagAt,
  isRecord,
  type JsonRecord,
  labelsAt,
  recordAt,
  recordOf,
  requiredText,
  textAt,
  wordReader,
} from './json-fields.ts';
import { specStatus, type SpecStatus } from './spec-status.ts';

export type PoolStatus = 'Online' | 'Degraded' | 'Faulted' | 'Offline' | 'Suspected' | 'Unknown';

export interface Pool {
  readonly id: string;
  /** Undefined for a pool that is neither in the store nor on a node, which Mayastor lists by id alone. */
  readonly node: string | undefined;
  /** Mayastor's own labels, which topologies match. Tiers are told by the DiskPool's labels instead. */
  readonly labels: Readonly<Record<string, string>>;
  readonly specStatus: SpecStatus;
  /** `Unknown` also while the node is offline or the pool not imported; the sizes are undefined then. */
  readonly status: PoolStatus;
  readonly capacityBytes: number | undefined;
  readonly usedBytes: number | undefined;
  /** Sum of the sizes of the replicas on it. */
  readonly committedBytes: number | undefined;
  readonly cordoned: PoolCordon;
  /** Mayastor itself is emptying it: keep off. */
  readonly draining: boolean;
  readonly encrypted: boolean;
}

/** What a cordon of the pool forbids. It names no owner. */
export interface PoolCordon {
  readonly replicas: boolean;
  readonly snapshots: boolean;
  readonly restores: boolean;
  readonly import: boolean;
}

const poolStatus = wordReader(['Online', 'Degraded', 'Faulted', 'Offline', 'Suspected']);

/** @throws MalformedAnswerError */
export function parsePool(value: unknown): Pool {
  const pool = recordOf(value, 'a pool');
  const spec = recordAt(pool, 'spec');
  const state = recordAt(pool, 'state');
  const cordoned = recordAt(recordAt(spec, 'cordonDrain'), 'cordoned');
  return {
    id: requiredText(pool, 'id', 'a pool'),
    node: textAt(spec, 'node') ?? textAt(state, 'node'),
    labels: labelsAt(spec, 'labels'),
    specStatus: specStatus(spec['status']),
    status: poolStatus(state['status']),
    capacityBytes: countAt(state, 'capacity'),
    usedBytes: countAt(state, 'used'),
    committedBytes: countAt(state, 'committed'),
    cordoned: {
      replicas: flagAt(cordoned, 'replicas') ?? false,
      snapshots: flagAt(cordoned, 'snapshots') ?? false,
      restores: flagAt(cordoned, 'restores') ?? false,
      import: flagAt(cordoned, 'import') ?? false,
    },
    draining: isDraining(pool, spec),
    encrypted: isEncrypted(spec, state),
  };
}

/** No release drains pools yet, and the design leaves open where it will show; any sign of it counts. */
function isDraining(pool: JsonRecord, spec: JsonRecord): boolean {
  const besides = Object.entries(recordAt(spec, 'cordonDrain')).filter(([key]) => key !== 'cordoned');
  const marks = [recordAt(pool, 'meta')['drain'], spec['drain'], ...besides.map(([, mark]) => mark)];
  return marks.some((mark) => mark !== undefined && mark !== null && mark !== false);
}

function isEncrypted(spec: JsonRecord, state: JsonRecord): boolean {
  return (flagAt(state, 'encrypted') ?? flagAt(spec, 'encrypted') ?? false) || isRecord(spec['encryption']);
}
