import { connectBus, type Bus, type FactTables, type StoredIntent } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import type { DecisionMade, VolumeObserved } from '@couchestor/shared/messages';

/** What anybody can see who listens to CoucheStor's messages: the demo knows no more than its users. */
export interface Observer extends AsyncDisposable {
  volumes(): ReadonlyMap<string, VolumeObserved>;
  decision(volumeId: string): DecisionMade | undefined;
  intents(): ReadonlyMap<string, StoredIntent>;
  /** Moves ended since the start, by outcome. */
  readonly ended: { completed: number; failed: number; aborted: number };
  /** Most moves in flight at one time. */
  readonly activeMax: number;
}

export interface ObserverOptions {
  readonly natsUrl: string;
  readonly clock: Clock;
  readonly onDecision: (decision: DecisionMade) => void;
  readonly onMove: (name: string, data: Readonly<Record<string, unknown>>) => void;
}

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export async function observe({ natsUrl, clock, onDecision, onMove }: ObserverOptions): Promise<Observer> {
  const bus: Bus = await connectBus({ servers: natsUrl, service: 'demo', instance: 'demo', clock, logger: silent });
  const ending = new AbortController();
  await bus.ensureStreams(ending.signal);
  const tables: FactTables<'volume.observed' | 'decision.made'> = await bus.openFacts(
    ['volume.observed', 'decision.made'],
    { signal: ending.signal },
  );
  const intents = new Map<string, StoredIntent>();
  const ended = { completed: 0, failed: 0, aborted: 0 };
  let activeMax = 0;
  const watch = bus.intents.watchAll({
    signal: ending.signal,
    onChange: (volumeId, stored) => {
      if (stored === undefined) intents.delete(volumeId);
      else intents.set(volumeId, stored);
      const active = [...intents.values()].filter(({ intent }) => intent.state === 'active').length;
      activeMax = Math.max(activeMax, active);
    },
  });
  tables.onChange('decision.made', (_, next) => {
    if (next !== undefined) onDecision(next.data);
  });
  const events = bus.readEvents({
    afterSequence: 0,
    signal: ending.signal,
    onEvent: ({ message }) => {
      if (message.name === 'migration.completed') ended.completed += 1;
      if (message.name === 'migration.failed') ended.failed += 1;
      if (message.name === 'migration.aborted') ended.aborted += 1;
      onMove(message.name, message.data);
      return Promise.resolve();
    },
  });
  return {
    volumes: () => new Map([...tables.of('volume.observed')].map(([id, fact]) => [id, fact.data])),
    decision: (volumeId) => tables.of('decision.made').get(volumeId)?.data,
    intents: () => intents,
    ended,
    get activeMax() {
      return activeMax;
    },
    [Symbol.asyncDispose]: async () => {
      ending.abort(new Error('the demo ends'));
      await Promise.all([events, watch.ended]);
      await bus[Symbol.asyncDispose]();
    },
  };
}
