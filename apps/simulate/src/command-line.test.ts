import { expect, test } from 'vitest';
import { parseCommandLine } from './command-line.ts';

test('numbers may be written for people', () => {
  expect(parseCommandLine(['--moves', '1,000,000', '--workers', '2', '--json'])).toMatchObject({
    moves: 1_000_000,
    workers: 2,
    isJson: true,
    replay: undefined,
  });
});

test('a seed is replayed, with all of its faults or some', () => {
  expect(parseCommandLine(['--seed', '7']).replay).toEqual({ seed: 7, only: undefined });
  expect(parseCommandLine(['--seed', '7', '--only', 'a#1,b#2']).replay?.only).toEqual(new Set(['a#1', 'b#2']));
  expect(parseCommandLine(['--seed', '7', '--only', '']).replay?.only).toEqual(new Set());
});

test.each([
  [['--moves', 'many'], '--moves is "many"; give a whole number from 1 on'],
  [['--workers', '0'], '--workers is "0"; give a whole number from 1 on'],
  [['--only', 'a#1'], '--only goes with --seed'],
  [['--matrix', '--moves', '5'], '--matrix goes alone'],
  [['--mutants', '--part', '5/4'], '--part is "5/4"; give which of how many, like 1/4'],
  [['--part', '1/4'], '--part goes with --mutants or --mutant'],
])('%j is refused with a sentence', (args, sentence) => {
  expect(() => parseCommandLine(args)).toThrow(sentence);
});

test('the protocol alone is walked through, by moves and seeds as all else is', () => {
  expect(parseCommandLine(['--walks', '--moves', '500', '--first-seed', '9'])).toMatchObject({
    isWalk: true,
    moves: 500,
    firstSeed: 9,
  });
  expect(parseCommandLine([]).isWalk).toBe(false);
});

test('the cores of the services run unless whole services are asked for', () => {
  expect(parseCommandLine([]).isOfServices).toBe(false);
  expect(parseCommandLine(['--services', '--seed', '7'])).toMatchObject({ isOfServices: true, replay: { seed: 7 } });
});

test('mutants are tried all, by their names, or in parts', () => {
  expect(parseCommandLine(['--mutants']).mutants).toEqual({ only: undefined, part: undefined });
  expect(parseCommandLine(['--mutant', 'core/', '--part', '2/4']).mutants).toEqual({
    only: 'core/',
    part: { number: 2, of: 4 },
  });
});
