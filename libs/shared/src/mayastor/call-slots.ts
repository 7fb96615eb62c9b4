import type { CallKind } from './mayastor-client.ts';

/** Bounds how many calls are under way, so that none waits for a connection once it was granted. */
export interface CallSlots {
  /** Resolves with what ends its use; at once and without a slot when the signal is aborted, for it is not sent then. */
  take(kind: CallKind, signal?: AbortSignal): Promise<() => void>;
}

const byUrgency: readonly CallKind[] = ['release', 'write', 'read'];

/** Of several slots the last is kept for removing cordons, and the last but one from reads. */
export function createCallSlots(count: number): CallSlots {
  const most: Readonly<Record<CallKind, number>> = {
    release: count,
    write: Math.max(1, count - 1),
    read: Math.max(1, count - 2),
  };
  // Sets keep the order in which their members were added.
  const waiting: Readonly<Record<CallKind, Set<() => void>>> = {
    release: new Set(),
    write: new Set(),
    read: new Set(),
  };
  let taken = 0;

  const serve = (): void => {
    for (const kind of byUrgency) {
      for (const grant of waiting[kind]) {
        if (taken >= most[kind]) break;
        waiting[kind].delete(grant);
        taken += 1;
        grant();
      }
    }
  };
  const giveBack = (): (() => void) => {
    let isGiven = false;
    return () => {
      if (isGiven) return;
      isGiven = true;
      taken -= 1;
      serve();
    };
  };

  return {
    take: (kind, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve(() => undefined);
        const grant = (): void => {
          signal?.removeEventListener('abort', abandon);
          resolve(giveBack());
        };
        const abandon = (): void => {
          waiting[kind].delete(grant);
          resolve(() => undefined);
        };
        signal?.addEventListener('abort', abandon, { once: true });
        waiting[kind].add(grant);
        serve();
      }),
  };
}
