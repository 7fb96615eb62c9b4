import type { Intent } from '../messages/index.ts';

export interface StoredIntent {
  readonly intent: Intent;
  /** Grows with each write; a write names the one that it replaces. */
  readonly revision: number;
}

export type IntentListener = (volumeId: string, stored: StoredIntent | undefined) => void;

export interface IntentWatch {
  /** Resolves when every record that was there at the start has been reported. @throws the signal's reason */
  readonly synced: Promise<void>;
  /** Resolves when the watch has ended. */
  readonly ended: Promise<void>;
}

/**
 * The record per volume. Each call has a deadline and is repeated safely for as long as the signal (or, without one,
 * the bus) lasts.
 */
export interface IntentStore {
  get(volumeId: string, signal?: AbortSignal): Promise<StoredIntent | undefined>;
  /** Returns the revision. @throws ConflictError if there is one */
  create(intent: Intent, signal?: AbortSignal): Promise<number>;
  /** Returns the new revision. @throws ConflictError if `revision` is not the last */
  update(intent: Intent, revision: number, signal?: AbortSignal): Promise<number>;
  /** @throws ConflictError if `revision` is given and not the last */
  delete(volumeId: string, revision?: number, signal?: AbortSignal): Promise<void>;
  /** Reports each record and each change until the signal, as they were stored one after the other, over outages and a lost bucket. */
  watchAll(options: { readonly signal: AbortSignal; readonly onChange: IntentListener }): IntentWatch;
  list(signal?: AbortSignal): Promise<ReadonlyMap<string, StoredIntent>>;
}
