import { expect, test } from 'vitest';
import { OptionError, parseOptions } from './options.ts';

test('without a rule, the rules to compare with are replayed', () => {
  expect(parseOptions(['--file', 'a.csv'])).toMatchObject({
    source: { kind: 'file', path: 'a.csv' },
    compare: true,
    hotCapacity: 0.16,
    holdMs: 86_400_000,
    volumeSizeBytes: 100 * 1024 ** 3,
  });
  expect(parseOptions(['--file', 'a.csv', '--policy', 'p.yaml'])).toMatchObject({
    compare: false,
    policies: ['p.yaml'],
  });
  expect(parseOptions(['--file', 'a.csv', '--advise'])).toMatchObject({ compare: false, advise: true });
});

test('Prometheus is asked for the last week in half hours', () => {
  expect(parseOptions(['--prometheus', 'http://127.0.0.1:9090'])?.source).toMatchObject({
    rangeMs: 7 * 86_400_000,
    stepMs: 1_800_000,
    label: 'pv_name',
    untilMs: undefined,
  });
});

test('help needs no source', () => expect(parseOptions(['--help'])).toBeUndefined());

test.each([
  [[], 'Name one source'],
  [['--file', 'a', '--synthetic'], 'Name one source'],
  [['--nonsense'], '--nonsense'],
  [['--synthetic', '--volumes', '0'], '--volumes is "0"; give an integer from 1 to 100000'],
  [['--synthetic', '--hot-capacity', '16'], '--hot-capacity is "16"; give a number from 0 to 1'],
  [['--synthetic', '--hold', 'soon'], '--hold is "soon"; give a duration'],
  [['--synthetic', '--volume-size', '100'], '--volume-size is "100"; give a size such as 100GiB'],
  [['--prometheus', 'localhost:9090'], '--prometheus is "localhost:9090"; give a URL'],
  [['--prometheus', 'http://a', '--until', 'now'], '--until is "now"; give a time such as'],
])('%j is refused with the remedy', (args, message) => {
  expect(() => parseOptions(args)).toThrow(OptionError);
  expect(() => parseOptions(args)).toThrow(message);
});
