import type { IntentStore, StoredIntent } from '@couchestor/shared/bus';
import type { ActiveIntent } from '@couchestor/shared/messages';

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
  /** Bytes that moves other than this volume's are about to put on a pool, by pool. */
  arriving(exceptVolumeId: string): ReadonlyMap<string, number>;
}

export function watchIntents(
  store: IntentStore,
  signal: AbortSignal,
  onChange: (volumeId: string, record: StoredIntent | undefined) => void,
): IntentBoard {
  const all = new Map<string, StoredIntent>();
  const active = new Map<string, ActiveRecord>();
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
      onChange(volumeId, record);
    },
  });
  const synced = watch.synced.then(() => {
    isSynced = true;
  });
  return {
    synced,
    ended: watch.ended,
    isSynced: () => isSynced,
    get: (volumeId) => all.get(volumeId),
    active: () => active,
    all: () => all,
    arriving: (exceptVolumeId) => {
      const bytes = new Map<string, number>();
      for (const [volumeId, { intent }] of active) {
        if (volumeId === exceptVolumeId || intent.round === undefined || intent.round.syncedAt !== undefined) continue;
        bytes.set(intent.round.targetPool, (bytes.get(intent.round.targetPool) ?? 0) + intent.sizeBytes);
      }
      return bytes;
    },
  };
}
