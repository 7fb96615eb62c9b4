import { expect, test } from 'vitest';
import { totalRequests } from './history.ts';
import { syntheticHistory } from './synthetic.ts';

const fleet = { volumes: 60, days: 15, seed: 1 };

test('the same seed gives the same fleet, another seed another', () => {
  expect(totalRequests(syntheticHistory(fleet))).toBe(totalRequests(syntheticHistory(fleet)));
  expect(totalRequests(syntheticHistory({ ...fleet, seed: 2 }))).not.toBe(totalRequests(syntheticHistory(fleet)));
});

test('weekdays are busier than the weekend, and every half hour of every volume is known', () => {
  const history = syntheticHistory(fleet);
  expect(history).toMatchObject({ steps: 15 * 48, stepMs: 1_800_000 });
  expect(new Date(history.startMs).getUTCDay()).toBe(1);
  const ofDay = (day: number) =>
    history.names.reduce((sum, _, volume) => sum + history.requests(volume, day * 48, day * 48 + 48), 0);
  expect(ofDay(1) + ofDay(2)).toBeGreaterThan(1.2 * (ofDay(5) + ofDay(6)));
  expect(history.names.every((_, volume) => history.known(volume, 0, history.steps) === history.steps)).toBe(true);
});
