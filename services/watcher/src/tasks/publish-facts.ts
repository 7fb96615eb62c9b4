import { subjectToken, type MessageData, type StateName, type SubjectToken } from '@couchestor/shared/messages';
import type { Sighting } from '../core/sightings.ts';
import type { FactSink, Log, Measures } from '../ports.ts';
import { Pulse } from './pulse.ts';
import { yieldToOthers } from './yielding.ts';

/** So many facts are checked and encoded before others get their turn. */
const BATCH = 50;

export interface FactPublisherOptions<N extends StateName> {
  readonly name: N;
  readonly sink: FactSink<N>;
  /** What is true of this id now. Of what is unproven, what was published last stands. */
  readonly factOf: (id: string) => Sighting<MessageData<N>>;
  readonly log: Log;
  readonly measures: Measures;
}

/** Publishes the facts of marked ids, as they are when their turn comes. */
export class FactPublisher<N extends StateName> {
  readonly #options: FactPublisherOptions<N>;
  readonly #marked = new Set<string>();
  readonly #pulse = new Pulse();

  constructor(options: FactPublisherOptions<N>) {
    this.#options = options;
  }

  mark(id: string): void {
    this.#marked.add(id);
    this.#pulse.raise();
  }

  get backlog(): number {
    return this.#marked.size;
  }

  /** Ids that the stream holds. */
  publishedIds(): IterableIterator<SubjectToken> {
    return this.#options.sink.ids();
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
    const { name, measures } = this.#options;
    const results = await Promise.all(ids.map((id) => this.#publishOne(id, signal)));
    const published = results.filter((result) => result === 'published').length;
    if (published > 0) measures.factsPublished(name, published);
  }

  /** A fact that cannot be published as it is must not keep the others back: it is told and left out. */
  async #publishOne(id: string, signal: AbortSignal): Promise<'published' | 'unchanged' | 'refused'> {
    const { name, sink, factOf, log } = this.#options;
    try {
      const fact = factOf(id);
      switch (fact.kind) {
        case 'present':
          return await sink.set(subjectToken(id), fact.value, { signal });
        case 'absent':
          return await sink.delete(subjectToken(id), { signal });
        case 'unproven':
          return 'unchanged';
      }
    } catch (error) {
      if (signal.aborted) throw error;
      log.error({ fact: name, id, err: error }, 'a fact cannot be published');
      return 'refused';
    }
  }
}
