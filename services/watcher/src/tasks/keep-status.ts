import type { Clock } from '@couchestor/shared/clock';
import type { PolicyEvaluated } from '@couchestor/shared/messages';
import { policyAnnouncements } from '../core/announcement.ts';
import { composeStatus, type PolicyView } from '../core/compose-status.ts';
import type { LedgerBook } from '../core/ledger-book.ts';
import type { PolicyObject } from '../core/objects.ts';
import type { KnownPolicy } from '../core/policies.ts';
import type { PolicyStatus } from '../core/status.ts';
import type { World } from '../core/world.ts';
import type { KubernetesSink, Log, Measures } from '../ports.ts';
import { createPace } from './pace.ts';
import { Pulse } from './pulse.ts';

export interface StatusKeeperOptions {
  readonly world: World;
  readonly book: LedgerBook;
  readonly kubernetes: KubernetesSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly measures: Measures;
  /** News that comes within this time is written at once. */
  readonly debounceMs: number;
  readonly writesPerSecond: number;
}

const RETRY_MS = 1_000;
/** A status that the API server will not take is tried again only then, or when it has become another. */
const REFUSED_RETRY_MS = 60_000;

/** Writes the status of policies when it differs from what Kubernetes has. */
export class StatusKeeper {
  readonly #options: StatusKeeperOptions;
  readonly #pace: (signal: AbortSignal) => Promise<void>;
  readonly #pulse = new Pulse();
  readonly #due = new Set<string>();
  readonly #evaluated = new Map<string, PolicyEvaluated>();
  /** What we wrote last, until the watch has caught up with it. */
  readonly #written = new Map<string, { readonly status: PolicyStatus; readonly resourceVersion: string }>();
  readonly #names = new Map<string, string>();
  readonly #failing = new Set<string>();
  /** The one retry that is set for a policy, and what cancels it. */
  readonly #retries = new Map<string, () => void>();

  constructor(options: StatusKeeperOptions) {
    this.#options = options;
    this.#pace = createPace(options.writesPerSecond, options.clock);
  }

  /** Without a policy: all of them. */
  note(policyId?: string): void {
    if (policyId !== undefined) this.#due.add(policyId);
    else for (const id of this.#options.world.policies.ids()) this.#due.add(id);
    this.#pulse.raise();
  }

  setEvaluated(policyId: string, evaluated: PolicyEvaluated | undefined): void {
    if (evaluated === undefined) this.#evaluated.delete(policyId);
    else this.#evaluated.set(policyId, evaluated);
    this.note(policyId);
  }

  /** To be run once everything that a status is made of was loaded, for what is missing would be shown as such. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, debounceMs } = this.#options;
    this.note();
    try {
      for (;;) {
        await this.#pulse.wait(signal);
        await clock.sleep(debounceMs, signal);
        const due = Array.from(this.#due);
        this.#due.clear();
        for (const policyId of due) await this.#reconcile(policyId, signal);
      }
    } finally {
      for (const cancel of this.#retries.values()) cancel();
    }
  }

  async #reconcile(policyId: string, signal: AbortSignal): Promise<void> {
    const { world, book, clock, measures } = this.#options;
    const policy = world.policies.get(policyId);
    if (policy === undefined) return this.#forget(policyId);
    const { object } = policy;
    this.#names.set(policyId, object.name);
    const base = this.#baseOf(object);
    const next = composeStatus(base.status, book.ledger(policyId), this.#viewOf(policy), clock.nowMs());
    measures.reconciled();
    measures.policyPhase(object.name, next.phase);
    if (next !== base.status) await this.#write(object, base, next, signal);
  }

  #forget(policyId: string): void {
    const name = this.#names.get(policyId);
    if (name !== undefined) this.#options.measures.policyPhase(name, undefined);
    this.#names.delete(policyId);
    this.#written.delete(policyId);
    this.#cancelRetry(policyId);
    // What the scorer said stays until it takes it back: it may know a policy that our watch has yet to show.
    this.#failing.delete(policyId);
    this.#options.book.forget(policyId);
  }

  #viewOf({ object, parsed }: KnownPolicy): PolicyView {
    const { world } = this.#options;
    const isCounted = world.isComplete && !world.hasWork;
    const nameOf = (policyId: string): string => world.policies.get(policyId)?.object.name ?? policyId;
    return {
      generation: object.generation,
      parsed,
      evaluated: this.#evaluated.get(object.policyId),
      counts: isCounted ? world.census.counts(object.policyId) : undefined,
      overlappedBy: isCounted ? world.census.overlappedBy(object.policyId).map(nameOf) : undefined,
      activeMigrations: world.moves.of(object.policyId),
      control: world.control,
    };
  }

  /** The status that Kubernetes has, as far as we know: our own last write may be ahead of the watch. */
  #baseOf(object: PolicyObject): { readonly status: PolicyStatus | undefined; readonly resourceVersion: string } {
    const written = this.#written.get(object.policyId);
    if (written !== undefined && isOlder(object.resourceVersion, written.resourceVersion)) return written;
    this.#written.delete(object.policyId);
    return object;
  }

  async #write(
    object: PolicyObject,
    base: { readonly status: PolicyStatus | undefined; readonly resourceVersion: string },
    next: PolicyStatus,
    signal: AbortSignal,
  ): Promise<void> {
    const { kubernetes, log, measures } = this.#options;
    const { policyId, name } = object;
    try {
      for (const announcement of policyAnnouncements(object, base.status, next)) {
        await this.#pace(signal);
        measures.kubernetesWritten('event', (await kubernetes.announce(announcement, signal)).kind);
      }
      await this.#pace(signal);
      const outcome = await kubernetes.writeStatus({ ...object, resourceVersion: base.resourceVersion }, next, signal);
      measures.kubernetesWritten('status', outcome.kind);
      switch (outcome.kind) {
        case 'written':
          this.#written.set(policyId, { status: next, resourceVersion: outcome.resourceVersion });
          this.#failing.delete(policyId);
          this.#cancelRetry(policyId);
          log.debug({ policy: name, phase: next.phase }, 'policy status written');
          break;
        case 'conflict':
          // Somebody changed the policy: the watch will tell how, and this is for the case that it told already.
          this.#noteLater(policyId, RETRY_MS);
          break;
        case 'gone':
          break;
        case 'refused':
          log.error(
            { policy: name, problem: outcome.problem },
            'the API server does not take the status of the policy',
          );
          this.#noteLater(policyId, REFUSED_RETRY_MS);
          break;
      }
    } catch (error) {
      if (signal.aborted) throw error;
      measures.kubernetesWritten('status', 'unavailable');
      if (!this.#failing.has(policyId)) log.warn({ policy: name, err: error }, 'policy status not written, trying on');
      this.#failing.add(policyId);
      this.#noteLater(policyId, RETRY_MS);
    }
  }

  #noteLater(policyId: string, delayMs: number): void {
    this.#cancelRetry(policyId);
    const retry = (): void => {
      this.#retries.delete(policyId);
      this.note(policyId);
    };
    this.#retries.set(policyId, this.#options.clock.after(delayMs, retry));
  }

  #cancelRetry(policyId: string): void {
    this.#retries.get(policyId)?.();
    this.#retries.delete(policyId);
  }
}

/** Versions of one object are numbers that grow; of what is no number nothing can be said. */
function isOlder(resourceVersion: string, than: string): boolean {
  if (!/^\d+$/.test(resourceVersion) || !/^\d+$/.test(than)) return false;
  return BigInt(resourceVersion) < BigInt(than);
}
