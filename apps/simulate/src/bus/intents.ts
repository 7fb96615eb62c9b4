import { ConflictError, type IntentListener, type IntentStore, type StoredIntent } from '@couchestor/shared/bus';
import type { Intent } from '@couchestor/shared/messages';
import { intentSchema } from '@couchestor/shared/messages';
import type { Network } from '../world/network.ts';
import type { SimulatedProcess } from '../world/process.ts';

/** The bucket of intents. */
export interface IntentBucket {
  readonly records: ReadonlyMap<string, StoredIntent>;
  /** Every change of a record, in the order in which they were stored. */
  readonly log: readonly { readonly volumeId: string; readonly record: StoredIntent | undefined }[];
  /** Stores it now. @throws ConflictError */
  readonly put: (intent: Intent, expected: number | undefined, writer: SimulatedProcess) => number;
  readonly remove: (volumeId: string, expected: number | undefined) => void;
  storeOf(process: SimulatedProcess): IntentStore;
}

export function createIntentBucket(options: {
  readonly network: Network;
  /** Whether what is stored goes through its schema. */
  readonly throughSchema: boolean;
  /** Told of each write in the moment in which it takes effect. */
  readonly onWrite: (next: Intent, previous: Intent | undefined, writer: SimulatedProcess) => void;
}): IntentBucket {
  const { network, onWrite, throughSchema } = options;
  const records = new Map<string, StoredIntent>();
  const watchers = new Set<(volumeId: string, record: StoredIntent | undefined) => void>();
  const log: { readonly volumeId: string; readonly record: StoredIntent | undefined }[] = [];
  let revision = 0;

  const tell = (volumeId: string): void => {
    log.push({ volumeId, record: records.get(volumeId) });
    for (const watcher of watchers) watcher(volumeId, records.get(volumeId));
  };
  const put = (intent: Intent, expected: number | undefined, writer: SimulatedProcess): number => {
    const { volumeId } = intent;
    const before = records.get(volumeId);
    if (before?.revision !== expected) throw new ConflictError(volumeId);
    revision += 1;
    records.set(volumeId, { intent, revision });
    onWrite(intent, before?.intent, writer);
    tell(volumeId);
    return revision;
  };
  const remove = (volumeId: string, expected: number | undefined): void => {
    if (expected !== undefined && records.get(volumeId)?.revision !== expected) throw new ConflictError(volumeId);
    records.delete(volumeId);
    tell(volumeId);
  };
  const carried = (intent: Intent): Intent =>
    throughSchema ? intentSchema.parse(JSON.parse(JSON.stringify(intent))) : intent;

  return {
    records,
    log,
    put,
    remove,
    storeOf: (process) => ({
      get: (volumeId, signal) => network.ask(process, 'get intent', () => records.get(volumeId), signal),
      create: (intent, signal) => {
        const sent = carried(intent);
        return network.ask(process, 'create intent', () => put(sent, undefined, process), signal);
      },
      update: (intent, expected, signal) => {
        const sent = carried(intent);
        return network.ask(process, 'update intent', () => put(sent, expected, process), signal);
      },
      delete: (volumeId, expected, signal) =>
        network.ask(process, 'delete intent', () => remove(volumeId, expected), signal),
      list: (signal) => network.ask(process, 'list intents', () => new Map(records), signal),
      watchAll: ({ signal, onChange }) => {
        const channel = network.channel(process, 'intents');
        const synced = Promise.withResolvers<void>();
        synced.promise.catch(() => undefined);
        const listener: IntentListener = (volumeId, record) => {
          if (process.isDead) return void watchers.delete(listener);
          channel.send(() => {
            if (!signal.aborted) onChange(volumeId, record);
          });
        };
        channel.send(() => {
          if (signal.aborted) return;
          for (const [volumeId, record] of records) onChange(volumeId, record);
          watchers.add(listener);
          synced.resolve();
        });
        const ended = new Promise<void>((resolve) => {
          const end = (): void => {
            watchers.delete(listener);
            synced.reject(signal.reason);
            resolve();
          };
          if (signal.aborted) end();
          else signal.addEventListener('abort', end, { once: true });
        });
        return { synced: synced.promise, ended };
      },
    }),
  };
}
