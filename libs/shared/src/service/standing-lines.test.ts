import { expect, test } from 'vitest';
import { createVirtualClock } from '../clock/index.ts';
import { createStandingLines } from './standing-lines.ts';

function recorded() {
  const clock = createVirtualClock();
  const lines: string[] = [];
  const standing = createStandingLines(clock);
  return {
    clock,
    lines,
    standing,
    say: (subject: string, state: string) => standing.say(subject, state, () => lines.push(`${subject} ${state}`)),
  };
}

test('a state is written when it changes, and again after 5 minutes while it lasts', async () => {
  const { clock, lines, say } = recorded();
  say('prometheus', 'healthy');
  await clock.advance(299_999);
  say('prometheus', 'healthy');
  expect(lines).toEqual(['prometheus healthy']);
  await clock.advance(1);
  say('prometheus', 'healthy');
  expect(lines).toEqual(['prometheus healthy', 'prometheus healthy']);
  say('prometheus', 'lost');
  expect(lines.at(-1)).toBe('prometheus lost');
});

test('subjects are apart from each other, and a forgotten one is new', () => {
  const { lines, say, standing } = recorded();
  say('a', 'up');
  say('b', 'up');
  standing.forget('a');
  say('a', 'up');
  say('b', 'up');
  expect(lines).toEqual(['a up', 'b up', 'a up']);
});
