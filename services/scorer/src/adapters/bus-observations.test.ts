import type { Bus, Fact, FactListener, IntentListener } from '@couchestor/shared/bus';
import type { ActiveIntent, MoverObserved, StateName } from '@couchestor/shared/messages';
import { expect, onTestFinished, test } from 'vitest';
import { openObservations } from './bus-observations.ts';

const NOW_MS = Date.parse('2026-06-15T12:00:00.000Z');

/** What is read over a bus that the test speaks through. */
async function listen() {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const listeners = new Map<StateName, FactListener<StateName>>();
  const state = { tellIntent: undefined as IntentListener | undefined, changes: 0 };
  const tables: Partial<Awaited<ReturnType<Bus['openFacts']>>> = {
    of: () => new Map(),
    synced: () => true,
    onChange: (name, listener) => {
      listeners.set(name, listener);
      return () => undefined;
    },
    onSynced: () => () => undefined,
  };
  const bus = {
    openFacts: () => Promise.resolve(tables),
    intents: {
      watchAll: ({ onChange }: { readonly onChange: IntentListener }) => {
        state.tellIntent = onChange;
        return { synced: new Promise(() => undefined), ended: Promise.resolve() };
      },
    },
    readEvents: () => Promise.resolve(),
  } as unknown as Bus;
  const observations = await openObservations(bus, () => NOW_MS, stop.signal);
  observations.onChange(() => {
    state.changes += 1;
  });
  let revision = 0;
  return {
    store: (intent: ActiveIntent): number => {
      const before = state.changes;
      state.tellIntent?.(intent.volumeId, { intent, revision: (revision += 1) });
      return state.changes - before;
    },
    forget: (volumeId: string): number => {
      const before = state.changes;
      state.tellIntent?.(volumeId, undefined);
      return state.changes - before;
    },
    move: (next: MoverObserved | undefined, previous: MoverObserved | undefined): number => {
      const before = state.changes;
      const fact = (data: MoverObserved | undefined) =>
        data === undefined ? undefined : ({ data, sequence: 1, timeMs: NOW_MS } as Fact<StateName>);
      listeners.get('mover.observed')?.('migrator-1', fact(next), fact(previous));
      return state.changes - before;
    },
  };
}

const anIntent: ActiveIntent = {
  state: 'active',
  migrationId: 'm1',
  proposalId: 'p1',
  attempt: 0,
  volumeId: 'v',
  volumeName: 'pvc-v',
  policyId: 'policy',
  policyName: 'tiering',
  policyGeneration: 1,
  fromTier: 'cold',
  toTier: 'hot',
  startedAt: new Date(NOW_MS).toISOString(),
  seenIds: [],
  failuresInRow: 0,
  outbox: [],
  replicas: [],
  replicaCount: 1,
  sizeBytes: 1,
  syncTimeoutMs: 1,
  allowSnapshots: false,
  allowReducedRedundancy: false,
  maxPoolUsedPercent: 85,
  limits: { policy: 2, perPool: 1, perNode: 1 },
  targetPools: ['hot-n1', 'hot-n2'],
  replicasMoved: 0,
  roundsStarted: 0,
  owner: 'migrator-1',
  ownerToken: 1,
};
const round = {
  number: 1,
  startedAt: anIntent.startedAt,
  replicasBefore: [{ replicaId: 'r', pool: 'cold-n1', node: 'n1' }],
  sourceReplicaId: 'r',
  targetPool: 'hot-n2',
  targetNode: 'n2',
  growths: 0,
  shrinks: 0,
};

test('news only of the steps of a move that somebody decides by: its pool, what it waits for, its end', async () => {
  const { store, forget } = await listen();
  expect(store(anIntent)).toBe(1);
  expect(store({ ...anIntent, roundsStarted: 1, round })).toBe(1);
  expect(store({ ...anIntent, roundsStarted: 1, round: { ...round, growths: 1 } })).toBe(0);
  expect(store({ ...anIntent, roundsStarted: 1, round: { ...round, newReplicaId: 'n' }, ownerToken: 2 })).toBe(0);
  const attention = { reason: 'TimedOut', message: 'somebody should look', since: anIntent.startedAt };
  expect(store({ ...anIntent, round, attention })).toBe(1);
  expect(forget('v')).toBe(1);
});

test('news of a migrator only when it can do something else than before', async () => {
  const { move } = await listen();
  const mover: MoverObserved = {
    instance: 'migrator-1',
    version: '1',
    method: 'undetermined',
    fleetLimit: 4,
    activeMigrations: 0,
    cordonedPools: [],
    cordonedNodes: [],
  };
  expect(move(mover, undefined)).toBe(1);
  expect(move({ ...mover, method: 'poolCordon' }, mover)).toBe(1);
  expect(move({ ...mover, activeMigrations: 1, cordonedPools: ['hot-n1'] }, mover)).toBe(0);
  expect(move({ ...mover, fleetLimit: 8 }, mover)).toBe(1);
  expect(move(undefined, mover)).toBe(1);
});
