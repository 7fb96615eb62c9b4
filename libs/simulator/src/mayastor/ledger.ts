import type { Cause } from './cause.ts';

/** One change of the number of healthy, synced replicas of a volume: the truth, not what REST shows. */
export interface RedundancyChange {
  readonly atMs: number;
  readonly volume: string;
  readonly from: number;
  readonly to: number;
  readonly cause: Cause;
}

export interface RedundancyViolation {
  readonly atMs: number;
  readonly volume: string;
  readonly from: number;
  readonly to: number;
  /** The count that the volume's owner asked for. */
  readonly declared: number;
  /** The call that did it; details in `calls` while the ring still holds them. */
  readonly call: number;
}

/** A call that could change something. */
export interface MutatingCall {
  readonly number: number;
  readonly startMs: number;
  /** Undefined while no answer was given. */
  endMs: number | undefined;
  readonly method: string;
  readonly path: string;
  status: number | undefined;
}

export interface VolumeRedundancy {
  readonly volume: string;
  readonly declared: number;
  readonly healthy: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly minimumAtMs: number;
  readonly replicaCount: number;
  readonly changes: Readonly<Record<Cause['kind'], number>>;
  readonly replicaCountChanges: number;
  readonly deleted: boolean;
}

export interface RebuildMaxima {
  readonly total: number;
  readonly perPool: ReadonlyMap<string, number>;
  readonly perNode: ReadonlyMap<string, number>;
}

/** What happened to every volume. Extremes and counts are kept for ever, details in rings of a fixed size. */
export interface Ledger {
  volumeCreated(volume: string, replicaCount: number, healthy: number): void;
  volumeDeleted(volume: string): void;
  /** The count that the volume's owner wants from now on, below which no call may take the healthy replicas. */
  declare(volume: string, replicaCount: number): void;
  replicaCount(volume: string, count: number): void;
  healthy(volume: string, count: number, cause: Cause): void;
  callStarted(method: string, path: string): MutatingCall;
  callEnded(call: MutatingCall, status: number): void;
  rebuildStarted(pool: string, node: string): void;
  rebuildEnded(pool: string, node: string): void;
  cordoned(name: string): void;
  uncordoned(name: string): void;

  volume(volume: string): VolumeRedundancy | undefined;
  volumes(): IterableIterator<VolumeRedundancy>;
  /** Every moment when a call lowered the healthy replicas of a volume below what its owner declared; at most 1,000. */
  redundancyViolations(): readonly RedundancyViolation[];
  /** Number of violations ever, those beyond the 1,000 kept included. */
  readonly violationCount: number;
  /** The latest changes, oldest first. */
  changes(): readonly RedundancyChange[];
  /** The latest mutating calls, oldest first. */
  calls(): readonly MutatingCall[];
  /** Mutating calls ever, by method and by class of their status (2, 4, 5). */
  callCounts(): ReadonlyMap<string, number>;
  rebuildMaxima(): RebuildMaxima;
  readonly rebuildsRunning: number;
  /** `node/<id>/<label>` and `pool/<id>/<flag>` of every cordon set now. */
  cordons(): readonly string[];
  /** On the clock of all that is written here: milliseconds since the model was made. */
  readonly nowMs: number;
}

interface Entry {
  readonly volume: string;
  declared: number;
  healthy: number;
  minimum: number;
  maximum: number;
  minimumAtMs: number;
  replicaCount: number;
  readonly changes: Record<Cause['kind'], number>;
  replicaCountChanges: number;
  deleted: boolean;
}

const keptViolations = 1_000;

