import { expect, test, vi } from 'vitest';
import { createCalmWorld } from './calm-world.ts';
import { volumeIdOf } from './world/profile.ts';

const MINUTE_MS = 60_000;
vi.setConfig({ testTimeout: MINUTE_MS });

test('the record of a move outlives the facts, and goes with its volume', async () => {
  const volumeId = volumeIdOf(1);
  const world = createCalmWorld({ [volumeId]: ['cold-n1'], [volumeIdOf(2)]: ['hot-n2'] });
  const stateOf = (): string | undefined => world.bus.intents.get(volumeId)?.intent.state;
  expect(await world.runUntil(() => stateOf() === 'ended', 20 * MINUTE_MS)).toBe(true);
  await world.runUntil(() => false, MINUTE_MS);

  // Nobody is there to publish the facts again before the migrators miss them.
  world.fleet.scale('watcher', 0);
  await world.runUntil(() => world.fleet.running('watcher').length === 0, MINUTE_MS);
  world.bus.loseFacts();
  await world.runUntil(() => false, 2 * MINUTE_MS);
  expect(world.bus.facts('volume.observed').size).toBe(0);
  expect(stateOf()).toBe('ended');

  world.fleet.scale('watcher', 1);
  await world.runUntil(() => world.bus.facts('volume.observed').size === 2, 2 * MINUTE_MS);
  for (const path of [`/v0/volumes/${volumeId}/target`, `/v0/volumes/${volumeId}`]) {
    void world.model.handle({ method: 'DELETE', path });
    await world.runUntil(() => false, 5_000);
  }
  expect(world.model.volume(volumeId)).toBeUndefined();
  world.kubernetes.deletePersistentVolume(volumeId);
  expect(await world.runUntil(() => stateOf() === undefined, 5 * MINUTE_MS)).toBe(true);
  world.truth.wantedCounts.delete(volumeId);
  expect(await world.stop()).toEqual([]);
});
