import type { Bus, FactWriter } from '@couchestor/shared/bus';
import { createVirtualClock } from '@couchestor/shared/clock';
import { expect, test } from 'vitest';
import { aPolicy, aVolume, outcomeOf } from '../../test/worlds.ts';
import type { Decision } from '../core/decision.ts';
import { createAnnouncements } from './bus-announcements.ts';

/** A bus that holds what was published last, by what makes it another fact. */
function bench() {
  const published: string[] = [];
  const held = new Map<string, string | undefined>();
  const writer: FactWriter<'decision.made'> = {
    set: async (id, _data, { identity } = {}) => {
      if (held.get(id) === identity) return 'unchanged';
      held.set(id, identity);
      published.push(id);
      return 'published';
    },
    holds: (id, identity) => held.get(id) === identity,
    delete: async (id) => (held.delete(id) ? 'published' : 'unchanged'),
    ids: () => [][Symbol.iterator](),
    [Symbol.asyncDispose]: async () => undefined,
  };
  const bus: Partial<Bus> = { openFactWriter: (async () => writer) as unknown as Bus['openFactWriter'] };
  const announcements = createAnnouncements(bus as Bus, createVirtualClock(), async () => undefined);
  return {
    held,
    /** The volumes on which something was published. */
    write: async (decisions: readonly Decision[]): Promise<string[]> => {
      await announcements.decisions(decisions, () => '', new AbortController().signal);
      return published.splice(0);
    },
  };
}

const decisionsOf = (iops: number, stored: Readonly<Record<string, unknown>> = {}): readonly Decision[] =>
  outcomeOf([aVolume('a', ['cold-1']), aVolume('b', ['cold-2'])], aPolicy({ a: iops, b: 0 }, stored)).decisions;

test('a decision is published when it is another one, and not when only its numbers and its sentence are', async () => {
  const { write } = bench();
  expect(await write(decisionsOf(50))).toEqual(['a', 'b']);
  expect(await write(decisionsOf(60))).toEqual([]);
  expect(await write(decisionsOf(60, { lowWatermarkIOPS: 70 }))).toEqual([]);
  expect(await write(decisionsOf(500))).toEqual(['a']);
  expect(await write(decisionsOf(5_000))).toEqual(['a']);
});

test('it is published again when its volume goes by another name, or no more by the one that follows from its id', async () => {
  const { write, held } = bench();
  const named = (volumeName: string): readonly Decision[] =>
    decisionsOf(50).map((decision) => ({ ...decision, volumeName: decision.volumeId === 'a' ? volumeName : 'pvc-b' }));
  expect(await write(named('pvc-a'))).toEqual(['a', 'b']);
  expect(held.get('a')).toBe(held.get('b'));
  expect(await write(named('by-hand'))).toEqual(['a']);
  expect(await write(named('by-hand'))).toEqual([]);
  expect(await write(named('by-other-hands'))).toEqual(['a']);
  expect(await write(named('pvc-b'))).toEqual(['a']);
  expect(await write(named('pvc-a'))).toEqual(['a']);
});
