import type { Fact, FactListener, FactTables, FactWriter, FactWriterOptions } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import type { Message, MessageData, StateName, SubjectToken } from '@couchestor/shared/messages';
import type { Network } from '../world/network.ts';
import type { SimulatedProcess } from '../world/process.ts';
import type { Carry } from './carried.ts';

/** The stream of what is true now: the last message of each subject, and who follows it. */
export interface StateStream {
  /** Facts as they are stored, by id. */
  stored<N extends StateName>(name: N): ReadonlyMap<string, MessageData<N>>;
  /** Everything that was stored, in its order; `lost` where the stream was. */
  readonly log: readonly (FactNews | 'lost')[];
  readonly held: (name: StateName) => readonly Stored[];
  put(name: StateName, id: SubjectToken, message: Message | undefined, digest: string): void;
  /** Messages ever stored. */
  readonly writes: number;
  openFacts<N extends StateName>(
    process: SimulatedProcess,
    names: readonly N[],
    signal: AbortSignal,
  ): Promise<FactTables<N>>;
  followFacts<N extends StateName>(
    process: SimulatedProcess,
    name: N,
    onChange: (id: string, next: Fact<N> | undefined) => void,
    signal: AbortSignal,
  ): Promise<void>;
  openFactWriter<N extends StateName>(
    process: SimulatedProcess,
    name: N,
    options: FactWriterOptions,
  ): Promise<FactWriter<N>>;
  /** The stream is gone with all that it held, and made again. */
  lose(): void;
}

interface FactNews {
  readonly name: StateName;
  readonly id: SubjectToken;
  readonly message: Message | undefined;
  /** When it was said, for all who hear it; 0 of a tombstone. */
  readonly timeMs: number;
  readonly digest: string;
}

interface Stored {
  readonly id: SubjectToken;
  /** Undefined for a tombstone. */
  readonly message: Message | undefined;
  readonly timeMs: number;
  readonly digest: string;
  readonly sequence: number;
}

interface Follower {
  readonly name: StateName;
  onStored(stored: Stored): void;
  onLost(): void;
}

const TOMBSTONE = 'tombstone';

