import { expect, test } from 'vitest';
import { parseCommand } from './command-options.ts';

test('without options it is the newest Mayastor with the timers of its chart', () => {
  expect(parseCommand([])).toMatchObject({
    version: '2.12.2',
    cachePeriodMs: 30_000,
    restPort: 8081,
    metricsPort: 9502,
  });
});

test.each([
  [['--volumes', '0'], '--volumes is "0"; give an integer from 1 to 100000'],
  [['--mayastor', '2.5'], '--mayastor is "2.5"; give one of 2.12.2, 2.10.0, 2.7.1'],
  [['--rest-port', 'http'], '--rest-port is "http"; give an integer from 0 to 65535'],
])('%j is refused with name, value and remedy', (args, message) => expect(() => parseCommand(args)).toThrow(message));
