import { isDeepStrictEqual } from 'node:util';
import type { Bus } from '@couchestor/shared/bus';
import type { MoverObserved } from '@couchestor/shared/messages';
import { HOUR_MS, parseTimestampMs } from '@couchestor/shared/units';
import type { IntentState, MoveStart } from '../core/world.ts';
import type { Observations } from '../ports.ts';
import { readIntent } from '../read-facts.ts';
import { createRefusalRecord } from '../refusal-record.ts';

/** What is decided by of a migrator: not the moves that it has in flight. */
const abilityOf = (mover: MoverObserved | undefined) =>
  mover === undefined ? undefined : { method: mover.method, fleetLimit: mover.fleetLimit };

const names = [
  'policy.observed',
  'volume.observed',
  'pool.observed',
  'node.observed',
  'cluster.observed',
  'mover.observed',
] as const;

export interface BusObservations extends Observations {
  /** What is still being loaded; undefined if nothing is. */
  readonly missing: () => string | undefined;
  /** Resolves when reading has ended with the signal. */
  readonly ended: Promise<void>;
}

/** The facts of the stream and the records of the moves, kept current in memory. */
export async function openObservations(bus: Bus, nowMs: () => number, signal: AbortSignal): Promise<BusObservations> {
  const tables = await bus.openFacts(names, { signal });
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  for (const name of names) if (name !== 'mover.observed') tables.onChange(name, changed);
  tables.onChange('mover.observed', (_instance, next, previous) => {
    if (!isDeepStrictEqual(abilityOf(next?.data), abilityOf(previous?.data))) changed();
  });
  const intents = new Map<string, IntentState>();
  const starts = new Map<string, MoveStart>();
  const refusals = createRefusalRecord();
  let intentsSynced = false;
  const watch = bus.intents.watchAll({
    signal,
    onChange: (volumeId, stored) => {
      const before = intents.get(volumeId);
      if (stored === undefined) {
        intents.delete(volumeId);
      } else {
        const intent = readIntent(stored.intent);
        if (intent.state === 'active') refusals.moved(volumeId);
        // Most steps of a move change nothing that anybody decides by.
        if (isDeepStrictEqual(intent, before)) return;
        intents.set(volumeId, intent);
        // A record is overwritten by the volume's next move, which within the hour would hide this start.
        starts.set(intent.migrationId, intent);
        for (const { migrationId, startedAt } of stored.intent.startsBefore ?? []) {
          starts.set(migrationId, { migrationId, policyId: intent.policyId, startedAtMs: parseTimestampMs(startedAt) });
        }
      }
      changed();
    },
  });
  watch.synced.then(
    () => {
      intentsSynced = true;
      changed();
    },
    () => undefined,
  );

  const hearing = bus.readEvents({
    afterSequence: 'last',
    signal,
    onEvent: async ({ message }) => {
      if (message.name !== 'migration.refused') return;
      refusals.refused(message.data, nowMs());
      changed();
    },
  });

  let completeSinceMs = nowMs();
  tables.onSynced(() => {
    completeSinceMs = nowMs();
    changed();
  });

  const recentStarts = (): readonly MoveStart[] => {
    const sinceMs = nowMs() - HOUR_MS;
    for (const [id, { startedAtMs }] of starts) if (startedAtMs <= sinceMs) starts.delete(id);
    return [...starts.values()].map(({ migrationId, policyId, startedAtMs }) => ({
      migrationId,
      policyId,
      startedAtMs,
    }));
  };
  const missing = (): string | undefined => {
    const unsynced: string[] = names.filter((name) => !tables.synced(name));
    if (!intentsSynced) unsynced.push('intents');
    return unsynced.length === 0 ? undefined : `still loading ${unsynced.join(', ')}`;
  };
  const all = <T>(facts: ReadonlyMap<string, { readonly data: T }>): T[] => [...facts.values()].map(({ data }) => data);
  return {
    missing,
    ended: Promise.all([watch.ended, hearing]).then(() => undefined),
    onChange: (listener) => {
      listeners.add(listener);
    },
    read: () => {
      if (missing() !== undefined) return undefined;
      const [cluster] = all(tables.of('cluster.observed'));
      return {
        completeSinceMs,
        policies: all(tables.of('policy.observed')),
        volumes: tables.of('volume.observed'),
        pools: all(tables.of('pool.observed')),
        nodes: all(tables.of('node.observed')),
        cluster,
        movers: all(tables.of('mover.observed')),
        intents,
        recentStarts: recentStarts(),
        refusals: refusals.read(nowMs()),
      };
    },
  };
}
