import { createSystemClock, pause } from '@couchestor/shared/clock';
import { expect } from 'vitest';
import type { PodBed, Truth } from './pod-bed.ts';
import type { HistoryEntry, PolicyStatus, Stage } from './stage.ts';

const clock = createSystemClock();
/** Looks without an answer, one after the other. */
const LOOKS_IN_VAIN_MAX = 20;

interface Event {
  readonly metadata: { readonly name: string };
  readonly reason: string;
  readonly message: string;
  readonly count?: number;
  readonly involvedObject: { readonly kind: string; readonly name: string; readonly uid: string };
}

interface PersistentVolume {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly csi?: { readonly volumeHandle: string } };
}

/** Every entry of the history that was ever seen. Disposing of it throws what was wrong with how the history grew. */
export interface Chronicle extends AsyncDisposable {
  readonly entries: ReadonlyMap<string, HistoryEntry>;
}

/** Looks at the status every second, so that no entry is missed though only the last 50 are kept. */
export function chronicle(stage: Stage): Chronicle {
  const entries = new Map<string, HistoryEntry>();
  const seen = { total: 0, failed: 0 };
  const take = ({ totalMigrations, failedMigrations, migrationHistory = [] }: PolicyStatus): void => {
    // What was counted once is never taken back, by whichever watcher.
    expect(totalMigrations).toBeGreaterThanOrEqual(seen.total);
    expect(failedMigrations).toBeGreaterThanOrEqual(seen.failed);
    seen.total = totalMigrations;
    seen.failed = failedMigrations;
    for (const entry of migrationHistory) {
      expect(entries.get(entry.migrationId) ?? entry).toEqual(entry);
      entries.set(entry.migrationId, entry);
    }
  };
  const ending = new AbortController();
  const looking = (async () => {
    let inVain = 0;
    while (await pause(clock, 1_000, ending.signal)) {
      // An answer that does not come on a busy machine is asked for again, but not for ever: what is not seen in time may
      // be pushed out of the history.
      const status = await stage.status().catch((error: unknown) => {
        inVain += 1;
        if (inVain > LOOKS_IN_VAIN_MAX) throw error;
      });
      if (status === undefined) continue;
      inVain = 0;
      take(status);
    }
    take(await stage.status());
  })();
  // What it found wrong is thrown when it is disposed of, which comes later than the failure.
  const verdict = looking.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  return {
    entries,
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      const failure = await verdict;
      if (failure !== undefined) throw failure.error;
    },
  };
}

/**
 * At rest, all who tell of moves tell the same: the history and the counters of the policy, the annotations of the volumes,
 * the Events, and the simulated Mayastor, which knows what really happened.
 */
export async function expectAgreement(stage: Stage, entries: readonly HistoryEntry[]): Promise<void> {
  const { bed } = stage;
  const status = await stage.status();
  const truth = await bed.truth();
  const { items: volumes } = await bed.get<{ readonly items: readonly PersistentVolume[] }>('pv');
  const succeeded = entries.filter(({ success }) => success);

  expect(new Set(entries.map(({ migrationId }) => migrationId)).size).toBe(entries.length);
  expect(status.totalMigrations).toBe(succeeded.length);
  const rolledBack = entries.filter(({ success, error = '' }) => !success && error.startsWith('Aborted'));
  expect(status.failedMigrations).toBe(entries.length - succeeded.length - rolledBack.length);
  expect(status.activeMigrations).toBe(0);

  expectNothingLeft(truth);
  for (const volume of volumes) expectVolume(volume, entries, truth);
  // Events outlive the volumes of an earlier deployment, whose names were the same.
  await expectEvents(bed, entries, stage.policy, new Set(volumes.map(({ metadata }) => metadata.uid)));
}

/** Nothing was lowered, and nothing is left of a move. */
function expectNothingLeft({ redundancyViolations, cordons, orphans, volumes }: Truth): void {
  expect({ redundancyViolations, cordons, orphans }).toEqual({ redundancyViolations: 0, cordons: [], orphans: [] });
  const uneven = volumes.filter(
    ({ declared, replicaCount, pools }) => replicaCount !== declared || pools.length !== declared,
  );
  expect(uneven).toEqual([]);
}

function expectVolume({ metadata, spec }: PersistentVolume, entries: readonly HistoryEntry[], truth: Truth): void {
  const volume = truth.volumes.find(({ volume }) => volume === spec.csi?.volumeHandle);
  if (volume === undefined) return;
  const own = entries.filter(({ volumeName }) => volumeName === metadata.name);
  const moved = own.filter(({ success }) => success).sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1));
  const newest = moved.at(-1);
  const tiers = new Set(volume.pools.map((pool) => (pool.startsWith('nvme-') ? 'hot' : 'cold')));
  const what = {
    volume: metadata.name,
    entries: own.map(({ fromTier, toTier, error }) => ({ fromTier, toTier, error })),
  };

  // Each replica that went elsewhere was one more and one less: none twice, none forgotten.
  const replicas = moved.reduce((sum, { fromTier }) => sum + (fromTier === 'mixed' ? 0 : volume.declared), 0);
  const isPlain = own.every(({ success, fromTier }) => success && fromTier !== 'mixed');
  if (isPlain) expect({ ...what, changes: volume.replicaCountChanges }).toEqual({ ...what, changes: 2 * replicas });
  else expect(volume.replicaCountChanges % 2).toBe(0);

  const { 'storage.billyronks.io/last-migration': last, 'storage.billyronks.io/current-tier': current } =
    metadata.annotations ?? {};
  expect({ ...what, current }).toEqual({ ...what, current: tiers.size === 1 ? [...tiers][0] : 'mixed' });
  if (newest === undefined) return;
  if (own.length === moved.length) expect({ ...what, tiers: [...tiers] }).toEqual({ ...what, tiers: [newest.toTier] });
  expect(Math.abs(Date.parse(last ?? '') - Date.parse(newest.timestamp))).toBeLessThan(1_000);
}

async function expectEvents(
  bed: PodBed,
  entries: readonly HistoryEntry[],
  policy: string,
  volumes: ReadonlySet<string>,
): Promise<void> {
  const { items } = await bed.get<{ readonly items: readonly Event[] }>('events -n default');
  const regarding = (kind: string, reason: string) =>
    items.filter((event) => event.reason === reason && event.involvedObject.kind === kind);
  for (const [kind, count] of [
    ['MigrationStarted', entries.length],
    ['MigrationCompleted', entries.filter(({ success }) => success).length],
  ] as const) {
    const told = regarding('PersistentVolume', kind).filter(({ involvedObject }) => volumes.has(involvedObject.uid));
    expect({ kind, told: told.length }).toEqual({ kind, told: count });
    const ofPolicy = regarding('StoragePolicy', kind).filter(({ involvedObject }) => involvedObject.name === policy);
    expect({ kind, ofPolicy: ofPolicy.length }).toEqual({ kind, ofPolicy: count });
    for (const { migrationId } of entries) {
      expect(told.filter(({ message }) => message.includes(migrationId)).length).toBeLessThanOrEqual(1);
    }
  }
}
