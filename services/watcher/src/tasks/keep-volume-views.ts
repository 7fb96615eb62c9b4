import type { Clock } from '@couchestor/shared/clock';
import { volumeViewOf, type LastDecision, type VolumeView } from '../core/volume-view.ts';
import type { World } from '../core/world.ts';
import type { Log, Measures, MessageSource, VolumeViewSink, WriteOutcome } from '../ports.ts';
import { createPace } from './pace.ts';
import { Pulse } from './pulse.ts';
import { createSlices } from './yielding.ts';

export interface VolumeViewKeeperOptions {
  readonly world: World;
  readonly sink: VolumeViewSink;
  readonly messages: Pick<MessageSource, 'watchDecisions'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly measures: Measures;
  readonly writesPerSecond: number;
}

const RETRY_MS = 1_000;
/** What the API server will not take is tried again only then: the component may be installed by halves. */
const REFUSED_RETRY_MS = 60_000;

/**
 * Keeps one object for each volume true, for people who look with kubectl. It writes what differs from what is there,
 * one after the other at a slow pace; nobody's decision rests on it.
 */
export class VolumeViewKeeper {
  readonly #options: VolumeViewKeeperOptions;
  readonly #pace: (signal: AbortSignal) => Promise<void>;
  readonly #pulse = new Pulse();
  readonly #due = new Set<string>();
  readonly #decisions = new Map<string, LastDecision>();
  /** Digests of what Kubernetes holds, by volume. */
  readonly #held = new Map<string, string>();
  readonly #refused = new Set<string>();
  #cancelRetry: (() => void) | undefined;
  #isFailing = false;

  constructor(options: VolumeViewKeeperOptions) {
    this.#options = options;
    this.#pace = createPace(options.writesPerSecond, options.clock);
  }

  note(volumeId: string): void {
    this.#due.add(volumeId);
    this.#pulse.raise();
  }

  /** Everything that was noted can be looked at now. */
  wake(): void {
    if (this.#due.size > 0) this.#pulse.raise();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { world, messages, clock } = this.#options;
    await messages.watchDecisions((volumeId, decision) => this.#setDecision(volumeId, decision), signal);
    await this.#load(signal);
    try {
      for (;;) {
        await this.#pulse.wait(signal);
        const slices = createSlices(() => clock.monotonicMs());
        for (const volumeId of this.#due) {
          // Before Mayastor was read whole, a volume that is not known is one that was not looked at yet.
          if (!world.isComplete) break;
          await slices.pause();
          this.#due.delete(volumeId);
          await this.#reconcile(volumeId, signal);
        }
      }
    } finally {
      this.#cancelRetry?.();
    }
  }

  #setDecision(volumeId: string, decision: LastDecision | undefined): void {
    if (decision === undefined) this.#decisions.delete(volumeId);
    else this.#decisions.set(volumeId, decision);
    this.note(volumeId);
  }

  /** Learns what is there. Views of volumes that went while nobody watched are removed once no pass shows these. */
  async #load(signal: AbortSignal): Promise<void> {
    const { world, sink, clock } = this.#options;
    // A definition that was just installed is served a moment later; one that is not installed may never be.
    for (let delayMs = RETRY_MS; ; delayMs = Math.min(2 * delayMs, REFUSED_RETRY_MS)) {
      try {
        for await (const page of sink.held(signal)) {
          for (const [volumeId, digest] of page) {
            this.#held.set(volumeId, digest);
            world.volumes.expect(volumeId);
            this.#due.add(volumeId);
          }
        }
        this.#pulse.raise();
        this.#works();
        return;
      } catch (error) {
        if (signal.aborted) throw error;
        this.#tell({ err: error });
        await clock.sleep(delayMs, signal);
      }
    }
  }

  async #reconcile(volumeId: string, signal: AbortSignal): Promise<void> {
    const { clock, measures } = this.#options;
    if (this.#difference(volumeId) === undefined) return;
    await this.#pace(signal);
    // What came meanwhile goes into the same write.
    const difference = this.#difference(volumeId);
    if (difference === undefined) return;
    try {
      const outcome = await this.#write(volumeId, difference, signal);
      measures.kubernetesWritten('view', outcome.kind);
      this.#settle(volumeId, difference, outcome);
    } catch (error) {
      if (signal.aborted) throw error;
      measures.kubernetesWritten('view', 'unavailable');
      this.#tell({ volumeId, err: error });
      this.#due.add(volumeId);
      await clock.sleep(RETRY_MS, signal);
    }
  }

  /** What has to be written, or null for what has to go; undefined if Kubernetes holds what it should. */
  #difference(volumeId: string): Difference | undefined {
    const { world, sink } = this.#options;
    const view = volumeViewOf(world, volumeId, this.#decisions.get(volumeId));
    const held = this.#held.get(volumeId);
    if (view === undefined) return undefined;
    if (view === null) return held === undefined ? undefined : { view };
    const digest = sink.digest(view);
    return digest === held ? undefined : { view, digest };
  }

  #write(volumeId: string, { view }: Difference, signal: AbortSignal): Promise<WriteOutcome> {
    const { sink } = this.#options;
    return view === null ? sink.remove(volumeId, signal) : sink.write(view, signal);
  }

  #settle(volumeId: string, difference: Difference, outcome: WriteOutcome): void {
    if (outcome.kind === 'written') {
      if (difference.view === null) this.#held.delete(volumeId);
      else this.#held.set(volumeId, difference.digest);
      this.#works();
      return;
    }
    const problem = outcome.kind === 'refused' ? outcome.problem : `the API server answers with ${outcome.kind}`;
    this.#tell({ volumeId, problem });
    this.#refused.add(volumeId);
    this.#cancelRetry ??= this.#options.clock.after(REFUSED_RETRY_MS, () => {
      this.#cancelRetry = undefined;
      for (const each of this.#refused) this.note(each);
      this.#refused.clear();
    });
  }

  /** Once, until it works again. */
  #tell(fields: object): void {
    if (!this.#isFailing) this.#options.log.warn(fields, 'MayastorVolumes are not kept for now, trying on');
    this.#isFailing = true;
  }

  #works(): void {
    if (this.#isFailing) this.#options.log.info({}, 'MayastorVolumes are kept again');
    this.#isFailing = false;
  }
}

type Difference = { readonly view: null } | { readonly view: VolumeView; readonly digest: string };
