import { expect, it } from 'vitest';
import { subjectToken, type VolumeObserved } from '../messages/index.ts';
import { sampleOf, startTestBed } from './fixtures/test-bed.ts';

const COUNT = 30_000;
/**
 * It costs 15 and 40; what would not scale costs many times as much. Time of the processor, because the wall clock belongs
 * to others too, and enough of it for a processor that is several times slower.
 */
const LOAD_MICROSECONDS_MAX = 250;
const LOAD_BYTES_MAX = 4 * 1024;
const sample = sampleOf('volume.observed');
const volume = (index: number): VolumeObserved => ({
  ...sample,
  volumeId: `v${index}`,
  replicas: sample.replicas.map((replica, number) => ({ ...replica, replicaId: `v${index}-r${number}` })),
});

function microsecondsSince(begun: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / COUNT;
}

it('facts are loaded at a cost that lets 100,000 of them load in seconds', { timeout: 180_000 }, async () => {
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

  let begun = process.cpuUsage();
  const second = await open();
  expect(microsecondsSince(begun)).toBeLessThan(LOAD_MICROSECONDS_MAX);
  expect(await setAll(second)).toEqual(new Set(['unchanged']));
  await second[Symbol.asyncDispose]();

  begun = process.cpuUsage();
  const heapBefore = process.memoryUsage().heapUsed;
  const tables = await bus.openFacts(['volume.observed'], { signal: ending.signal });
  await tables.whenSynced();
  expect(microsecondsSince(begun)).toBeLessThan(LOAD_MICROSECONDS_MAX);
  expect(tables.of('volume.observed').size).toBe(COUNT);
  expect((process.memoryUsage().heapUsed - heapBefore) / COUNT).toBeLessThan(LOAD_BYTES_MAX);
  ending.abort();
});
