import type { EndedIntent } from '@couchestor/shared/messages';
import { expect, test } from 'vitest';
import { judgeLateCall, type LateCall, type LateCallVerdict } from './late-call.ts';
import { aVolume, anIntent } from '../../test/evidence.ts';

const NOW_MS = Date.UTC(2026, 5, 15, 12);
const SECOND_MS = 1_000;
const intent = anIntent({ placement: ['sata-n1', 'sata-n2'] });
const left = intent.replicas ?? [];

function ended(change: Partial<EndedIntent>): EndedIntent {
  const { state: _, ...head } = intent;
  return {
    state: 'ended',
    migrationId: intent.migrationId,
    proposalId: head.proposalId,
    attempt: 0,
    volumeId: head.volumeId,
    volumeName: head.volumeName,
    policyId: head.policyId,
    policyName: head.policyName,
    fromTier: 'cold',
    toTier: 'hot',
    startedAt: head.startedAt,
    seenIds: [],
    failuresInRow: 0,
    outbox: [],
    outcome: 'aborted',
    endedAt: new Date(NOW_MS - 60 * SECOND_MS).toISOString(),
    replicaCount: 2,
    replicas: left,
    ...change,
  };
}

function judge(
  count: number,
  record: EndedIntent | undefined,
  { asked = 3, sentAgoMs = SECOND_MS }: { readonly asked?: number; readonly sentAgoMs?: number } = {},
): LateCallVerdict {
  const call: LateCall = { intent, replicaCount: asked, sentAtMs: NOW_MS - sentAgoMs };
  const placement = ['sata-n1', 'sata-n2', 'sata-n3', 'sata-n4'].slice(0, count);
  return judgeLateCall(call, record, aVolume({ placement }), 'one', NOW_MS);
}

test('what undoes a late call keeps when the volume last came to its tier', () => {
  const lastCompletedAt = new Date(NOW_MS - 90 * SECOND_MS).toISOString();
  expect(judge(3, ended({ lastCompletedAt }))).toMatchObject({ intent: { lastCompletedAt } });
  const verdict = judge(3, ended({}));
  expect(verdict.kind === 'undo' && 'lastCompletedAt' in verdict.intent).toBe(false);
});

test('a replica too many after the end is undone, from what the last move left', () => {
  const verdict = judge(3, ended({}));
  expect(verdict).toMatchObject({
    kind: 'undo',
    intent: {
      replicaCount: 2,
      rollback: { reason: 'LateCall' },
      round: { growths: 1, replicasBefore: left },
      seenIds: [intent.migrationId],
      outbox: [{ name: 'migration.accepted' }],
    },
  });
  expect(verdict.kind === 'undo' && verdict.intent.migrationId).not.toBe(intent.migrationId);
});

test('a replica too few is brought back in the order in which it went', () => {
  expect(judge(1, ended({}), { asked: 1 })).toMatchObject({
    kind: 'undo',
    intent: { round: { order: 'shrinkFirst', shrinks: 1 } },
  });
});

test('while the count is right it is waited for what may still come, and then no longer', () => {
  expect(judge(2, ended({}), { sentAgoMs: 100 * SECOND_MS })).toEqual({ kind: 'wait' });
  expect(judge(2, ended({}), { sentAgoMs: 121 * SECOND_MS })).toEqual({ kind: 'forget' });
});

test('a replica that a move took for wanted, since it began just after the late call, is undone when that move has ended', () => {
  const began = (afterMs: number): EndedIntent =>
    ended({
      migrationId: 'another',
      startedAt: new Date(NOW_MS - 40 * SECOND_MS + afterMs).toISOString(),
      replicaCount: 3,
      replicas: [...left, { replicaId: 'come', pool: 'sata-n3', node: 'n3' }],
    });
  const sent = { sentAgoMs: 40 * SECOND_MS };
  expect(judge(3, began(3 * SECOND_MS), sent)).toMatchObject({
    kind: 'undo',
    intent: { replicaCount: 2, rollback: { reason: 'LateCall' }, round: { growths: 1, replicasBefore: left } },
  });
  // Sent before, it would have found the count that it wants; and after so long somebody else wants it.
  expect(judge(3, began(-31 * SECOND_MS), sent)).toEqual({ kind: 'forget' });
  expect(judge(3, began(121 * SECOND_MS), sent)).toEqual({ kind: 'forget' });
  expect(judge(2, began(3 * SECOND_MS), sent)).toEqual({ kind: 'wait' });
});

test('what cannot be the doing of the call is left alone', () => {
  const longAfter = { endedAt: new Date(NOW_MS).toISOString() };
  expect(judge(3, ended(longAfter), { sentAgoMs: 600 * SECOND_MS })).toEqual({ kind: 'forget' });
  expect(judge(4, ended({}))).toEqual({ kind: 'forget' });
  expect(judge(3, ended({ replicaCount: 3 }))).toEqual({ kind: 'forget' });
  expect(judge(3, undefined)).toEqual({ kind: 'forget' });
  const { replicas: _, ...old } = ended({});
  expect(judge(3, old)).toEqual({ kind: 'forget' });
});

test('a move that ended because of it says so, and it is undone after that', () => {
  const because = { endedAt: new Date(NOW_MS).toISOString(), reason: 'ReplicaCountChanged' };
  expect(judge(3, ended(because), { sentAgoMs: 600 * SECOND_MS })).toMatchObject({ kind: 'undo' });
});
