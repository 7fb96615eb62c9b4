import { expect, test } from 'vitest';
import { sharesOf } from './sent-calls.ts';

const sent = (atMs: number, method: string) => ({ atMs, msg: 'call to Mayastor', method });
const alone = (atMs: number) => ({ atMs, msg: 'next call without Redis' });

test('of the calls of a process, one removal for each grant without Redis is its own', () => {
  const lines = [sent(0, 'DELETE'), alone(10), sent(11, 'GET'), sent(12, 'DELETE'), sent(13, 'DELETE')];
  expect(sharesOf(lines)).toEqual({ shared: [0, 11, 13], alone: [12] });
});

test('a grant that was used for nothing excuses nothing later', () => {
  expect(sharesOf([alone(10), sent(1_011, 'DELETE')])).toEqual({ shared: [1_011], alone: [] });
});
