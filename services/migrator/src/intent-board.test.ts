import { BusUnavailableError, type IntentListener, type IntentStore } from '@couchestor/shared/bus';
import { MIB } from '@couchestor/shared/units';
import { expect, test } from 'vitest';
import { anIntent, aRound, START_MS } from '../test/evidence.ts';
import { watchIntents, type IntentBoard } from './intent-board.ts';

const GIB = 1024 * MIB;

/** A board that hears of the bucket what the test says. */
function createBoard(): { readonly board: IntentBoard; readonly hear: IntentListener } {
  let hear: IntentListener = () => undefined;
  const store: Pick<IntentStore, 'watchAll'> = {
    watchAll: ({ onChange }) => {
      hear = onChange;
      return { synced: Promise.resolve(), ended: Promise.resolve() };
    },
  };
  const board = watchIntents(store as IntentStore, new AbortController().signal, () => undefined);
  return { board, hear };
}

const moving = (volumeId: string, change: Parameters<typeof aRound>[2] = {}) => ({
  ...anIntent({ placement: ['sata-n1'], volumeId, migrationId: `of ${volumeId}` }),
  round: aRound(['sata-n1'], 'nvme-n3', change),
});

test('what is on its way to pools is unknown until the own record has come, and with it all that came before it', async () => {
  const { board, hear } = createBoard();
  hear('own', { intent: moving('own'), revision: 6 });
  expect(board.arriving('own', 8)).toBeUndefined();
  let hasCome = false;
  const reached = board.reached('own', 8, new AbortController().signal).then(() => {
    hasCome = true;
  });
  hear('other', { intent: moving('other'), revision: 7 });
  await Promise.resolve();
  expect(hasCome).toBe(false);
  hear('own', { intent: moving('own'), revision: 8 });
  await reached;
  expect(board.arriving('own', 8)).toEqual(new Map([['nvme-n3', 10 * GIB + 8 * MIB]]));
});

test('what has been filled is on its way no more, and neither is what has no round', () => {
  const { board, hear } = createBoard();
  hear('own', { intent: moving('own'), revision: 1 });
  hear('filled', { intent: moving('filled', { syncedAt: '2026-06-15T12:00:00Z' }), revision: 2 });
  hear('between', { intent: anIntent({ placement: ['sata-n1'], volumeId: 'between' }), revision: 3 });
  expect(board.arriving('own', 1)).toEqual(new Map());
});

test('pools are fenced elsewhere while the round that fences them is a matter of minutes', () => {
  const { board, hear } = createBoard();
  const fence = { kind: 'pool' as const, ours: ['sata-n4', 'nvme-n4'], foreign: ['sata-n3'] };
  hear('own', { intent: moving('own', { fence: { ...fence, ours: ['nvme-n2'] } }), revision: 1 });
  hear('other', { intent: moving('other', { fence }), revision: 2 });
  hear('by node', { intent: moving('by node', { fence: { kind: 'node', ours: ['n1'], foreign: [] } }), revision: 3 });
  expect(board.fencedElsewhere('own', START_MS + 1_200_000)).toEqual(new Set(['sata-n4', 'nvme-n4']));
  expect(board.fencedElsewhere('own', START_MS + 1_200_001)).toEqual(new Set());
  hear('other', { intent: moving('other'), revision: 4 });
  expect(board.fencedElsewhere('own', START_MS)).toEqual(new Set());
});

test('what stands in a fence of another stays closed until the replica has come', () => {
  const { board, hear } = createBoard();
  const fence = { kind: 'pool' as const, ours: ['sata-n4'], foreign: ['sata-n3'] };
  hear('own', { intent: moving('own', { fence: { ...fence, ours: ['nvme-n2'] } }), revision: 1 });
  hear('other', { intent: moving('other', { fence }), revision: 2 });
  expect(board.closedElsewhere('own', START_MS + 1_200_000)).toEqual(new Set(['sata-n4', 'sata-n3']));
  expect(board.closedElsewhere('own', START_MS + 1_200_001)).toEqual(new Set());
  hear('other', { intent: moving('other', { fence, addedAt: '2026-06-15T12:00:00Z' }), revision: 3 });
  expect(board.closedElsewhere('own', START_MS)).toEqual(new Set());
});

test('who waits for news gives up with its signal', async () => {
  const { board } = createBoard();
  const late = new AbortController();
  const reached = board.reached('own', 1, late.signal);
  late.abort(new BusUnavailableError('hearing of other moves'));
  await expect(reached).rejects.toThrow('hearing of other moves');
});
