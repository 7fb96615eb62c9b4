import type { Clock } from '@couchestor/shared/clock';
import type { NodeReading, PoolReading, VolumeAnswer } from '../core/objects.ts';
import type { Log, MayastorSource, Measures } from '../ports.ts';
import { Pulse } from './pulse.ts';

export interface MayastorPollOptions {
  readonly source: MayastorSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly measures: Measures;
  /** From the start of one pass to the start of the next. */
  readonly periodMs: number;
  readonly listener: MayastorListener;
}

export interface MayastorListener {
  onNodes(nodes: ReadonlyMap<string, NodeReading>): void;
  onPools(pools: ReadonlyMap<string, PoolReading>): Promise<void>;
  onPassBegin(): void;
  onVolumes(page: readonly VolumeAnswer[]): Promise<void>;
  /** Every page of the pass was read. */
  onPassEnd(): void;
  /** One volume that was asked for between passes; undefined if Mayastor does not have it. */
  onVolume(volumeId: string, answer: VolumeAnswer | undefined): void;
}

/** A pass that takes its calls' time to the limit leaves this share of the budget for what is asked between passes. */
const PASS_SHARE_MAX = 0.8;
const RETRY_MAX_MS = 30_000;
/** Volumes that are waiting to be asked for; the next pass shows the others too. */
const REFRESHES_MAX = 1_000;

/** Reads nodes, pools and all volumes each period, and single volumes in between when there is news of them. */
export class MayastorPoll {
  readonly #options: MayastorPollOptions;
  readonly #refreshes = new Set<string>();
  readonly #refreshPulse = new Pulse();

  constructor(options: MayastorPollOptions) {
    this.#options = options;
  }

  refresh(volumeId: string): void {
    if (this.#refreshes.size >= REFRESHES_MAX) return;
    this.#refreshes.add(volumeId);
    this.#refreshPulse.raise();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#runPasses(signal), this.#runRefreshes(signal)]);
  }

  async #runPasses(signal: AbortSignal): Promise<void> {
    const { clock, log, measures, periodMs } = this.#options;
    let failures = 0;
    for (;;) {
      const startedMs = clock.monotonicMs();
      let restMs: number;
      try {
        await this.#pass(signal);
        const tookMs = clock.monotonicMs() - startedMs;
        measures.mayastorPolled('complete', tookMs / 1000);
        if (failures > 0) log.info({ failures }, 'Mayastor answers again');
        failures = 0;
        restMs = Math.max(periodMs, tookMs / PASS_SHARE_MAX) - tookMs;
      } catch (error) {
        if (signal.aborted) throw error;
        measures.mayastorPolled('failed', (clock.monotonicMs() - startedMs) / 1000);
        failures += 1;
        if (failures === 1) log.warn({ err: error }, 'Mayastor gave no answer, its last known state stands');
        restMs = Math.min(RETRY_MAX_MS, periodMs, 1000 * 2 ** Math.min(failures - 1, 5));
      }
      await clock.sleep(restMs, signal);
    }
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { source, listener } = this.#options;
    listener.onNodes(await source.nodes(signal));
    await listener.onPools(await source.pools(signal));
    listener.onPassBegin();
    for await (const page of source.volumePages(signal)) await listener.onVolumes(page);
    listener.onPassEnd();
  }

  async #runRefreshes(signal: AbortSignal): Promise<void> {
    const { source, listener, log } = this.#options;
    for (;;) {
      await this.#refreshPulse.wait(signal);
      for (const volumeId of this.#refreshes) {
        this.#refreshes.delete(volumeId);
        try {
          listener.onVolume(volumeId, await source.volume(volumeId, signal));
        } catch (error) {
          if (signal.aborted) throw error;
          log.debug({ volumeId, err: error }, 'volume not read between passes, the next pass shows it');
        }
      }
    }
  }
}
