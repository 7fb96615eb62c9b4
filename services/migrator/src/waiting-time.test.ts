import { expect, test } from 'vitest';
import { keepsFence } from './waiting-time.ts';

test('the fence is kept for what is short, and for as long as a removal may open what the next one fences', () => {
  expect(keepsFence('Busy', {})).toBe(true);
  expect(keepsFence('VolumeDegraded', {})).toBe(false);
  expect(keepsFence('LiftInDoubt', { liftInDoubt: true })).toBe(true);
  expect(keepsFence('CountInDoubt', { liftInDoubt: true })).toBe(true);
});
