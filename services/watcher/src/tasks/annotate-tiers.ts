import type { Clock } from '@couchestor/shared/clock';
import type { World } from '../core/world.ts';
import type { KubernetesSink, Log, Measures } from '../ports.ts';
import { createPace } from './pace.ts';
import { Pulse } from './pulse.ts';
import { createSlices } from './yielding.ts';

export interface TierAnnotatorOptions {
  readonly world: World;
  readonly kubernetes: KubernetesSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly measures: Measures;
  readonly writesPerSecond: number;
}

const RETRY_MS = 1_000;

/** Keeps the annotation current-tier of PersistentVolumes true, at its own slow pace. */
export class TierAnnotator {
  readonly #options: TierAnnotatorOptions;
  readonly #due = new Set<string>();
  readonly #pulse = new Pulse();

  constructor(options: TierAnnotatorOptions) {
    this.#options = options;
  }

  note(volumeId: string): void {
    this.#due.add(volumeId);
  }

  /** Everything that was noted can be looked at now. */
  wake(): void {
    if (this.#due.size > 0) this.#pulse.raise();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { world, clock, log, writesPerSecond } = this.#options;
    const pace = createPace(writesPerSecond, clock);
    let isFailing = false;
    for (;;) {
      await this.#pulse.wait(signal);
      const slices = createSlices(() => clock.monotonicMs());
      for (const volumeId of this.#due) {
        // Before Mayastor was read whole, a volume without placement is one that was not looked at yet.
        if (!world.isComplete) break;
        await slices.pause();
        this.#due.delete(volumeId);
        if (this.#change(volumeId) === undefined) continue;
        await pace(signal);
        try {
          await this.#annotate(volumeId, signal);
          isFailing = false;
        } catch (error) {
          if (signal.aborted) throw error;
          this.#due.add(volumeId);
          if (!isFailing) log.warn({ err: error }, 'annotations not written, trying on');
          isFailing = true;
          await clock.sleep(RETRY_MS, signal);
        }
      }
    }
  }

  async #annotate(volumeId: string, signal: AbortSignal): Promise<void> {
    const { world, kubernetes, log, measures } = this.#options;
    const persistentVolume = world.volumes.persistentVolume(volumeId);
    const currentTier = this.#change(volumeId);
    if (persistentVolume === undefined || currentTier === undefined) return;
    const outcome = await kubernetes.annotate(persistentVolume, { currentTier }, signal);
    measures.kubernetesWritten('annotation', outcome.kind);
    if (outcome.kind === 'refused') {
      const { name: volume } = persistentVolume.view;
      log.error({ volume, volumeId, problem: outcome.problem }, 'the API server does not take our annotations');
    }
  }

  /** What the annotation should become; null to be removed, undefined if it is right or nothing can be said. */
  #change(volumeId: string): string | null | undefined {
    const { world } = this.#options;
    const persistentVolume = world.volumes.persistentVolume(volumeId);
    if (persistentVolume === undefined || world.volumes.reading(volumeId) === undefined) return undefined;
    if (world.census.isStale(volumeId)) return undefined;
    const placement = world.census.placement(volumeId);
    if (placement === persistentVolume.currentTier) return undefined;
    return placement ?? null;
  }
}
