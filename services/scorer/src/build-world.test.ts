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
  const builder = createWorldBuilder(createCronerCalendar());
  const begin = () =>
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
