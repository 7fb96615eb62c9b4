import { expect, test } from 'vitest';
import { createHistoryBuilder, HistoryError, totalRequests } from './history.ts';

const shape = { startMs: 0, stepMs: 1_800_000 };

test('steps may come in any order, and volumes are sorted by name', () => {
  const builder = createHistoryBuilder({ ...shape, missing: 'zero' });
  builder.add('b', 2, 30);
  builder.add('a', 1, 7);
  builder.add('b', 0, 10);
  const history = builder.build();
  expect(history.names).toStrictEqual(['a', 'b']);
  expect(history.steps).toBe(3);
  expect(history.requests(1, 0, 3)).toBe(40);
  expect(history.requests(1, 1, 2)).toBe(0);
  expect(history.requests(0, 1, 2)).toBe(7);
  expect(totalRequests(history)).toBe(47);
});

test.each([
  ['zero', 3, 3],
  ['unknown', 1, 0],
] as const)('a step that nobody told is %s', (missing, knownOfAll, knownOfMissing) => {
  const builder = createHistoryBuilder({ ...shape, missing });
  builder.add('a', 2, 5);
  const history = builder.build();
  expect(history.known(0, 0, 3)).toBe(knownOfAll);
  expect(history.known(0, 0, 2)).toBe(knownOfMissing === 0 ? 0 : 2);
  expect(history.requests(0, 0, 3)).toBe(5);
});

test('what is told twice is refused, for one of the two is wrong', () => {
  const builder = createHistoryBuilder({ ...shape, missing: 'zero' });
  builder.add('a', 0, 0);
  expect(() => builder.add('a', 0, 1)).toThrow(
    new HistoryError('The step 0 of a is there twice; leave one of them out.'),
  );
});

test('more than fits is refused before it is held', () => {
  const builder = createHistoryBuilder({ ...shape, missing: 'zero' });
  expect(() => builder.add('a', 200_000, 1)).toThrow(
    /longer than fits .* replay fewer volumes, fewer days or longer steps/,
  );
  const wide = createHistoryBuilder({ ...shape, missing: 'zero' });
  expect(() => {
    for (let volume = 0; volume < 1_000; volume += 1) wide.add(`v${volume}`, 199_999, 1);
  }).toThrow(/longer than fits/);
});

test('nothing is no history', () => {
  expect(() => createHistoryBuilder({ ...shape, missing: 'zero' }).build()).toThrow(
    'There is no volume in the history.',
  );
});

test('a selection is the history of those volumes alone', () => {
  const builder = createHistoryBuilder({ ...shape, missing: 'unknown' });
  for (const [index, name] of ['a', 'b', 'c'].entries()) builder.add(name, 0, index + 1);
  const selected = builder.build().select([2, 0]);
  expect(selected.names).toStrictEqual(['c', 'a']);
  expect(selected.requests(0, 0, 1)).toBe(3);
  expect(selected.known(1, 0, 1)).toBe(1);
});
