import {
  createWatchedStore,
  type Announcement,
  type Control,
  type ControlSource,
  type DiskPoolObject,
  type KubernetesSink,
  type KubernetesSource,
  type PersistentVolumeObject,
  type PolicyObject,
  type PolicyStatus,
  type WriteOutcome,
} from '@couchestor/watcher/parts';
import { formatTimestamp } from '@couchestor/shared/units';
import type { Network } from './network.ts';
import type { SimulatedProcess } from './process.ts';

/** It answers nobody. */
export class ApiServerAway extends Error {
  constructor() {
    super('connection refused');
  }
}

/** The API server as the watcher's ports see it: objects with versions, watches that lag, writes that may be lost. */
export interface SimulatedKubernetes {
  sourceOf(process: SimulatedProcess): KubernetesSource;
  sinkOf(process: SimulatedProcess): KubernetesSink;
  controlOf(process: SimulatedProcess): ControlSource;
  readonly direct: DirectKubernetes;
  readonly policies: ReadonlyMap<string, PolicyObject>;
  readonly persistentVolumes: ReadonlyMap<string, PersistentVolumeObject>;
  readonly control: Control;
  /** Writes by watchers that took effect. */
  readonly writes: number;
  readonly announcements: readonly Announcement[];
  /** What people do with kubectl. */
  putPolicy(policyId: string, spec: object): void;
  deletePolicy(policyId: string): void;
  putPersistentVolume(volumeId: string, change?: Partial<PersistentVolumeObject['view']>): void;
  deletePersistentVolume(volumeId: string): void;
  putDiskPool(pool: DiskPoolObject): void;
  pause(paused: boolean): void;
  /** From now on it answers nobody, or does so again. */
  setAway(isAway: boolean): void;
  /** A lease by name: who asks while it is free or has it, has it. */
  tryLead(holder: string, lifeMs: number): boolean;
}

type Kind = 'policies' | 'persistentVolumes' | 'diskPools';

/** The API server without the ways to it, for processes that have ways of their own. Throws while it answers nobody. */
interface DirectKubernetes {
  readonly changes: readonly { readonly kind: Kind; readonly key: string }[];
  keys(kind: Kind): Iterable<string>;
  object(kind: Kind, key: string): object | undefined;
  readControl(): Control;
  tryLead(holder: string, lifeMs: number): boolean;
  writeStatus(policy: PolicyObject, status: PolicyStatus): WriteOutcome;
  annotate(volume: PersistentVolumeObject, changes: { readonly lastMigrationMs?: number }): WriteOutcome;
}

const REQUEST_TIMEOUT_MS = 5_000;

