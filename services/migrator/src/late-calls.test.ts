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
  const state: { failure: Error | undefined; stored: Intent } = { failure: undefined, stored: record };
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
    isRunning: () => false,
  });
  lateCalls.note(anIntent({ placement }), 3);
  return { lateCalls, state, told };
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
