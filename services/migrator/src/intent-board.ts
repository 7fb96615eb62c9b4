import type { IntentStore, StoredIntent } from '@couchestor/shared/bus';
import type { ActiveIntent, Round } from '@couchestor/shared/messages';
import { copyBytes } from '@couchestor/shared/policy';
import { MINUTE_MS, parseTimestampMs } from '@couchestor/shared/units';
import type { Arriving } from './core/evidence.ts';

/**
 * A round may put its fence up until it is ten minutes old, and a move that nobody has taken over ten minutes after that
 * may wait for a person.
 */
const FENCED_MS = 20 * MINUTE_MS;

export interface ActiveRecord {
  readonly intent: ActiveIntent;
  readonly revision: number;
}

/** The intents of all volumes, as the bucket last showed them. */
export interface IntentBoard {
  readonly synced: Promise<void>;
  readonly ended: Promise<void>;
  isSynced(): boolean;
  get(volumeId: string): StoredIntent | undefined;
  active(): ReadonlyMap<string, ActiveRecord>;
  all(): ReadonlyMap<string, StoredIntent>;
  /**
   * Bytes that moves of other volumes are about to put on a pool, by pool. Changes come in the order in which they were
   * stored, so it lacks nothing that was stored before this revision of the volume's own record; undefined until that
   * has come.
   */
  arriving(volumeId: string, revision: number): Arriving | undefined;
  /** Pools that fences of other volumes' moves list, but for rounds that began so long ago that nobody may come for them. */
  fencedElsewhere(volumeId: string, nowMs: number): ReadonlySet<string>;
  /** Of those fences the pools that have to stay closed, whoever closed them, since the replica has not come yet. */
  closedElsewhere(volumeId: string, nowMs: number): ReadonlySet<string>;
  /** Resolves once this revision of the volume's record has come. Rejects with the signal's reason. */
  reached(volumeId: string, revision: number, signal: AbortSignal): Promise<void>;
}

interface Fenced {
  readonly fence: NonNullable<Round['fence']>;
  readonly hasGrown: boolean;
}

export function watchIntents(
  store: IntentStore,
  signal: AbortSignal,
  onChange: (volumeId: string, record: StoredIntent | undefined) => void,
): IntentBoard {
  const all = new Map<string, StoredIntent>();
  const active = new Map<string, ActiveRecord>();
  const waiting = new Set<() => void>();
  let isSynced = false;
  const watch = store.watchAll({
    signal,
    onChange: (volumeId, record) => {
      const known = all.get(volumeId);
      // Own writes and the watch may overtake each other; a revision never goes back.
      if (record !== undefined && known !== undefined && known.revision > record.revision) return;
      if (record === undefined) all.delete(volumeId);
      else all.set(volumeId, record);
      if (record?.intent.state === 'active') active.set(volumeId, { intent: record.intent, revision: record.revision });
      else active.delete(volumeId);
      for (const look of waiting) look();
      onChange(volumeId, record);
    },
  });
  const synced = watch.synced.then(() => {
    isSynced = true;
  });
  function* fencesElsewhere(ownVolumeId: string, nowMs: number): Generator<Fenced> {
    for (const [volumeId, { intent }] of active) {
      const { round } = intent;
      if (volumeId === ownVolumeId || round?.fence?.kind !== 'pool') continue;
      if (nowMs - parseTimestampMs(round.startedAt) > FENCED_MS) continue;
      yield { fence: round.fence, hasGrown: round.addedAt !== undefined };
    }
  }
  const hasReached = (volumeId: string, revision: number): boolean => (all.get(volumeId)?.revision ?? 0) >= revision;
  return {
    synced,
    ended: watch.ended,
    isSynced: () => isSynced,
    get: (volumeId) => all.get(volumeId),
    active: () => active,
    all: () => all,
    arriving: (ownVolumeId, revision) => {
      if (!hasReached(ownVolumeId, revision)) return undefined;
      const bytes = new Map<string, number>();
      for (const [volumeId, { intent }] of active) {
        if (volumeId === ownVolumeId || intent.round === undefined || intent.round.syncedAt !== undefined) continue;
        // What of it is allocated the intent does not say.
        const mostBytes = copyBytes({ sizeBytes: intent.sizeBytes, thin: false });
        bytes.set(intent.round.targetPool, (bytes.get(intent.round.targetPool) ?? 0) + mostBytes);
      }
      return bytes;
    },
    fencedElsewhere: (ownVolumeId, nowMs) => {
      const pools = new Set<string>();
      for (const { fence } of fencesElsewhere(ownVolumeId, nowMs)) for (const pool of fence.ours) pools.add(pool);
      return pools;
    },
    closedElsewhere: (ownVolumeId, nowMs) => {
      const pools = new Set<string>();
      for (const { fence, hasGrown } of fencesElsewhere(ownVolumeId, nowMs)) {
        if (!hasGrown) for (const pool of [...fence.ours, ...fence.foreign]) pools.add(pool);
      }
      return pools;
    },
    reached: (volumeId, revision, until) =>
      new Promise((resolve, reject) => {
        const settle = (): void => {
          waiting.delete(look);
          until.removeEventListener('abort', look);
        };
        const look = (): void => {
          if (until.aborted) {
            settle();
            reject(until.reason);
          } else if (hasReached(volumeId, revision)) {
            settle();
            resolve();
          }
        };
        waiting.add(look);
        until.addEventListener('abort', look, { once: true });
        look();
      }),
  };
}
