import { createVirtualClock } from '@couchestor/shared/clock';
import type { Heartbeat } from '@couchestor/shared/messages';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Control } from '../core/objects.ts';
import { noMeasures } from '../../test/builders.ts';
import { HEARTBEAT_PERIOD_MS, keepPermit } from './keep-permit.ts';

type Answer = Control | Error | Promise<Control> | 'never';

function start({ mayClear = true } = {}) {
  const clock = createVirtualClock();
  const stopping = new AbortController();
  const written: Heartbeat[] = [];
  const controls: Control[] = [];
  const lines: string[] = [];
  let cleared = 0;
  let answer: Answer = { paused: false, reason: undefined };
  const line = (_fields: object, message: string): unknown => lines.push(message);
  const running = keepPermit(
    {
      leader: 'w1',
      clock,
      measures: noMeasures,
      log: { debug: line, info: line, warn: line, error: line },
      control: {
        read: (signal) =>
          new Promise<Control>((resolve, reject) => {
            if (answer === 'never') signal.addEventListener('abort', () => reject(signal.reason), { once: true });
            else if (answer instanceof Error) reject(answer);
            else resolve(answer);
          }),
      },
      permit: {
        write: async (heartbeat) => void written.push(heartbeat),
        clear: async () => void (cleared += 1),
      },
      onControl: (control) => controls.push(control),
      mayClear: () => mayClear,
    },
    stopping.signal,
  );
  const stop = async (): Promise<void> => {
    stopping.abort(new Error('enough'));
    await running;
  };
  onTestFinished(stop);
  return {
    clock,
    written,
    controls,
    lines,
    stop,
    cleared: () => cleared,
    set: (next: Answer) => {
      answer = next;
    },
  };
}

describe('keepPermit', () => {
  test('writes a heartbeat at once and every 2 s', async () => {
    const { clock, written } = start();
    await clock.advance(0);
    expect(written).toHaveLength(1);
    await clock.advance(3 * HEARTBEAT_PERIOD_MS);
    expect(written).toHaveLength(4);
    expect(written[0]).toMatchObject({ leader: 'w1', paused: false });
  });

  test('passes a pause on with its reason, and tells each change once', async () => {
    const { clock, written, controls, set } = start();
    await clock.advance(0);
    set({ paused: true, reason: 'upgrade' });
    await clock.advance(2 * HEARTBEAT_PERIOD_MS);
    expect(written.at(-1)).toMatchObject({ paused: true, reason: 'upgrade' });
    expect(controls.map(({ paused }) => paused)).toEqual([false, true]);
  });

  test.each<[string, Answer]>([
    ['fails', new Error('the API server is away')],
    ['never answers', 'never'],
  ])('writes none while Kubernetes %s, and goes on afterwards', async (_, answer) => {
    const { clock, written, lines, set } = start();
    await clock.advance(0);
    set(answer);
    await clock.advance(5 * HEARTBEAT_PERIOD_MS);
    expect(written).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('permit not written'))).toHaveLength(1);
    set({ paused: false, reason: undefined });
    await clock.advance(2 * HEARTBEAT_PERIOD_MS);
    expect(written.length).toBeGreaterThan(1);
  });

  test('passes no answer on that a process finds when it wakes, even before any timer has run', async () => {
    const { clock, written, lines, set } = start();
    await clock.advance(0);
    const late = Promise.withResolvers<Control>();
    set(late.promise);
    await clock.advance(HEARTBEAT_PERIOD_MS);
    const asleepMs = clock.monotonicMs() + 60_000;
    const woken = vi.spyOn(clock, 'monotonicMs').mockReturnValue(asleepMs);
    late.resolve({ paused: false, reason: undefined });
    await vi.waitFor(() => expect(lines).toContain('permit not written, moves rest until it is'));
    woken.mockRestore();
    expect(written).toHaveLength(1);
  });

  test('ends the heartbeat at once when stopped, and takes it away', async () => {
    const { clock, written, stop, cleared } = start();
    await clock.advance(0);
    await stop();
    expect(cleared()).toBe(1);
    await clock.advance(5 * HEARTBEAT_PERIOD_MS);
    expect(written).toHaveLength(1);
  });

  test('leaves the heartbeat of the next leader alone when only the lease was lost', async () => {
    const { clock, stop, cleared } = start({ mayClear: false });
    await clock.advance(0);
    await stop();
    expect(cleared()).toBe(0);
  });
});
