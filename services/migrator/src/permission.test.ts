import { createVirtualClock } from '@couchestor/shared/clock';
import { expect, test } from 'vitest';
import { createPermission } from './permission.ts';

const LEAD_MS = 7_000;

test('the first heartbeat after a start may be an old one, and permits nothing', () => {
  const permission = createPermission(createVirtualClock());
  permission.onHeartbeat({ paused: false }, true);
  expect(permission.mayAct(LEAD_MS)).toBe(false);
  expect(permission.mayLift(LEAD_MS)).toBe(false);
  permission.onHeartbeat({ paused: false }, false);
  expect(permission.mayAct(LEAD_MS)).toBe(true);
});

test('a call starts only while the permit of 14 s outlasts it; our cordons may go for 4 s longer', async () => {
  const clock = createVirtualClock();
  const permission = createPermission(clock);
  permission.onHeartbeat({ paused: false }, false);
  await clock.advance(14_000 - LEAD_MS);
  expect(permission.mayAct(LEAD_MS)).toBe(true);
  await clock.advance(1);
  expect(permission.mayAct(LEAD_MS)).toBe(false);
  expect(permission.mayLift(LEAD_MS)).toBe(true);
  await clock.advance(4_000);
  expect(permission.mayLift(LEAD_MS)).toBe(false);
});

test('a pause stops at once what acts, leaves the removal of cordons, and wakes who waits', async () => {
  const permission = createPermission(createVirtualClock());
  permission.onHeartbeat({ paused: false }, false);
  const woken = permission.changed(new AbortController().signal);
  permission.onHeartbeat({ paused: true }, false);
  await woken;
  expect(permission.mayAct(LEAD_MS)).toBe(false);
  expect(permission.mayLift(LEAD_MS)).toBe(true);
});

test('a heartbeat that was taken away permits nothing until a new one comes', () => {
  const permission = createPermission(createVirtualClock());
  permission.onHeartbeat({ paused: false }, false);
  permission.onCleared();
  expect(permission.mayAct(LEAD_MS)).toBe(false);
  permission.onHeartbeat({ paused: false }, true);
  expect(permission.mayAct(LEAD_MS)).toBe(false);
  permission.onHeartbeat({ paused: false }, false);
  expect(permission.mayAct(LEAD_MS)).toBe(true);
});

test('waiting for a change ends with its signal', async () => {
  const stop = new AbortController();
  const waiting = createPermission(createVirtualClock()).changed(stop.signal);
  stop.abort(new Error('enough'));
  await expect(waiting).resolves.toBeUndefined();
});
