import type { MigrationRefused } from '@couchestor/shared/messages';
import { expect, test } from 'vitest';
import { createRefusalRecord } from './refusal-record.ts';

const refused = (reason: MigrationRefused['reason']): MigrationRefused => ({
  migrationId: 'm',
  volumeId: 'v',
  volumeName: 'pvc-v',
  policyId: 'p',
  policyName: 'tiering',
  reason,
  message: '',
});

test('counts what says something of the volume, until a move of it begins', () => {
  const record = createRefusalRecord();
  const inRowAfter = (reason: MigrationRefused['reason']): number | undefined => {
    record.refused(refused(reason), 0);
    return record.read(0).get('v')?.inRow;
  };
  expect(inRowAfter('VolumeChanged')).toBe(1);
  for (const reason of ['NoSlot', 'ClockSkew', 'ClockSkew', 'Expired'] as const) expect(inRowAfter(reason)).toBe(1);
  expect(inRowAfter('VolumeChanged')).toBe(2);
  record.moved('v');
  expect(record.read(0).size).toBe(0);
  expect(inRowAfter('VolumeChanged')).toBe(1);
});

test('forgets what is hours old', () => {
  const record = createRefusalRecord();
  record.refused(refused('VolumeChanged'), 0);
  expect(record.read(3 * 3_600_000).size).toBe(1);
  expect(record.read(3 * 3_600_000 + 1).size).toBe(0);
});
