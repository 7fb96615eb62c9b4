import { replay, syntheticHistory } from '@couchestor/replay';
import { expect, test } from 'vitest';
import { comparedSettings, rankedSettings } from './compared-settings.ts';

test('windows, cooldowns and ranks move and regret far less than a rule that acts on each sample', () => {
  const history = syntheticHistory({ volumes: 60, days: 6, seed: 1 });
  const outcomes = new Map(
    [...comparedSettings(history), ...rankedSettings(history, 0.16)].map((setting) => [
      setting.name,
      replay(history, setting, 86_400_000),
    ]),
  );
  const naive = outcomes.get('1000, each sample');
  if (naive === undefined) throw new Error('there is a naive rule');
  for (const calm of ['5000 / 500, window 1h, cooldown 24h', 'hottest 16 %, window 24h, cooldown 6h']) {
    expect(outcomes.get(calm)?.moves).toBeLessThan(naive.moves / 4);
    expect(outcomes.get(calm)?.regrets).toBeLessThan(naive.regrets / 4);
  }
});

test('a tier that is given by rank never holds more than its share', () => {
  const history = syntheticHistory({ volumes: 60, days: 4, seed: 2 });
  for (const setting of rankedSettings(history, 0.1)) {
    expect(Math.max(...replay(history, setting, 0).occupancyByHour)).toBeLessThanOrEqual(0.1);
  }
});
