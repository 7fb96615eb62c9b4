import type { MigrationRefused } from '@couchestor/shared/messages';
import { HOUR_MS } from '@couchestor/shared/units';
import { isOfVolume, type Refusal } from './core/refusals.ts';

/** What is older holds nothing back any more. */
const KEPT_MS = 3 * HOUR_MS;

/** What migrators refused of late, by volume. Not kept over a restart: what is asked for once more is refused once more. */
export interface RefusalRecord {
  refused(refusal: MigrationRefused, nowMs: number): void;
  /** A move of the volume began, so that whatever was refused is over. */
  moved(volumeId: string): void;
  read(nowMs: number): ReadonlyMap<string, Refusal>;
}

export function createRefusalRecord(): RefusalRecord {
  const refusals = new Map<string, Refusal>();
  return {
    refused: ({ volumeId, migrationId, reason, message }, nowMs) => {
      const inRow = (refusals.get(volumeId)?.inRow ?? 0) + (isOfVolume(reason) ? 1 : 0);
      refusals.set(volumeId, { migrationId, reason, message, atMs: nowMs, inRow });
    },
    moved: (volumeId) => {
      refusals.delete(volumeId);
    },
    read: (nowMs) => {
      for (const [volumeId, { atMs }] of refusals) if (nowMs - atMs > KEPT_MS) refusals.delete(volumeId);
      return new Map(refusals);
    },
  };
}
