import type { Clock } from '@couchestor/shared/clock';
import { subjectToken, type MessageData, type StateName } from '@couchestor/shared/messages';
import type { Sighting } from '../core/sightings.ts';
import type { FactSink, Log, Measures } from '../ports.ts';
import { Pulse } from './pulse.ts';
import { yieldToOthers } from './yielding.ts';

/** So many facts are checked and encoded before others get their turn. */
const BATCH = 50;
/** NATS refuses what it has no room for; room may be made. */
const REFUSED_RETRY_MS = 30_000;

export interface FactPublisherOptions<N extends StateName> {
  readonly name: N;
  readonly sink: FactSink<N>;
  /** What is true of this id now. Of what is unproven, what was published last stands. */
  readonly factOf: (id: string) => Sighting<MessageData<N>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly measures: Measures;
}

/** Publishes the facts of marked ids, as they are when their turn comes. */
export class FactPublisher<N extends StateName> {
  readonly #options: FactPublisherOptions<N>;
  readonly #marked = new Set<string>();
  readonly #refused = new Set<string>();
  readonly #pulse = new Pulse();

  constructor(options: FactPublisherOptions<N>) {
    this.#options = options;
  }

  mark(id: string): void {
    this.#marked.add(id);
    this.#pulse.raise();
  }

  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#pulse.wait(signal);
      while (this.#marked.size > 0) {
        await this.#publish(this.#take(), signal);
        await yieldToOthers();
        signal.throwIfAborted();
      }
    }
  }

  #take(): string[] {
    const batch: string[] = [];
    for (const id of this.#marked) {
      this.#marked.delete(id);
      if (batch.push(id) === BATCH) break;
    }
    return batch;
  }

  async #publish(ids: readonly string[], signal: AbortSignal): Promise<void> {
    const { name, clock, measures } = this.#options;
    const results = await Promise.all(ids.map((id) => this.#publishOne(id, signal)));
    const published = results.filter((result) => result === 'published').length;
    if (published > 0) measures.factsPublished(name, published);
    const again = ids.filter((_, index) => results[index] === 'refused');
    if (again.length === 0) return;
    const cancel = clock.after(REFUSED_RETRY_MS, () => again.forEach((id) => this.mark(id)));
    signal.addEventListener('abort', cancel, { once: true });
  }

  /** A fact that cannot be published must not keep the others back: it is told once, and tried again later. */
  async #publishOne(id: string, signal: AbortSignal): Promise<'published' | 'unchanged' | 'refused'> {
    const { name, log } = this.#options;
    try {
      const result = await this.#send(id, signal);
      this.#refused.delete(id);
      return result;
    } catch (error) {
      if (signal.aborted) throw error;
      if (!this.#refused.has(id)) log.error({ fact: name, id, err: error }, 'a fact cannot be published');
      this.#refused.add(id);
      return 'refused';
    }
  }

  async #send(id: string, signal: AbortSignal): Promise<'published' | 'unchanged'> {
    const { sink, factOf } = this.#options;
    const fact = factOf(id);
    switch (fact.kind) {
      case 'present':
        return sink.set(subjectToken(id), fact.value, { signal });
      case 'absent':
        return sink.delete(subjectToken(id), { signal });
      case 'unproven':
        return 'unchanged';
    }
  }
}
