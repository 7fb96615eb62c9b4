import { expect, test } from 'vitest';
import { anIntent } from '../test/evidence.ts';
import { ended } from './core/intent-changes.ts';
import { tellUntold } from './untold-events.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');

test('what a record still lists is told under its own ids, in order, and nothing where it lists nothing', async () => {
  const end = { outcome: 'aborted', reason: 'AbortRequested', message: 'asked for' } as const;
  const intent = ended(anIntent({ placement: ['sata-n1'] }), end, 'absent', nowMs, { baseMs: 1_000 });
  const told: { readonly name: string; readonly migrationId: string; readonly messageId: string }[] = [];
  const events = {
    publish: (name: string, migrationId: string, _data: unknown, { messageId }: { readonly messageId: string }) => {
      told.push({ name, migrationId, messageId });
      return Promise.resolve();
    },
  };
  const { signal } = new AbortController();
  await tellUntold(events, { ...intent, outbox: [] }, signal);
  expect(told).toEqual([]);
  await tellUntold(events, intent, signal);
  expect(told).toEqual(
    intent.outbox.map(({ name, messageId }) => ({ name, migrationId: intent.migrationId, messageId })),
  );
  expect(told.map(({ name }) => name)).toContain('migration.aborted');
});
