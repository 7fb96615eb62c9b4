import { readFileSync } from 'node:fs';
import { type ActiveIntent, intentSchema } from '@couchestor/shared/messages';
import { expect, test } from 'vitest';
import { movesInFlight, progressOf } from './moves-in-flight.ts';

const sample = new URL('../../../libs/shared/src/messages/samples/intent.active.json', import.meta.url);
const intent = intentSchema.parse(JSON.parse(readFileSync(sample, 'utf8'))) as ActiveIntent;
const other: ActiveIntent = { ...intent, migrationId: 'another', volumeId: 'of-another', attention: undefined };

test('a migrator tells every move: its own as far as it is, and that of another by its intent', () => {
  const own = progressOf(intent, 'Rebuilding', 40);
  const told = movesInFlight([own], [intent, other]);
  expect(told).toEqual([own, expect.objectContaining({ migrationId: 'another', step: 'elsewhere' })]);
  expect(told[1]).toMatchObject({ targetPool: intent.round?.targetPool, rebuildPercent: undefined });
});

test('a move that has just ended here, and whose intent is not read again yet, is told once', () => {
  expect(movesInFlight([progressOf(intent, 'shrink')], [])).toHaveLength(1);
});
