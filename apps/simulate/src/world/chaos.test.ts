import { expect, test } from 'vitest';
import { createChaos, type Chaos } from './chaos.ts';

const options = { seed: 7, rate: 0.2, only: undefined, onLot: () => undefined };
const calls = (chaos: Chaos, keys: readonly string[], times: number): (string | undefined)[] =>
  Array.from({ length: times }, () => keys.map((key) => chaos.at(key)?.id)).flat();

test('the same seed draws the same faults, another seed others', () => {
  const drawn = (seed: number): readonly string[] => {
    const chaos = createChaos({ ...options, seed });
    calls(chaos, ['a/read', 'b/write'], 100);
    return chaos.drawn;
  };
  expect(drawn(7)).toEqual(drawn(7));
  expect(drawn(7)).not.toEqual(drawn(8));
});

test('what a call meets depends on nothing that others do', () => {
  const alone = createChaos(options);
  const amongOthers = createChaos(options);
  const ids = calls(alone, ['a/read'], 100);
  const same = calls(amongOthers, ['b/write', 'a/read', 'c/read'], 100).filter((_, index) => index % 3 === 1);
  expect(same).toEqual(ids);
});

test('as many calls go wrong as the rate says, and more or fewer by their weight', () => {
  const chaos = createChaos(options);
  calls(chaos, ['a/read', 'b/read', 'c/read'], 3_000);
  expect(chaos.faults / chaos.calls).toBeGreaterThan(0.18);
  expect(chaos.faults / chaos.calls).toBeLessThan(0.22);
  const rare = createChaos(options);
  for (let index = 0; index < 3_000; index += 1) rare.at('a/read', 0.1);
  expect(rare.faults / rare.calls).toBeLessThan(0.04);
});

test('a fault that is left out leaves the others as they were, with all that follows from them', () => {
  const whole = createChaos(options);
  calls(whole, ['a/read'], 200);
  const [, ...others] = whole.drawn;
  const part = createChaos({ ...options, only: new Set(others) });
  calls(part, ['a/read'], 200);
  expect(part.drawn).toEqual(others);
  const numbersOf = (only: ReadonlySet<string> | undefined): number[] => {
    const chaos = createChaos({ ...options, only });
    const lots = Array.from({ length: 200 }, () => chaos.at('a/read')).filter((lot) => lot?.id === others[3]);
    return lots.flatMap((lot) => (lot === undefined ? [] : [lot.random(), lot.random()]));
  };
  expect(numbersOf(new Set(others))).toEqual(numbersOf(undefined));
  expect(numbersOf(undefined)).toHaveLength(2);
});

test('nothing goes wrong once the trouble is over', () => {
  const chaos = createChaos(options);
  chaos.end();
  expect(calls(chaos, ['a/read'], 100).every((id) => id === undefined)).toBe(true);
  expect(chaos.deed('deed#1')).toBeUndefined();
});
