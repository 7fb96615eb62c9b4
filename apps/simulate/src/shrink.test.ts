import { expect, test } from 'vitest';
import { shrink } from './shrink.ts';

const breach = { invariant: 'I3', step: 1, atMs: 1, what: 'two moves' } as const;
const all = Array.from({ length: 300 }, (_, index) => `fault#${index}`);
const needs =
  (...needed: readonly string[]) =>
  (only: ReadonlySet<string> | undefined) => {
    const schedule = all.filter((id) => only?.has(id) !== false);
    return Promise.resolve({
      schedule,
      breaches: needed.every((id) => schedule.includes(id)) ? [breach] : [],
    });
  };
const quietly = { runsMax: 1_000, onProgress: () => undefined };

test('a schedule is shrunk to the faults that the breach needs', async () => {
  const shrunken = await shrink(needs('fault#17', 'fault#203', 'fault#204'), quietly);
  expect(shrunken).toMatchObject({ schedule: ['fault#17', 'fault#203', 'fault#204'], breach });
});

test('another invariant that breaks meanwhile does not count', async () => {
  const other = { ...breach, invariant: 'I6' } as const;
  const run = async (only: ReadonlySet<string> | undefined) => {
    const found = await needs('fault#5', 'fault#6')(only);
    return found.breaches.length > 0 ? found : { ...found, breaches: [other] };
  };
  expect(await shrink(run, quietly)).toMatchObject({ schedule: ['fault#5', 'fault#6'], breach });
});

test('a breach that needs no fault is left with none, and what does not fail again is said to', async () => {
  expect((await shrink(needs(), quietly))?.schedule).toHaveLength(0);
  expect(await shrink(needs('fault#999'), quietly)).toBeUndefined();
});
