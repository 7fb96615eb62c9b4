import type { Intent } from '@couchestor/shared/messages';

/** Moves in flight by policy, as the intents tell. */
export class ActiveMoves {
  readonly #policyOfVolume = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  get total(): number {
    return this.#policyOfVolume.size;
  }

  of(policyId: string): number {
    return this.#counts.get(policyId) ?? 0;
  }

  /** Returns the policies whose count changed. */
  setIntent(volumeId: string, intent: Intent | undefined): string[] {
    const before = this.#policyOfVolume.get(volumeId);
    const after = intent?.state === 'active' ? intent.policyId : undefined;
    if (before === after) return [];
    const changed: string[] = [];
    if (before !== undefined) {
      this.#policyOfVolume.delete(volumeId);
      this.#add(before, -1);
      changed.push(before);
    }
    if (after !== undefined) {
      this.#policyOfVolume.set(volumeId, after);
      this.#add(after, 1);
      changed.push(after);
    }
    return changed;
  }

  #add(policyId: string, sign: 1 | -1): void {
    const count = this.of(policyId) + sign;
    if (count === 0) this.#counts.delete(policyId);
    else this.#counts.set(policyId, count);
  }
}
