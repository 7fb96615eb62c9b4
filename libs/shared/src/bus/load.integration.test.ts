import { expect, it } from 'vitest';
import { subjectToken, type VolumeObserved } from '../messages/index.ts';
import { MIB } from '../units/index.ts';
import { eventually } from './fixtures/eventually.ts';
import { sampleOf, startTestBed } from './fixtures/test-bed.ts';

const COUNT = 100_000;
const sample = sampleOf('volume.observed');
const volume = (index: number): VolumeObserved => ({
  ...sample,
  volumeId: `v${index}`,
  replicas: sample.replicas.map((replica, number) => ({ ...replica, replicaId: `v${index}-r${number}` })),
});

it('100,000 facts are published, compared and loaded in seconds', { timeout: 180_000 }, async () => {
  await using bed = await startTestBed();
  const bus = await bed.bus();
  await bus.ensureStreams();
  const ending = new AbortController();
  const setAll = async (writer: Awaited<ReturnType<typeof open>>): Promise<Set<string>> => {
    const outcomes = new Set<string>();
    for (let start = 0; start < COUNT; start += 5_000) {
      const batch = Array.from({ length: 5_000 }, (_, offset) => start + offset);
      const results = await Promise.all(batch.map((index) => writer.set(subjectToken(`v${index}`), volume(index))));
      for (const result of results) outcomes.add(result);
    }
    return outcomes;
  };
  const open = () => bus.openFactWriter('volume.observed', {});
  const first = await open();
  expect(await setAll(first)).toEqual(new Set(['published']));
  await first[Symbol.asyncDispose]();

  let begunMs = performance.now();
  const second = await open();
  expect(performance.now() - begunMs).toBeLessThan(15_000);
  expect(await setAll(second)).toEqual(new Set(['unchanged']));
  await second[Symbol.asyncDispose]();

  begunMs = performance.now();
  const heapBefore = process.memoryUsage().heapUsed;
  const tables = await bus.openFacts(['volume.observed'], { signal: ending.signal });
  await tables.whenSynced();
  expect(performance.now() - begunMs).toBeLessThan(30_000);
  await eventually(() => expect(tables.of('volume.observed').size).toBe(COUNT));
  expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(512 * MIB);
  ending.abort();
});