export function createLedger(options: { readonly nowMs: () => number; readonly details: number }): Ledger {
  const { nowMs } = options;
  const entries = new Map<string, Entry>();
  const changes = createRing<RedundancyChange>(options.details);
  const calls = createRing<MutatingCall>(options.details);
  const counts = new Map<string, number>();
  const violations: RedundancyViolation[] = [];
  let violationCount = 0;
  let callNumber = 0;
  const cordons = new Set<string>();
  const running = { total: 0, perPool: new Map<string, number>(), perNode: new Map<string, number>() };
  const maxima = { total: 0, perPool: new Map<string, number>(), perNode: new Map<string, number>() };

  const raise = (now: Map<string, number>, most: Map<string, number>, key: string): void => {
    const count = (now.get(key) ?? 0) + 1;
    now.set(key, count);
    if (count > (most.get(key) ?? 0)) most.set(key, count);
  };
  const lower = (counters: Map<string, number>, key: string): void => {
    const count = (counters.get(key) ?? 0) - 1;
    if (count > 0) counters.set(key, count);
    else counters.delete(key);
  };

  return {
    volumeCreated: (volume, replicaCount, healthy) => {
      entries.set(volume, {
        volume,
        declared: replicaCount,
        healthy,
        minimum: healthy,
        maximum: healthy,
        minimumAtMs: nowMs(),
        replicaCount,
        changes: { operation: 0, fault: 0, selfHeal: 0 },
        replicaCountChanges: 0,
        deleted: false,
      });
    },
    volumeDeleted: (volume) => {
      const entry = entries.get(volume);
      if (entry !== undefined) entry.deleted = true;
    },
    declare: (volume, replicaCount) => {
      const entry = entries.get(volume);
      if (entry !== undefined) entry.declared = replicaCount;
    },
    replicaCount: (volume, count) => {
      const entry = entries.get(volume);
      if (entry === undefined || entry.replicaCount === count) return;
      entry.replicaCount = count;
      entry.replicaCountChanges += 1;
    },
    healthy: (volume, count, cause) => {
      const entry = entries.get(volume);
      if (entry === undefined || entry.deleted || entry.healthy === count) return;
      const from = entry.healthy;
      entry.healthy = count;
      entry.changes[cause.kind] += 1;
      if (count > entry.maximum) entry.maximum = count;
      if (count < entry.minimum) {
        entry.minimum = count;
        entry.minimumAtMs = nowMs();
      }
      changes.push({ atMs: nowMs(), volume, from, to: count, cause });
      if (cause.kind === 'operation' && count < from && count < entry.declared) {
        violationCount += 1;
        if (violations.length < keptViolations) {
          violations.push({
            atMs: nowMs(),
            volume,
            from,
            to: count,
            declared: entry.declared,
            call: cause.call,
          });
        }
      }
    },
    callStarted: (method, path) => {
      callNumber += 1;
      const call = { number: callNumber, startMs: nowMs(), endMs: undefined, method, path, status: undefined };
      calls.push(call);
      return call;
    },
    callEnded: (call, status) => {
      call.endMs = nowMs();
      call.status = status;
      const key = `${call.method} ${String(Math.floor(status / 100))}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    rebuildStarted: (pool, node) => {
      running.total += 1;
      if (running.total > maxima.total) maxima.total = running.total;
      raise(running.perPool, maxima.perPool, pool);
      raise(running.perNode, maxima.perNode, node);
    },
    rebuildEnded: (pool, node) => {
      running.total -= 1;
      lower(running.perPool, pool);
      lower(running.perNode, node);
    },
    cordoned: (name) => void cordons.add(name),
    uncordoned: (name) => void cordons.delete(name),
    volume: (volume) => entries.get(volume),
    volumes: () => entries.values(),
    redundancyViolations: () => violations,
    get violationCount() {
      return violationCount;
    },
    changes: () => changes.items(),
    calls: () => calls.items(),
    callCounts: () => counts,
    rebuildMaxima: () => maxima,
    get rebuildsRunning() {
      return running.total;
    },
    cordons: () => [...cordons],
    get nowMs() {
      return nowMs();
    },
  };
}

interface Ring<T> {
  push(item: T): void;
  /** Oldest first. */
  items(): readonly T[];
}

function createRing<T>(capacity: number): Ring<T> {
  const slots: T[] = [];
  let next = 0;
  return {
    push: (item) => {
      if (slots.length < capacity) slots.push(item);
      else if (capacity > 0) slots[next] = item;
      next = capacity === 0 ? 0 : (next + 1) % capacity;
    },
    items: () => (slots.length < capacity ? slots.slice() : [...slots.slice(next), ...slots.slice(0, next)]),
  };
}
