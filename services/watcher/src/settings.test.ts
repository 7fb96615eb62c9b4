import { listSettings, parseEnvironment } from '@couchestor/shared/service';
import { expect, test } from 'vitest';
import { watcherSettings } from './settings.ts';

test('every setting says what it is for, and none is required', () => {
  const settings = listSettings(watcherSettings);
  expect(settings.filter(({ description }) => description.length < 10)).toEqual([]);
  expect(settings.filter(({ required }) => required)).toEqual([]);
  expect(parseEnvironment(watcherSettings, {})).toMatchObject({
    LEADER_ELECTION: true,
    MAYASTOR_CACHE_PERIOD_MS: 30_000,
    MAYASTOR_CALLS_PER_SECOND: 4,
    CONTROL_NAMESPACE: 'kube-system',
  });
});
