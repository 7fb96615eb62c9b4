import { BusUnavailableError, type IntentStore } from '@couchestor/shared/bus';
import { createVirtualClock } from '@couchestor/shared/clock';
import type { ActiveIntent, EndedIntent, Intent } from '@couchestor/shared/messages';
import { expect, test } from 'vitest';
import { anIntent, aVolume } from '../test/evidence.ts';
import { createLateCalls } from './late-calls.ts';

const placement = ['sata-n1', 'sata-n2'];
const signal = new AbortController().signal;

/** One move has ended and its end is not told yet; then a count of it took effect that its sender sent too late. */
function lateWorld() {
  const clock = createVirtualClock();
  const { state: _, owner: __, ownerToken: ___, ...intent } = anIntent({ placement });
  const { volumeId, volumeName, policyId, policyName, migrationId } = intent;
  const untold = {
    name: 'migration.aborted',
    messageId: 'the end',
    data: { migrationId, volumeId, volumeName, policyId, policyName, durationMs: 1, reason: 'AbortRequested' },
  };
  const record = {
    ...intent,
    state: 'ended',
    outcome: 'aborted',
    endedAt: new Date(clock.nowMs()).toISOString(),
    replicaCount: 2,
    outbox: [untold],
  } as unknown as EndedIntent;
  const state: { failure: Error | undefined; stored: Intent; isRunning: boolean } = {
    failure: undefined,
    stored: record,
    isRunning: false,
  };
  const told: string[] = [];
  const intents = {
    get: () => Promise.resolve({ intent: state.stored, revision: 1 }),
    update: (next: ActiveIntent) => {
      told.push(`writes ${next.rollback?.reason}`);
      state.stored = next;
      return Promise.resolve(2);
    },
  };
  const lateCalls = createLateCalls({
    instance: 'one',
    intents: intents as unknown as IntentStore,
    board: { get: () => ({ intent: state.stored, revision: 1 }) },
    events: {
      publish: (name) => {
        if (state.failure !== undefined) return Promise.reject(state.failure);
        told.push(`tells ${name}`);
        return Promise.resolve();
      },
    },
    mayastor: { readVolume: () => Promise.resolve(aVolume({ placement: [...placement, 'sata-n3'] })) },
    clock,
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    isRunning: () => state.isRunning,
  });
  lateCalls.note(anIntent({ placement }), 3);
  return { clock, lateCalls, state, told };
}

test('what a late call did is undone, and before that the end of the move whose record it takes is told', async () => {
  const { lateCalls, told } = lateWorld();
  await lateCalls.follow(signal);
  expect(told).toEqual(['tells migration.aborted', 'writes LateCall']);
});

test('while that end cannot be told its record stays, and the call is looked after again', async () => {
  const { lateCalls, state, told } = lateWorld();
  state.failure = new BusUnavailableError('telling');
  await expect(lateCalls.follow(signal)).rejects.toThrow(BusUnavailableError);
  expect(told).toEqual([]);
  state.failure = undefined;
  await lateCalls.follow(signal);
  await lateCalls.follow(signal);
  expect(told).toEqual(['tells migration.aborted', 'writes LateCall']);
});

test('a count that one move after the other takes for wanted is undone after the last of them', async () => {
  const { clock, lateCalls, state, told } = lateWorld();
  const three = [...placement, 'sata-n3'];
  const began = (migrationId: string): ActiveIntent => ({
    ...anIntent({ placement: three }),
    migrationId,
    replicaCount: 3,
    startedAt: new Date(clock.nowMs()).toISOString(),
  });
  state.stored = began('took what it found');
  // The process that sent the call may work on that move itself.
  state.isRunning = true;
  await lateCalls.follow(signal);
  state.isRunning = false;
  await clock.advance(180_000);
  const { owner: _, ownerToken: __, ...next } = began('began when that had ended');
  const endedAt = new Date(clock.nowMs()).toISOString();
  state.stored = { ...next, state: 'ended', outcome: 'completed', endedAt, outbox: [] } as unknown as EndedIntent;
  await lateCalls.follow(signal);
  expect(told).toEqual(['writes LateCall']);
  expect(state.stored).toMatchObject({ state: 'active', replicaCount: 2 });
});
