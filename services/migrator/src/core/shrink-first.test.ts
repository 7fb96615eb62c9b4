import { expect, test } from 'vitest';
import type { Round } from '@couchestor/shared/messages';
import { anIntent, aPool, aReplica, aRound, aVolume, evidenceOf, START, START_MS } from '../../test/evidence.ts';
import type { Evidence, SeenVolume } from './evidence.ts';
import { nextStep } from './next-step.ts';
import type { Step } from './step.ts';

const MINUTE_MS = 60_000;
const placement = ['sata-n1', 'sata-n2', 'sata-n3'];
const whole = aVolume({ placement });
const two = aVolume({ placement: ['sata-n2', 'sata-n3'] });

const stepOf = (round: Partial<Round>, volume: SeenVolume, change: Partial<Evidence> = {}): Step =>
  nextStep(
    anIntent({
      placement,
      allowReducedRedundancy: true,
      roundsStarted: 1,
      round: aRound(placement, 'nvme-n1', { order: 'shrinkFirst', ...round }),
    }),
    { ...evidenceOf(volume), ...change },
    { method: 'poolCordon', cachePeriodMs: 30_000 },
  );

test('one leaves under the lease of the fence, when the volume has come to rest, and its successor has room', () => {
  expect(stepOf({}, whole)).toMatchObject({ kind: 'planSteer', steer: { node: 'n1' } });
  expect(stepOf({}, whole, { fenceHeld: false })).toEqual({ kind: 'takeFence' });
  expect(stepOf({}, whole, { stableForMs: 0 })).toEqual({ kind: 'wait', reason: 'Settling' });
  const { nodes = new Map(), pools = new Map() } = evidenceOf(whole).cluster ?? {};
  const full = aPool('nvme-n1');
  const cluster = { nodes, pools: new Map(pools).set('nvme-n1', { ...full, usedBytes: full.capacityBytes }) };
  expect(stepOf({}, whole, { cluster })).toEqual({ kind: 'endRound', moved: false });
  const fuller = { ...full, usedBytes: 0.9 * full.capacityBytes };
  const tooFull = { nodes, pools: new Map(pools).set('nvme-n1', fuller) };
  expect(stepOf({}, whole, { cluster: tooFull })).toEqual({ kind: 'endRound', moved: false });
});

test('with one less the count goes up again; a replica that nobody counts is waited for, and a person is asked in the end', () => {
  const left = { shrinks: 1 };
  expect(stepOf(left, two)).toMatchObject({ kind: 'planFence' });
  const half = { ...whole, replicaCount: 2 };
  expect(stepOf(left, half)).toEqual({ kind: 'wait', reason: 'HalfDoneGrowth' });
  expect(stepOf({ ...left, growths: 6 }, two)).toMatchObject({ kind: 'attend', reason: 'ReducedRedundancy' });
});

test('a successor that is not filled in time is needed all the same: a person is asked', () => {
  const filling = aReplica('nvme-n1', { childState: 'Degraded', rebuildPercent: 40 });
  const volume = { ...two, replicaCount: 3, status: 'Degraded' as const, replicas: [...two.replicas, filling] };
  const round = { shrinks: 1, growths: 1, newReplicaId: filling.replicaId, addedAt: START };
  const after = (minutes: number): Step => stepOf(round, volume, { nowMs: START_MS + minutes * MINUTE_MS });
  expect(after(31)).toMatchObject({ kind: 'attend', reason: 'SyncTimeout' });
  expect(after(1)).toEqual({ kind: 'wait', reason: 'Rebuilding' });
});
