import { createVirtualClock } from '@couchestor/shared/clock';
import { describe, expect, onTestFinished, test } from 'vitest';
import { aVolume, noMeasures } from '../../test/builders.ts';
import { MayastorPoll } from './poll-mayastor.ts';

const PERIOD_MS = 30_000;

/** Two pages of one volume each; `pageMs` is how long Mayastor, or the limit of calls, takes for a page. */
function start({ pageMs = 0 } = {}) {
  const clock = createVirtualClock();
  const stopping = new AbortController();
  const seen: string[] = [];
  const lines: string[] = [];
  let failing = false;
  const note = (what: string): unknown => seen.push(what);
  const line = (_fields: object, message: string): unknown => lines.push(message);
  const poll = new MayastorPoll({
    clock,
    periodMs: PERIOD_MS,
    measures: noMeasures,
    log: { debug: line, info: line, warn: line, error: line },
    source: {
      nodes: async () => new Map(),
      pools: async () => new Map(),
      volume: async (volumeId) => (volumeId === 'gone' ? undefined : { reading: aVolume(volumeId, ['p']) }),
      volumePages: async function* (signal) {
        for (const id of ['a', 'b']) {
          await clock.sleep(pageMs, signal);
          if (failing && id === 'b') throw new Error('503');
          yield [{ reading: aVolume(id, ['p']) }];
        }
      },
    },
    listener: {
      onNodes: () => undefined,
      onPools: async () => undefined,
      onPassBegin: () => note('begin'),
      onVolumes: async (page) => void note(page.map(({ reading }) => reading.volumeId).join()),
      onPassEnd: () => note('end'),
      onVolume: (volumeId, answer) => note(`${volumeId} ${answer === undefined ? 'missed' : 'read'}`),
    },
  });
  const running = poll.run(stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  onTestFinished(async () => {
    stopping.abort(new Error('enough'));
    await running;
  });
  return {
    clock,
    poll,
    seen,
    lines,
    fail: (isFailing: boolean) => {
      failing = isFailing;
    },
  };
}

describe('MayastorPoll', () => {
  test('reads every page once a period', async () => {
    const { clock, seen } = start();
    await clock.advance(PERIOD_MS - 1);
    expect(seen).toEqual(['begin', 'a', 'b', 'end']);
    await clock.advance(2);
    expect(seen).toHaveLength(8);
  });

  test('rests after a pass that takes longer than the period, so that single reads have a share', async () => {
    const { clock, seen } = start({ pageMs: 20_000 });
    await clock.advance(49_999);
    expect(seen.filter((each) => each === 'begin')).toHaveLength(1);
    await clock.advance(2);
    expect(seen.filter((each) => each === 'begin')).toHaveLength(2);
  });

  test('does not end a pass that lost a page, says so once, and tries again soon', async () => {
    const { clock, seen, lines, fail } = start();
    fail(true);
    await clock.advance(10_000);
    expect(seen).not.toContain('end');
    expect(seen.filter((each) => each === 'begin').length).toBeGreaterThan(2);
    expect(lines).toEqual(['Mayastor gave no answer, its last known state stands']);
    fail(false);
    await clock.advance(PERIOD_MS);
    expect(seen).toContain('end');
    expect(lines.at(-1)).toBe('Mayastor answers again');
  });

  test('asks for single volumes in between', async () => {
    const { clock, poll, seen } = start();
    await clock.advance(1_000);
    poll.refresh('a');
    poll.refresh('gone');
    await clock.advance(0);
    expect(seen.slice(4)).toEqual(['a read', 'gone missed']);
  });
});
