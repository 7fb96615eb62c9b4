import { createVirtualClock } from '@couchestor/shared/clock';
import { describe, expect, onTestFinished, test } from 'vitest';
import { aDiskPool, aPersistentVolume, aPolicySpec, aVolume, NOW_MS, noMeasures } from '../../test/builders.ts';
import type { VolumeReading } from '../core/objects.ts';
import type { LastDecision, VolumeView } from '../core/volume-view.ts';
import { World } from '../core/world.ts';
import type { WriteOutcome } from '../ports.ts';
import { VolumeViewKeeper } from './keep-volume-views.ts';

const written: WriteOutcome = { kind: 'written', resourceVersion: '' };
const decision: LastDecision = {
  atMs: NOW_MS,
  action: 'move',
  reason: 'AboveHighWatermark',
  tierWanted: 'hot',
  score: { kind: 'value', iops: 6000, coverage: 1 },
};

/** A world of one policy with the pools nvme-a and sata-a, and a Kubernetes that holds what was written. */
function start({ held = [], writesPerSecond = 1_000 }: { held?: readonly string[]; writesPerSecond?: number } = {}) {
  const clock = createVirtualClock(NOW_MS);
  const stopping = new AbortController();
  const stored = new Map<string, VolumeView | 'former'>(held.map((volumeId) => [volumeId, 'former']));
  const writes: string[] = [];
  const lines: string[] = [];
  const line = (_fields: object, message: string): unknown => lines.push(message);
  const nothing = (): void => undefined;
  let answer: WriteOutcome | Error = written;
  let listing: Error | undefined;
  let decide: (volumeId: string, decision: LastDecision | undefined) => void = nothing;

  const world = new World({
    policyFact: nothing,
    volumeFact: nothing,
    rebuild: (volumeId) => keeper.note(volumeId),
    poolFact: nothing,
    nodeFact: nothing,
    clusterFact: nothing,
    policyStatus: nothing,
    work: nothing,
  });
  const digest = (view: VolumeView | 'former'): string => JSON.stringify(view);
  const settle = (volumeId: string, view: VolumeView | null): WriteOutcome => {
    writes.push(`${view === null ? 'remove' : 'write'} ${volumeId}`);
    if (answer instanceof Error) throw answer;
    if (answer.kind !== 'written') return answer;
    if (view === null) stored.delete(volumeId);
    else stored.set(volumeId, view);
    return answer;
  };
  const keeper = new VolumeViewKeeper({
    world,
    sink: {
      held: async function* () {
        if (listing !== undefined) throw listing;
        yield [...stored].map(([volumeId, view]) => [volumeId, digest(view)] as const);
      },
      digest,
      write: async (view) => settle(view.volumeId, view),
      remove: async (volumeId) => settle(volumeId, null),
    },
    messages: {
      watchDecisions: async (onChange) => {
        decide = onChange;
      },
    },
    clock,
    log: { debug: line, info: line, warn: line, error: line },
    measures: noMeasures,
    writesPerSecond,
  });
  const count = (): void => {
    while (world.hasWork) for (const volumeId of world.work(2)) keeper.note(volumeId);
    keeper.wake();
  };
  /** A pass of Mayastor's volumes, and the time that writes take. */
  const pass = async (volumes: readonly VolumeReading[], rebuilds = {}): Promise<void> => {
    world.beginPass();
    for (const reading of volumes) {
      const shown = Object.entries(rebuilds).filter(([id]) => id.startsWith(reading.volumeId));
      world.setVolume(shown.length === 0 ? { reading } : { reading, rebuilds: Object.fromEntries(shown) as never });
    }
    world.endPass();
    count();
    await clock.advance(1_000);
  };
  world.setPolicy(
    {
      policyId: 'policy-a-uid',
      name: 'policy-a',
      resourceVersion: '1',
      generation: 1,
      createdAt: '2026-10-01T12:00:00Z',
      createdAtMs: NOW_MS,
      spec: aPolicySpec(),
      status: undefined,
    },
    undefined,
  );
  for (const tier of ['nvme', 'sata']) world.setDiskPool(aDiskPool(`${tier}-a`, { tier }), undefined);
  const running = keeper.run(stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  onTestFinished(async () => {
    stopping.abort(new Error('enough'));
    await running;
  });
  return {
    clock,
    world,
    keeper,
    stored,
    writes,
    lines,
    count,
    pass,
    decide: (volumeId: string, made: LastDecision | undefined) => decide(volumeId, made),
    answer: (next: WriteOutcome | Error) => {
      answer = next;
    },
    failListing: (error: Error | undefined) => {
      listing = error;
    },
  };
}

const anyVolume = (volumeId: string, changes: Partial<VolumeReading> = {}): VolumeReading =>
  aVolume(volumeId, ['nvme-a', 'sata-a'], changes);

describe('VolumeViewKeeper', () => {
  test('shows each volume once, with tier, replicas and what was decided, and then rests', async () => {
    const { world, pass, decide, stored, writes } = start();
    world.setPersistentVolume(aPersistentVolume('a'), undefined);
    decide('a', decision);
    await pass([anyVolume('a'), anyVolume('b')]);
    expect(stored.get('a')).toMatchObject({
      persistentVolume: 'pvc-a',
      policy: 'policy-a',
      tier: 'mixed',
      replicas: [
        { pool: 'nvme-a', tier: 'hot', state: 'Online' },
        { pool: 'sata-a', tier: 'cold', state: 'Online' },
      ],
      decision,
    });
    expect(stored.get('b')).toMatchObject({ persistentVolume: undefined, tier: undefined, decision: undefined });
    for (let passes = 0; passes < 3; passes += 1) await pass([anyVolume('a'), anyVolume('b')]);
    expect(writes.toSorted()).toEqual(['write a', 'write b']);
  });

  test('writes what has become another: state, decision, the tier of a pool', async () => {
    const { clock, world, pass, decide, count, stored, writes } = start();
    world.setPersistentVolume(aPersistentVolume('a'), undefined);
    await pass([anyVolume('a')]);
    await pass([anyVolume('a', { status: 'Degraded' })]);
    decide('a', decision);
    await clock.advance(1_000);
    // Both replicas are on the cold tier now, which no reading of Mayastor shows.
    world.setDiskPool(aDiskPool('nvme-a', { tier: 'sata' }), aDiskPool('nvme-a', { tier: 'nvme' }));
    count();
    await clock.advance(1_000);
    expect(stored.get('a')).toMatchObject({
      state: 'Degraded',
      tier: 'cold',
      decision,
      replicas: [{ tier: 'cold' }, {}],
    });
    expect(writes).toHaveLength(4);
  });

  test('shows how far a replica is filled in steps of 5 %', async () => {
    const { pass, stored, writes } = start();
    for (let percent = 0; percent < 100; percent += 1) await pass([anyVolume('a')], { 'a-nvme-a': percent });
    expect(stored.get('a')).toMatchObject({ replicas: [{ rebuildPercent: 95 }, { rebuildPercent: undefined }] });
    expect(writes).toHaveLength(20);
    await pass([anyVolume('a')]);
    expect(stored.get('a')).toMatchObject({ replicas: [{ rebuildPercent: undefined }, {}] });
  });

  test('removes what two passes did not show, also what a former watcher had left', async () => {
    const { clock, pass, stored, writes } = start({ held: ['ghost', 'a'] });
    await clock.advance(0);
    await pass([anyVolume('a'), anyVolume('b')]);
    expect([...stored.keys()]).toEqual(['ghost', 'a', 'b']);
    await pass([anyVolume('a')]);
    expect([...stored.keys()]).toEqual(['a', 'b']);
    await pass([anyVolume('a')]);
    expect([...stored.keys()]).toEqual(['a']);
    expect(writes.toSorted()).toEqual(['remove b', 'remove ghost', 'write a', 'write b']);
  });

  test('writes nothing again that a former watcher has written', async () => {
    const { world, pass, stored, writes } = start();
    world.setPersistentVolume(aPersistentVolume('a'), undefined);
    await pass([anyVolume('a')]);
    const view = stored.get('a');
    const second = start();
    second.stored.set('a', view ?? 'former');
    second.world.setPersistentVolume(aPersistentVolume('a'), undefined);
    await second.pass([anyVolume('a')]);
    expect(writes).toEqual(['write a']);
    expect(second.writes).toEqual([]);
  });

  test('says and removes nothing before Mayastor was read whole', async () => {
    const { clock, world, count, writes } = start({ held: ['a', 'b'] });
    await clock.advance(1_000);
    world.beginPass();
    world.setVolume({ reading: anyVolume('a') });
    count();
    await clock.advance(60_000);
    expect(writes).toEqual([]);
    world.endPass();
    count();
    await clock.advance(1_000);
    expect(writes).toEqual(['write a']);
  });

  test('says nothing of a volume that is to be counted anew', async () => {
    const { clock, world, pass, decide, count, stored, writes } = start();
    const persistentVolume = aPersistentVolume('a');
    world.setPersistentVolume(persistentVolume, undefined);
    await pass([anyVolume('a')]);
    // It belongs to another StorageClass now, and with that to no policy.
    world.setPersistentVolume(aPersistentVolume('a', { storageClassName: 'other' }), persistentVolume);
    decide('a', decision);
    await clock.advance(60_000);
    expect(writes).toEqual(['write a']);
    count();
    await clock.advance(1_000);
    expect(stored.get('a')).toMatchObject({ policy: undefined, tier: undefined, decision });
    expect(writes).toEqual(['write a', 'write a']);
  });

  test('keeps its pace, and leaves out what was overtaken meanwhile', async () => {
    const { clock, pass, decide, writes } = start({ writesPerSecond: 2 });
    const volumes = ['a', 'b', 'c', 'd', 'e', 'f'].map((volumeId) => anyVolume(volumeId));
    await pass(volumes);
    expect(writes.length).toBeLessThan(4);
    for (const iops of [1, 2, 3]) decide('f', { ...decision, score: { kind: 'value', iops, coverage: 1 } });
    for (let steps = 0; steps < 20; steps += 1) await clock.advance(500);
    expect(writes).toHaveLength(6);
  });

  test('tries on while the API server is away, and says so once', async () => {
    const { clock, pass, answer, stored, lines } = start();
    answer(new Error('503'));
    await pass([anyVolume('a'), anyVolume('b')]);
    await clock.advance(5_000);
    expect(lines).toEqual(['MayastorVolumes are not kept for now, trying on']);
    answer(written);
    await clock.advance(5_000);
    expect([...stored.keys()].toSorted()).toEqual(['a', 'b']);
    expect(lines.at(-1)).toBe('MayastorVolumes are kept again');
  });

  test('lets others go on while one is refused, and tries that again after a while', async () => {
    const { clock, pass, answer, stored, writes } = start();
    answer({ kind: 'refused', problem: 'forbidden' });
    await pass([anyVolume('a')]);
    answer(written);
    await pass([anyVolume('a'), anyVolume('b')]);
    expect([...stored.keys()]).toEqual(['b']);
    await clock.advance(60_000);
    expect([...stored.keys()]).toEqual(['b', 'a']);
    expect(writes).toEqual(['write a', 'write b', 'write a']);
  });

  test('waits for a definition that is not installed yet', async () => {
    const { clock, pass, failListing, stored, lines } = start({ held: ['ghost'] });
    failListing(new Error('404'));
    await pass([anyVolume('a')]);
    await clock.advance(6_000);
    expect(lines).toEqual(['MayastorVolumes are not kept for now, trying on']);
    failListing(undefined);
    await clock.advance(8_000);
    for (let passes = 0; passes < 2; passes += 1) await pass([anyVolume('a')]);
    expect([...stored.keys()]).toEqual(['a']);
    expect(lines).toHaveLength(2);
  });
});