export function createSimulatedKubernetes(options: {
  readonly network: Network;
  readonly nowMs: () => number;
}): SimulatedKubernetes {
  const { network, nowMs } = options;
  const policies = new Map<string, PolicyObject>();
  const persistentVolumes = new Map<string, PersistentVolumeObject>();
  const diskPools = new Map<string, DiskPoolObject>();
  const announcements: Announcement[] = [];
  const objects = { policies, persistentVolumes, diskPools };
  const announced = new Set<string>();
  const watchers = new Set<(kind: Kind, key: string) => void>();
  let control: Control = { paused: false, reason: undefined };
  let version = 0;
  let writes = 0;
  let lease: { readonly holder: string; readonly untilMs: number } | undefined;

  const changes: { readonly kind: Kind; readonly key: string }[] = [];
  const tell = (kind: Kind, key: string): void => {
    changes.push({ kind, key });
    for (const watcher of watchers) watcher(kind, key);
  };
  const nextVersion = (): string => {
    version += 1;
    return String(version);
  };
  const annotate: KubernetesSink['annotate'] extends (...args: infer A) => unknown
    ? (...args: A) => WriteOutcome
    : never = ({ volumeId, view: { uid } }, { lastMigrationMs, currentTier }) => {
    const stored = persistentVolumes.get(volumeId);
    if (stored === undefined || stored.view.uid !== uid) return { kind: 'gone' };
    writes += 1;
    persistentVolumes.set(volumeId, {
      ...stored,
      view: {
        ...stored.view,
        ...(lastMigrationMs === undefined ? {} : { lastMigration: formatTimestamp(lastMigrationMs) }),
      },
      currentTier: currentTier === undefined ? stored.currentTier : (currentTier ?? undefined),
    });
    tell('persistentVolumes', volumeId);
    return { kind: 'written', resourceVersion: nextVersion() };
  };

  const writeStatus = (policyId: string, resourceVersion: string, status: PolicyStatus): WriteOutcome => {
    const stored = policies.get(policyId);
    if (stored === undefined) return { kind: 'gone' };
    if (stored.resourceVersion !== resourceVersion) return { kind: 'conflict' };
    writes += 1;
    const next = { ...stored, status, resourceVersion: nextVersion() };
    policies.set(policyId, next);
    tell('policies', policyId);
    return { kind: 'written', resourceVersion: next.resourceVersion };
  };
  const tryLead = (holder: string, lifeMs: number): boolean => {
    if (isAway) throw new ApiServerAway();
    if (lease !== undefined && lease.holder !== holder && lease.untilMs > nowMs()) return false;
    lease = { holder, untilMs: nowMs() + lifeMs };
    return true;
  };

  let isAway = false;
  const ask = <T>(process: SimulatedProcess, what: string, effect: () => T, signal: AbortSignal): Promise<T> =>
    network.askOnce(process, `kubernetes ${what}`, unlessAway(effect), {
      timeoutMs: REQUEST_TIMEOUT_MS,
      timedOut: () => new Error(`the API server did not answer: ${what}`),
      signal,
    });

  const unlessAway =
    <T>(effect: () => T) =>
    (): T => {
      if (isAway) throw new ApiServerAway();
      return effect();
    };

  return {
    policies,
    persistentVolumes,
    get control() {
      return control;
    },
    get writes() {
      return writes;
    },
    announcements,
    sourceOf: (process) => {
      const stores = {
        policies: createWatchedStore<PolicyObject>(),
        persistentVolumes: createWatchedStore<PersistentVolumeObject>(),
        diskPools: createWatchedStore<DiskPoolObject>(),
      };
      const channels = {
        policies: network.channel(process, 'watch policies'),
        persistentVolumes: network.channel(process, 'watch persistentVolumes'),
        diskPools: network.channel(process, 'watch diskPools'),
      };
      const set = (kind: Kind, key: string): void => {
        if (process.isDead) return void watchers.delete(set);
        const next = objects[kind].get(key);
        const store: { set(key: string, next: unknown): void } = stores[kind];
        channels[kind].send(() => store.set(key, next));
      };
      for (const kind of ['policies', 'persistentVolumes', 'diskPools'] as const) {
        for (const key of objects[kind].keys()) set(kind, key);
        channels[kind].send(() => stores[kind].markSynced());
      }
      watchers.add(set);
      return stores;
    },
    sinkOf: (process) => ({
      writeStatus: ({ policyId, resourceVersion }, status, signal) =>
        ask(process, 'write status', () => writeStatus(policyId, resourceVersion, status), signal),
      annotate: (volume, changes, signal) => ask(process, 'annotate', () => annotate(volume, changes, signal), signal),
      announce: (announcement, signal) =>
        ask(
          process,
          'announce',
          (): WriteOutcome => {
            const { regarding, reason, occurrence } = announcement;
            const name = `${regarding.kind}/${regarding.uid}/${reason}/${occurrence}`;
            if (!announced.has(name)) {
              announced.add(name);
              announcements.push(announcement);
              writes += 1;
            }
            return { kind: 'written', resourceVersion: '' };
          },
          signal,
        ),
    }),
    controlOf: (process) => ({
      read: (signal) => ask(process, 'read control', () => control, signal),
    }),
    putPolicy: (policyId, spec) => {
      const stored = policies.get(policyId);
      const createdAtMs = stored?.createdAtMs ?? nowMs();
      policies.set(policyId, {
        policyId,
        name: policyId,
        resourceVersion: nextVersion(),
        generation: (stored?.generation ?? 0) + 1,
        createdAt: formatTimestamp(createdAtMs),
        createdAtMs,
        spec,
        status: stored?.status,
      });
      tell('policies', policyId);
    },
    deletePolicy: (policyId) => {
      policies.delete(policyId);
      tell('policies', policyId);
    },
    putPersistentVolume: (volumeId, change = {}) => {
      const stored = persistentVolumes.get(volumeId);
      const view = stored?.view ?? {
        name: `pvc-${volumeId}`,
        uid: `uid-${volumeId}`,
        phase: 'Bound',
        storageClassName: 'mayastor',
        labels: {},
      };
      const next = Object.fromEntries(
        Object.entries({ ...view, ...change }).filter(([, value]) => value !== undefined),
      );
      persistentVolumes.set(volumeId, {
        volumeId,
        createdAtMs: stored?.createdAtMs ?? nowMs(),
        currentTier: stored?.currentTier,
        view: next as unknown as PersistentVolumeObject['view'],
      });
      tell('persistentVolumes', volumeId);
    },
    deletePersistentVolume: (volumeId) => {
      persistentVolumes.delete(volumeId);
      tell('persistentVolumes', volumeId);
    },
    putDiskPool: (pool) => {
      diskPools.set(pool.diskPoolId, pool);
      tell('diskPools', pool.diskPoolId);
    },
    setAway: (next) => {
      isAway = next;
    },
    pause: (paused) => {
      control = { paused, reason: paused ? 'maintenance' : undefined };
    },
    tryLead,
    direct: {
      changes,
      keys: (kind) => objects[kind].keys(),
      object: (kind, key) => objects[kind].get(key),
      readControl: () => unlessAway(() => control)(),
      tryLead,
      writeStatus: ({ policyId, resourceVersion }, status) =>
        unlessAway(() => writeStatus(policyId, resourceVersion, status))(),
      annotate: (volume, annotations) => unlessAway(() => annotate(volume, annotations, never))(),
    },
  };
}

const never = new AbortController().signal;
