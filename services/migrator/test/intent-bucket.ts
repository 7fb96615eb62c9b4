import { ConflictError, type IntentListener, type IntentStore, type StoredIntent } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import type { Intent } from '@couchestor/shared/messages';
import { intentSchema } from '@couchestor/shared/messages';
import type { SimulatedProcess } from './process.ts';

/** When a request has its effect and when its answer arrives, in milliseconds from now. */
export interface Delay {
  readonly effectMs: number;
  readonly answerMs: number;
  /** What was sent takes effect even if the sender gives up before. */
  readonly sent: boolean;
}

/** The bucket of intents with a bus before it that may be slow, or lose what it was given up on. */
export interface IntentBucket {
  records(): ReadonlyMap<string, StoredIntent>;
  storeOf(process: SimulatedProcess): IntentStore;
}

export function createIntentBucket(options: {
  readonly clock: Clock;
  readonly delay: () => Delay;
  /** Told of each write in the moment in which it takes effect. */
  readonly onWrite: (intent: Intent) => void;
}): IntentBucket {
  const { clock, delay, onWrite } = options;
  const records = new Map<string, StoredIntent>();
  const listeners = new Set<IntentListener>();
  let revision = 0;

  const tell = (volumeId: string): void => {
    for (const listener of listeners) listener(volumeId, records.get(volumeId));
  };
  const put = (intent: Intent, expected: number | undefined): number => {
    const { volumeId } = intent;
    if (records.get(volumeId)?.revision !== expected) throw new ConflictError(volumeId);
    revision += 1;
    records.set(volumeId, { intent: intentSchema.parse(structuredClone(intent)), revision });
    onWrite(intent);
    tell(volumeId);
    return revision;
  };
  const remove = (volumeId: string, expected: number | undefined): void => {
    if (expected !== undefined && records.get(volumeId)?.revision !== expected) throw new ConflictError(volumeId);
    records.delete(volumeId);
    tell(volumeId);
  };

  /** Like the bus it waits for its answer until the signal says no more, whatever the request does meanwhile. */
  const ask = <T>(effect: () => T, signal: AbortSignal | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const { effectMs, answerMs, sent } = delay();
      let answer: () => void = () => undefined;
      const cancelEffect = clock.after(effectMs, () => {
        try {
          const result = effect();
          answer = () => resolve(result);
        } catch (error) {
          answer = () => reject(error);
        }
      });
      const giveUp = (): void => {
        cancelAnswer();
        if (!sent) cancelEffect();
        reject(signal?.reason);
      };
      const cancelAnswer = clock.after(Math.max(effectMs, answerMs), () => {
        signal?.removeEventListener('abort', giveUp);
        answer();
      });
      signal?.addEventListener('abort', giveUp, { once: true });
    });

  return {
    records: () => records,
    storeOf: (process) => ({
      get: (volumeId, signal) => process.call(() => ask(() => records.get(volumeId), signal)),
      create: (intent, signal) => process.call(() => ask(() => put(intent, undefined), signal)),
      update: (intent, expected, signal) => process.call(() => ask(() => put(intent, expected), signal)),
      delete: (volumeId, expected, signal) => process.call(() => ask(() => remove(volumeId, expected), signal)),
      list: (signal) => process.call(() => ask(() => new Map(records), signal)),
      watchAll: ({ signal, onChange }) => {
        for (const [volumeId, record] of records) onChange(volumeId, record);
        const listener: IntentListener = (volumeId, record) => {
          process.clock.after(5, () => onChange(volumeId, record));
        };
        listeners.add(listener);
        const ended = new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            listeners.delete(listener);
            resolve();
          });
        });
        return { synced: Promise.resolve(), ended };
      },
    }),
  };
}
