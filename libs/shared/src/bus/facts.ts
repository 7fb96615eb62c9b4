import type { MessageData, StateName, SubjectToken } from '../messages/index.ts';
import type { MessageInput } from './message-input.ts';

/** What is true now about one thing, as last published. */
export interface Fact<N extends StateName> {
  readonly data: MessageData<N>;
  /** Sequence in the stream. */
  readonly sequence: number;
  /** When it was published, by the publisher's clock. */
  readonly timeMs: number;
  readonly traceparent?: string;
}

export type FactListener<N extends StateName> = (
  id: string,
  next: Fact<N> | undefined,
  previous: Fact<N> | undefined,
) => void;

/**
 * Facts by kind and id, kept current in memory. A fact that cannot be read counts as absent (and is dead-lettered):
 * what was true before it may no longer be.
 */
export interface FactTables<N extends StateName> {
  of<K extends N>(name: K): ReadonlyMap<string, Fact<K>>;
  /** Whether the table holds at least everything that was in the stream when it was (re)opened. */
  synced(name: N): boolean;
  /** Resolves when all tables are synced at the same time. @throws the signal's reason if that comes first. */
  whenSynced(): Promise<void>;
  /**
   * Called for each change, loading included, after the table has it. After a stream was lost and made again the
   * table is not synced until it is loaded anew; facts that did not come back are then reported as gone.
   */
  onChange<K extends N>(name: K, listener: FactListener<K>): () => void;
  /** Called whenever `synced` of a table changes. */
  onSynced(listener: (name: N, synced: boolean) => void): () => void;
}

export interface FactWriterOptions {
  /** Ends the loading. */
  readonly signal?: AbortSignal;
  /** CloudEvents source; the bus's own by default. */
  readonly source?: string;
  /**
   * The stream was lost and made again: it no longer holds what was set. The writer has forgotten everything, so that
   * setting every fact once more publishes it.
   */
  readonly onLost?: () => void;
}

export interface FactWriteOptions {
  /**
   * What makes it another fact than the last one, where that is not all of the data: what differs in nothing else is not
   * published. All calls for one kind of fact use it, or none.
   */
  readonly identity?: string;
  readonly traceparent?: string;
  readonly signal?: AbortSignal;
}

/**
 * Publishes facts of one kind when they change. Calls for different ids may run at the same time, at most 500 are in
 * flight; those for one id are done one after the other.
 */
export interface FactWriter<N extends StateName> extends AsyncDisposable {
  /** @throws MalformedMessageError, PublishRefusedError, the signal's reason */
  set(id: SubjectToken, data: MessageInput<N>, options?: FactWriteOptions): Promise<'published' | 'unchanged'>;
  /** Whether the last message was set with that identity; then setting it again would publish nothing. */
  holds(id: SubjectToken, identity: string): boolean;
  /** Publishes a tombstone, unless the last message is one. It is purged after 24 h. */
  delete(id: SubjectToken, options?: FactWriteOptions): Promise<'published' | 'unchanged'>;
  /** Ids whose last message is not a tombstone. */
  ids(): IterableIterator<SubjectToken>;
}
