import type { Intent } from '@couchestor/shared/messages';

/** After so many reads that still show a cordon which no intent lists, it is somebody else's. */
const READS_UNTIL_FOREIGN = 3;

/**
 * Which cordons of pools are ours. Mayastor keeps no owner of a pool's cordon, so the intents tell: each lists what it
 * cordons before it does. A pool stays on the list after its move, until it was read clear once, because a read may be
 * older than the end of the move.
 */
export class OurCordons {
  readonly #listedBy = new Map<string, readonly string[]>();
  readonly #fading = new Map<string, number>();

  /** @param intent undefined when the record is gone. */
  setIntent(volumeId: string, intent: Intent | undefined): void {
    const before = this.#listedBy.get(volumeId) ?? [];
    const fence = intent?.state === 'active' ? intent.round?.fence : undefined;
    const pools = fence?.kind === 'pool' ? fence.ours : [];
    if (pools.length === 0) this.#listedBy.delete(volumeId);
    else this.#listedBy.set(volumeId, pools);
    for (const pool of before) if (!pools.includes(pool)) this.#fading.set(pool, 0);
  }

  isOurs(pool: string): boolean {
    return this.#fading.has(pool) || this.#isListed(pool);
  }

  /** To be told of every read of all pools. */
  noteRead(cordonedPools: ReadonlySet<string>): void {
    for (const [pool, reads] of this.#fading) {
      if (!cordonedPools.has(pool) || reads + 1 >= READS_UNTIL_FOREIGN) this.#fading.delete(pool);
      else this.#fading.set(pool, reads + 1);
    }
  }

  #isListed(pool: string): boolean {
    for (const pools of this.#listedBy.values()) if (pools.includes(pool)) return true;
    return false;
  }
}
