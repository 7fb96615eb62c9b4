import { listSettings, parseEnvironment } from '@couchestor/shared/service';
import { expect, test } from 'vitest';
import { watcherSettings } from './settings.ts';

test('every setting says what it is for, and none is required', () => {
  for (const { name, description, required } of listSettings(watcherSettings)) {
    expect(description.length, name).toBeGreaterThan(20);
    expect(required, name).toBe(false);
  }
  expect(parseEnvironment(watcherSettings, {})).toMatchObject({
    LEADER_ELECTION: true,
    MAYASTOR_CACHE_PERIOD_MS: 30_000,
    MAYASTOR_CALLS_PER_SECOND: 4,
    CONTROL_NAMESPACE: 'kube-system',
  });
});
