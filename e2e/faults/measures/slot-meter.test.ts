import { expect, test } from 'vitest';
import { createSlotMeter } from './slot-meter.ts';

test('the share counts while more work waits than slots are free', () => {
  const meter = createSlotMeter(2);
  meter.note(0, 2, 10);
  meter.note(90, 1, 10);
  meter.note(100, 2, 9);
  meter.note(200, 1, 1);
  expect(meter.read(1_000)).toEqual({ waitingMs: 200, heldShare: (90 * 2 + 10 + 100 * 2) / 400, most: 2 });
});

test('what was before a reset counts no more, and what is held goes on being held', () => {
  const meter = createSlotMeter(1);
  meter.note(0, 0, 5);
  meter.note(50, 1, 4);
  meter.reset(60);
  expect(meter.read(100)).toEqual({ waitingMs: 40, heldShare: 1, most: 1 });
});
