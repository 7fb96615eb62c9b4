import { createVirtualClock } from '@couchestor/shared/clock';
import { expect, test } from 'vitest';
import { createPermission } from './permission.ts';

const LEAD_MS = 7_000;

test('the first heartbeat after a start may be an old one, and permits nothing', () => {
  const permission = createPermission(createVirtualClock());
  permission.onHeartbeat({ paused: false, sentAtMs: 0 }, true);
  expect(permission.mayAct(LEAD_MS)).toBe(false);
  expect(permission.mayLift(LEAD_MS)).toBe(false);
  permission.onHeartbeat({ paused: false, sentAtMs: 0 }, false);
  expect(permission.mayAct(LEAD_MS)).toBe(true);
});

test('a call starts only while the permit of 14 s outlasts it; our cordons may go for 4 s longer', async () => {
  const clock = createVirtualClock();
  const permission = createPermission(clock);
  permission.onHeartbeat({ paused: false, sentAtMs: 0 }, false);
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
  permission.onHeartbeat({ paused: false, sentAtMs: 0 }, false);
  const woken = permission.changed(new AbortController().signal);
  permission.onHeartbeat({ paused: true, sentAtMs: 0 }, false);
  await woken;
  expect(permission.mayAct(LEAD_MS)).toBe(false);
  expect(permission.mayLift(LEAD_MS)).toBe(true);
});

test('a pause is obeyed also where it is the first that is heard after a reconnect, while the permit of before lasts', () => {
  const permission = createPermission(createVirtualClock());
  permission.onHeartbeat({ paused: false, sentAtMs: 0 }, false);
  permission.onHeartbeat({ paused: true, sentAtMs: 0 }, true);
  expect(permission.mayAct(LEAD_MS)).toBe(false);
  expect(permission.mayLift(LEAD_MS)).toBe(true);
});

test('a heartbeat that was taken away permits nothing until a new one comes', () => {
  const permission = createPermission(createVirtualClock());
  permission.onHeartbeat({ paused: false, sentAtMs: 0 }, false);
  permission.onCleared();
  expect(permission.mayAct(LEAD_MS)).toBe(false);
  permission.onHeartbeat({ paused: false, sentAtMs: 0 }, true);
  expect(permission.mayAct(LEAD_MS)).toBe(false);
  permission.onHeartbeat({ paused: false, sentAtMs: 0 }, false);
  expect(permission.mayAct(LEAD_MS)).toBe(true);
});

test('it tells what the watcher’s clock shows, but not by a heartbeat that may be old', async () => {
  const clock = createVirtualClock();
  const permission = createPermission(clock);
  permission.onHeartbeat({ paused: false, sentAtMs: 1_000 }, true);
  expect(permission.watcherNowMs()).toBeUndefined();
  permission.onHeartbeat({ paused: false, sentAtMs: 500_000 }, false);
  await clock.advance(3_000);
  expect(permission.watcherNowMs()).toBe(503_000);
});

test('waiting for a change ends with its signal', async () => {
  const stop = new AbortController();
  const waiting = createPermission(createVirtualClock()).changed(stop.signal);
  stop.abort(new Error('enough'));
  await expect(waiting).resolves.toBeUndefined();
});
