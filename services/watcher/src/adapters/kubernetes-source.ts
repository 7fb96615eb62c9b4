import { pause, type Clock } from '@couchestor/shared/clock';
import {
  collectionPath,
  isStatus,
  startListWatch,
  type KubernetesAccess,
  type KubernetesObject,
  type ListWatch,
  type Resource,
} from '@couchestor/shared/kubernetes';
import { createBackoff } from '@couchestor/shared/service';
import type { DiskPoolObject, PersistentVolumeObject, PolicyObject } from '../core/objects.ts';
import type { KubernetesSource, Log } from '../ports.ts';
import { findDiskPoolResource } from './disk-pool-version.ts';
import { projectDiskPool, projectPersistentVolume, projectPolicy } from './kubernetes-objects.ts';
import { createWatchedStore, type WatchedStore } from './watched.ts';

export const policyResource: Resource = {
  group: 'storage.billyronks.io',
  version: 'v1',
  kind: 'StoragePolicy',
  plural: 'storagepolicies',
};
export const persistentVolumeResource: Resource = {
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
};

export const watchedKinds = ['storagepolicies', 'persistentvolumes', 'diskpools'] as const;
export type WatchedKind = (typeof watchedKinds)[number];

export interface KubernetesSourceOptions {
  readonly access: KubernetesAccess;
  /** Where DiskPools are looked for; undefined for all namespaces. */
  readonly diskPoolNamespace: string | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly pageSize?: number;
}

export interface KubernetesWatches extends KubernetesSource, AsyncDisposable {
  /** Why this kind is not (or not any more) followed; undefined while it is. */
  problem(kind: WatchedKind): string | undefined;
  /** Since the API server was last heard on this kind. */
  newestEventAgeMs(kind: WatchedKind): number | undefined;
}

const DISCOVERY_RETRY_MAX_MS = 10_000;

/** Follows the three kinds of objects from the start of the process, whether it leads or not. */
export function startKubernetesSource(options: KubernetesSourceOptions): KubernetesWatches {
  const { access, clock, random, log, diskPoolNamespace, pageSize = 250 } = options;
  const policies = createWatchedStore<PolicyObject>();
  const persistentVolumes = createWatchedStore<PersistentVolumeObject>();
  const diskPools = createWatchedStore<DiskPoolObject>();
  const problems = new Map<WatchedKind, string>(watchedKinds.map((kind) => [kind, 'not listed yet']));
  const watches = new Map<WatchedKind, ListWatch<unknown>>();
  const stopping = new AbortController();

  const fail = (kind: WatchedKind, error: unknown): void => {
    const problem = error instanceof Error ? error.message : String(error);
    if (problems.get(kind) !== problem) log.warn({ kind, err: error }, 'Kubernetes objects are not followed for now');
    problems.set(kind, problem);
  };
  const follow = <T>(
    kind: WatchedKind,
    path: string,
    store: WatchedStore<T>,
    project: (object: KubernetesObject) => T | undefined,
    onNews: { readonly onGone?: (error: unknown) => void; readonly onListed?: () => void } = {},
  ): void => {
    const seen = new Set<string>();
    let isFirst = true;
    const watch = startListWatch<Keyed<T>>({
      access,
      path,
      clock,
      random,
      pageSize,
      project: (object) => ({
        key: `${object.metadata.namespace ?? ''}/${object.metadata.name}`,
        value: project(object),
      }),
      onUpsert: ({ key, value }) => {
        problems.delete(kind);
        if (isFirst) seen.add(key);
        store.set(key, value);
      },
      onDelete: ({ key }) => {
        seen.delete(key);
        store.set(key, undefined);
      },
      onSync: () => {
        // What a former watch of another version of the kind had left and this one did not meet is gone.
        if (isFirst) for (const key of store.keys()) if (!seen.has(key)) store.set(key, undefined);
        isFirst = false;
        seen.clear();
        problems.delete(kind);
        store.markSynced();
        onNews.onListed?.();
      },
      onError: (error, retryInMs) => {
        if (retryInMs === undefined) return log.error({ kind, err: error }, 'a Kubernetes object could not be read');
        fail(kind, error);
        onNews.onGone?.(error);
      },
    });
    watches.set(kind, watch);
  };

  follow('storagepolicies', collectionPath(policyResource), policies, projectPolicy);
  follow('persistentvolumes', collectionPath(persistentVolumeResource), persistentVolumes, projectPersistentVolume);

  /** Mayastor's releases serve DiskPools in different versions, and an upgrade takes the old one away. */
  const followDiskPools = async (): Promise<void> => {
    const backoff = createBackoff({ baseMs: 500, maxMs: DISCOVERY_RETRY_MAX_MS, random });
    while (!stopping.signal.aborted) {
      try {
        const resource = await findDiskPoolResource(access, stopping.signal);
        const gone = Promise.withResolvers<void>();
        const end = (): void => gone.resolve();
        stopping.signal.addEventListener('abort', end, { once: true });
        follow('diskpools', collectionPath(resource, diskPoolNamespace), diskPools, projectDiskPool, {
          onGone: (error) => isStatus(error, 404) && end(),
          onListed: () => backoff.reset(),
        });
        await gone.promise;
        stopping.signal.removeEventListener('abort', end);
        await watches.get('diskpools')?.stop();
      } catch (error) {
        if (stopping.signal.aborted) return;
        fail('diskpools', error);
      }
      // Also after a version that is gone: for a while the API server may go on to say that it serves it.
      await pause(clock, backoff.nextDelayMs(), stopping.signal);
    }
  };
  const diskPoolsFollowed = followDiskPools();

  return {
    policies,
    persistentVolumes,
    diskPools,
    problem: (kind) => problems.get(kind),
    newestEventAgeMs: (kind) => watches.get(kind)?.newestEventAgeMs(),
    [Symbol.asyncDispose]: async () => {
      stopping.abort(new Error('the watches were stopped'));
      await diskPoolsFollowed;
      await Promise.all([...watches.values()].map((watch) => watch.stop()));
    },
  };
}

interface Keyed<T> {
  readonly key: string;
  readonly value: T | undefined;
}
