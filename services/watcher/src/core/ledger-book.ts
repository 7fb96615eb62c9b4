import { foldEnd, isApplied, type EndedMove } from './ledger.ts';
import { emptyLedger, type Checkpoint, type Ledger } from './status.ts';

/** Of so many policies that are gone it is remembered how far their events went; further ones wait for a restart. */
const STRANGERS_MAX = 10_000;

/**
 * The ledgers of all policies beside the one position in the stream that they are read from. Each policy has a
 * checkpoint of its own, since a status is written only when there is something to say.
 */
export class LedgerBook {
  readonly #ledgers = new Map<string, Ledger>();
  /** Last event that was passed over because its policy was not known, by policy. */
  readonly #strangers = new Map<string, Checkpoint>();
  #position: Checkpoint | undefined;
  #newestCheckpoint: Checkpoint | undefined;
  /** Events were passed over: until they are read again nothing counts as read, or a checkpoint would skip them. */
  #mustRewind = false;
  /** What the stream has lost of its end: sequences after the first and up to the second one are given anew. */
  #lost: { readonly after: Checkpoint; readonly upTo: Checkpoint } | undefined;

  /**
   * Takes over what Kubernetes holds for a policy, if that is further than what is known here.
   * @returns true if the stream has to be read again from `startAfter`, for events of this policy were passed over.
   */
  adopt(policyId: string, held: Ledger | undefined): boolean {
    const stored = held === undefined ? undefined : this.#withinStream(held);
    const known = this.#ledgers.get(policyId);
    if (known === undefined || isBehind(known.applied, stored?.applied)) {
      this.#ledgers.set(policyId, stored === undefined ? emptyLedger : onlyLedger(stored));
    }
    if (known !== undefined) return false;
    this.#newestCheckpoint = later(this.#newestCheckpoint, stored?.applied);
    const passedOver = this.#strangers.get(policyId);
    if (passedOver === undefined) return false;
    this.#strangers.delete(policyId);
    if (isApplied(stored?.applied, passedOver)) return false;
    this.#mustRewind = true;
    return true;
  }

  forget(policyId: string): void {
    this.#ledgers.delete(policyId);
  }

  /**
   * After which event to read on so that no policy misses one. It starts at the beginning for a policy without
   * checkpoint and for checkpoints of different streams.
   */
  startAfter(): Checkpoint | undefined {
    let first: Checkpoint | undefined;
    for (const { applied } of this.#ledgers.values()) {
      if (applied === undefined) return undefined;
      if (first !== undefined && first.streamCreatedAt !== applied.streamCreatedAt) return undefined;
      if (first === undefined || applied.lastSequence < first.lastSequence) first = applied;
    }
    return first;
  }

  /** To be called whenever reading starts (again), before the first event. */
  rewind(): void {
    this.#newestCheckpoint = later(this.#newestCheckpoint, this.#position);
    this.#position = undefined;
    this.#mustRewind = false;
  }

  /**
   * Whether what follows from an event is still to be done. For a policy that is gone there is no checkpoint: its
   * events are new if they are later than every checkpoint that was found at the start.
   */
  isNew(policyId: string, event: Checkpoint): boolean {
    const ledger = this.#ledgers.get(policyId);
    if (ledger !== undefined) return !isApplied(ledger.applied, event);
    return !isApplied(later(this.#newestCheckpoint, this.#position), event);
  }

  /** @returns whether a ledger changed in more than its checkpoint. */
  record(policyId: string, event: Checkpoint, ended: EndedMove | undefined): boolean {
    if (this.#mustRewind) return false;
    const before = this.#ledgers.get(policyId);
    let counted = false;
    if (before !== undefined && ended !== undefined) {
      const after = foldEnd(before, event, ended);
      counted = after.history !== before.history;
      this.#ledgers.set(policyId, after);
    } else if (before === undefined) {
      this.#passOver(policyId, event);
    }
    this.#position = later(this.#position, event);
    return counted;
  }

  #passOver(policyId: string, event: Checkpoint): void {
    const last = this.#strangers.get(policyId);
    if (last === undefined && this.#strangers.size >= STRANGERS_MAX) return;
    this.#strangers.set(policyId, later(last, event) ?? event);
  }

  /** The stream held nothing beyond this when it was opened. */
  reached(position: Checkpoint): void {
    if (this.#mustRewind) return;
    this.#rollBack(position);
    this.#position = later(this.#position, position);
  }

  /**
   * A server that was killed may have lost its last writes, and gives their sequences to later events: those must not
   * pass for counted. What was counted of the lost ones stays so.
   */
  #rollBack(end: Checkpoint): void {
    const checkpoints = [...this.#ledgers.values()].map(({ applied }) => applied);
    let furthest = end;
    for (const checkpoint of [this.#position, this.#newestCheckpoint, ...checkpoints]) {
      if (checkpoint !== undefined && isBehind(furthest, checkpoint)) furthest = checkpoint;
    }
    if (furthest === end) return;
    this.#lost = { after: end, upTo: furthest };
    if (isBehind(end, this.#position)) this.#position = end;
    if (isBehind(end, this.#newestCheckpoint)) this.#newestCheckpoint = end;
    for (const [policyId, ledger] of this.#ledgers) this.#ledgers.set(policyId, this.#withinStream(ledger));
  }

  #withinStream(ledger: Ledger): Ledger {
    const { applied } = ledger;
    if (this.#lost === undefined || applied === undefined) return ledger;
    const { after, upTo } = this.#lost;
    return isBehind(after, applied) && isApplied(upTo, applied) ? { ...ledger, applied: after } : ledger;
  }

  /** A policy's ledger with its checkpoint as far on as the stream was read. */
  ledger(policyId: string): Ledger {
    const ledger = this.#ledgers.get(policyId) ?? emptyLedger;
    const applied = this.#mustRewind ? ledger.applied : later(ledger.applied, this.#position);
    return applied === ledger.applied ? ledger : { ...ledger, applied };
  }
}

function onlyLedger({ totalMigrations, failedMigrations, history, applied }: Ledger): Ledger {
  return { totalMigrations, failedMigrations, history, applied };
}

/** The position further on; one of another stream than the first is taken to be newer. */
function later(a: Checkpoint | undefined, b: Checkpoint | undefined): Checkpoint | undefined {
  if (a === undefined || b === undefined) return b ?? a;
  return isApplied(a, b) ? a : b;
}

function isBehind(known: Checkpoint | undefined, stored: Checkpoint | undefined): boolean {
  if (stored === undefined) return false;
  if (known === undefined) return true;
  return known.streamCreatedAt === stored.streamCreatedAt && known.lastSequence < stored.lastSequence;
}