export function createStateStream(options: {
  readonly clock: Clock;
  readonly network: Network;
  readonly carry: Carry;
}): StateStream {
  const { clock, network, carry } = options;
  const kinds = new Map<StateName, Map<string, Stored>>();
  const followers = new Set<Follower>();
  const log: (FactNews | 'lost')[] = [];
  let sequence = 0;
  let writes = 0;

  const kindOf = (name: StateName): Map<string, Stored> => {
    let kind = kinds.get(name);
    if (kind === undefined) kinds.set(name, (kind = new Map()));
    return kind;
  };
  const store = (name: StateName, id: SubjectToken, message: Message | undefined, digest: string): Stored => {
    sequence += 1;
    writes += 1;
    const timeMs = message === undefined ? 0 : Date.parse(message.time);
    const stored = { id, message, timeMs, digest, sequence };
    kindOf(name).set(id, stored);
    log.push({ name, id, message, timeMs, digest });
    for (const follower of followers) if (follower.name === name) follower.onStored(stored);
    return stored;
  };

  const follow = (
    process: SimulatedProcess,
    name: StateName,
    signal: AbortSignal,
    reader: {
      onStored(stored: Stored): void;
      /** From here on the stream is another one. */
      onRestarted(): void;
      onCaughtUp(): void;
    },
  ): void => {
    const channel = network.channel(process, `facts ${name}`);
    const guarded = (run: () => void): void => {
      if (process.isDead) return void followers.delete(follower);
      channel.send(() => {
        if (!signal.aborted) run();
      });
    };
    const follower: Follower = {
      name,
      onStored: (stored) => guarded(() => reader.onStored(stored)),
      onLost: () => {
        guarded(() => reader.onRestarted());
        // What is published in the meantime comes between.
        clock.after(500, () => guarded(() => reader.onCaughtUp()));
      },
    };
    guarded(() => {
      // Read when the reader comes to it, in one go with what follows.
      for (const stored of kindOf(name).values()) reader.onStored(stored);
      followers.add(follower);
      reader.onCaughtUp();
    });
    signal.addEventListener('abort', () => followers.delete(follower), { once: true });
  };

  const openFacts = async <N extends StateName>(
    process: SimulatedProcess,
    names: readonly N[],
    signal: AbortSignal,
  ): Promise<FactTables<N>> => {
    const tables = new Map<StateName, Map<string, Fact<StateName>>>();
    const synced = new Set<StateName>();
    const listeners = new Map<StateName, Set<FactListener<StateName>>>();
    const syncListeners = new Set<(name: N, synced: boolean) => void>();
    let waiting: (() => void)[] = [];
    const setSynced = (name: N, isSynced: boolean): void => {
      if (synced.has(name) === isSynced) return;
      if (isSynced) synced.add(name);
      else synced.delete(name);
      for (const listener of syncListeners) listener(name, isSynced);
      if (synced.size < names.length) return;
      const wake = waiting;
      waiting = [];
      for (const resolve of wake) resolve();
    };
    for (const name of names) {
      const table = new Map<string, Fact<StateName>>();
      const told = new Set<FactListener<StateName>>();
      let unconfirmed: Set<string> | undefined;
      tables.set(name, table);
      listeners.set(name, told);
      const set = (id: string, next: Fact<StateName> | undefined): void => {
        unconfirmed?.delete(id);
        const previous = table.get(id);
        if (next === undefined && previous === undefined) return;
        if (next === undefined) table.delete(id);
        else table.set(id, next);
        for (const listener of told) listener(id, next, previous);
      };
      follow(process, name, signal, {
        onStored: ({ id, message, timeMs, sequence: at }) =>
          set(
            id,
            message === undefined
              ? undefined
              : {
                  data: message.data as Fact<StateName>['data'],
                  sequence: at,
                  timeMs,
                  ...(message.traceparent === undefined ? {} : { traceparent: message.traceparent }),
                },
          ),
        onRestarted: () => {
          setSynced(name, false);
          unconfirmed = new Set(table.keys());
        },
        onCaughtUp: () => {
          const gone = unconfirmed ?? [];
          unconfirmed = undefined;
          for (const id of gone) set(id, undefined);
          setSynced(name, true);
        },
      });
    }
    await process.running();
    return {
      of: (name) => tables.get(name) as never,
      synced: (name) => synced.has(name),
      whenSynced: () =>
        new Promise((resolve, reject) => {
          if (signal.aborted) return reject(signal.reason);
          if (synced.size === names.length) return resolve();
          waiting.push(resolve);
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        }),
      onChange: (name, listener) => {
        const told = listeners.get(name);
        told?.add(listener);
        return () => told?.delete(listener);
      },
      onSynced: (listener) => {
        syncListeners.add(listener);
        return () => syncListeners.delete(listener);
      },
    };
  };

  const openFactWriter = async <N extends StateName>(
    process: SimulatedProcess,
    name: N,
    { signal, source = process.name, onLost }: FactWriterOptions,
  ): Promise<FactWriter<N>> => {
    const closing = new AbortController();
    const entries = new Map<SubjectToken, { readonly digest: string; readonly sequence: number }>();
    const turns = new Map<SubjectToken, Promise<unknown>>();
    const loaded = Promise.withResolvers<void>();
    let generation = 0;
    let messages = 0;
    const note = ({ id, digest, sequence: at }: Stored): void => {
      if ((entries.get(id)?.sequence ?? 0) < at) entries.set(id, { digest, sequence: at });
    };
    follow(process, name, closing.signal, {
      onStored: note,
      onRestarted: () => {
        generation += 1;
        entries.clear();
        onLost?.();
      },
      onCaughtUp: () => loaded.resolve(),
    });
    const inTurn = async <T>(id: SubjectToken, write: () => Promise<T>): Promise<T> => {
      const turn = (turns.get(id) ?? Promise.resolve()).then(write, write);
      turns.set(id, turn);
      try {
        return await turn;
      } finally {
        if (turns.get(id) === turn) turns.delete(id);
      }
    };
    const send = async (
      id: SubjectToken,
      digest: string,
      messageOf: () => Message | undefined,
      writeSignal: AbortSignal | undefined,
    ): Promise<'published'> => {
      const sentIn = generation;
      const message = messageOf();
      const stored = await network.ask(
        process,
        `publish ${name}`,
        () => store(name, id, message, digest),
        writeSignal ?? closing.signal,
      );
      if (sentIn === generation) note(stored);
      return 'published';
    };
    const writer: FactWriter<N> = {
      set: async (id, data, { identity, traceparent, signal: writeSignal } = {}) => {
        const digest = identity ?? JSON.stringify(data);
        if (!turns.has(id) && entries.get(id)?.digest === digest) return 'unchanged';
        return inTurn(id, async () => {
          if (entries.get(id)?.digest === digest) return 'unchanged';
          messages += 1;
          const head = {
            id: `${process.name}-${name}-${messages}`,
            source,
            timeMs: process.clock.nowMs(),
            ...(traceparent === undefined ? {} : { traceparent }),
          };
          return send(id, digest, () => carry(name, id, head, data as MessageData<N>), writeSignal);
        });
      },
      holds: (id, identity) => !turns.has(id) && entries.get(id)?.digest === identity,
      delete: (id, { signal: writeSignal } = {}) =>
        inTurn(id, async () => {
          const last = entries.get(id);
          if (last === undefined || last.digest === TOMBSTONE) return 'unchanged';
          return send(id, TOMBSTONE, () => undefined, writeSignal);
        }),
      ids: function* () {
        for (const [id, entry] of entries) if (entry.digest !== TOMBSTONE) yield id;
      },
      [Symbol.asyncDispose]: async () => {
        closing.abort(new Error('the writer is closed'));
        await Promise.allSettled(turns.values());
      },
    };
    signal?.addEventListener('abort', () => loaded.reject(signal.reason), { once: true });
    await loaded.promise;
    return writer;
  };

  return {
    stored: <N extends StateName>(name: N) => {
      const facts = new Map<string, MessageData<N>>();
      for (const { id, message } of kindOf(name).values()) {
        if (message !== undefined) facts.set(id, message.data as MessageData<N>);
      }
      return facts;
    },
    log,
    held: (name) => [...kindOf(name).values()],
    put: (name, id, message, digest) => void store(name, id, message, digest),
    get writes() {
      return writes;
    },
    openFacts,
    followFacts: async (process, name, onChange, signal) => {
      const tables = await openFacts(process, [name], signal);
      tables.onChange(name, (id, next) => onChange(id, next));
      await tables.whenSynced();
    },
    openFactWriter,
    lose: () => {
      kinds.clear();
      log.push('lost');
      for (const follower of followers) follower.onLost();
    },
  };
}
