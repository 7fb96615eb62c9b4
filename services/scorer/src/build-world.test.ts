import { expect, test } from 'vitest';
import { anActiveMove, aVolume, aWorld, NOW_MS } from '../test/worlds.ts';
import { createCronerCalendar } from './adapters/croner-calendar.ts';
import { awaitedScores, createWorldBuilder } from './build-world.ts';
import { allSteps } from './core/steps.ts';
import type { IntentState } from './core/world.ts';

const COUNT = 2_500;

function aBuild() {
  const facts = Array.from({ length: COUNT }, (_, index) => aVolume(`v${index}`, ['cold-1']).fact);
  const volumes = new Map(facts.map((data) => [data.volumeId, { data, timeMs: NOW_MS }]));
  const intents = new Map<string, IntentState>();
  const { pools, nodes, movers, cluster } = aWorld();
  const ownBuilder = createWorldBuilder(createCronerCalendar());
  const begin = (builder = ownBuilder) =>
    builder.building({
      observed: {
        completeSinceMs: NOW_MS,
        policies: [],
        volumes,
        pools,
        nodes,
        movers,
        cluster,
        intents,
        recentStarts: [],
        refusals: new Map(),
      },
      tableOf: awaitedScores,
      outstanding: new Map(),
      graceUntilMs: 0,
      requestLifeMs: 1,
      rebuildBytesPerSecond: 1,
      nowMs: NOW_MS,
    });
  return { volumes, intents, begin };
}

test('a view is of one moment: what changes while it is put together does not change it', () => {
  const { volumes, intents, begin } = aBuild();
  const steps = begin();
  expect(steps.next().done).toBe(false);
  intents.set('v1', anActiveMove());
  volumes.delete('v2');
  const world = allSteps(steps);
  expect(world.volumes).toHaveLength(COUNT);
  expect(world.intents.size).toBe(0);
  const next = allSteps(begin());
  expect(next.volumes).toHaveLength(COUNT - 1);
  expect(next.intents.size).toBe(1);
});

test('what has not changed is the same in the next view, which is as one that is put together anew', () => {
  const { volumes, begin } = aBuild();
  const before = allSteps(begin()).volumes;
  const { fact } = aVolume('v5', ['cold-1']);
  const held = { name: 'pv', uid: 'uid', phase: 'Bound', storageClassName: 'mayastor', labels: {}, hold: 'true' };
  volumes.set('v5', { data: { ...fact, persistentVolume: held }, timeMs: NOW_MS });
  volumes.set('v6', { data: before[6]?.fact ?? fact, timeMs: NOW_MS + 1 });
  volumes.delete('v1000');
  const after = allSteps(begin()).volumes;
  expect(after).toEqual(allSteps(begin(createWorldBuilder(createCronerCalendar()))).volumes);
  expect(after[5]?.wishes.hold).toEqual({ kind: 'forever' });
  expect(after[6]?.observedAtMs).toBe(NOW_MS + 1);
  expect(after.filter((volume, index) => volume === before[index])).toHaveLength(998);
  const again = allSteps(begin()).volumes;
  expect(again.every((volume, index) => volume === after[index])).toBe(true);
});
