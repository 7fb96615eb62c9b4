import { createVirtualClock } from '@couchestor/shared/clock';
import type { Round } from '@couchestor/shared/messages';
import { expect, test } from 'vitest';
import { anIntent, aRound } from '../test/evidence.ts';
import { createMoveGuards } from './move-guards.ts';

const CALL_MS = 10_000;
const MARGIN_MS = 2_000;
const listed = 'sata-n4';

/** Guards of a move that may do everything, but for what the test changes. */
function guardsOf(change: Partial<Situation> = {}) {
  const clock = createVirtualClock();
  const it: Situation = { ...allowed, ...change };
  const fence: Round['fence'] = { kind: 'pool', ours: [listed], foreign: [] };
  const intent = anIntent({ placement: ['sata-n1'], round: aRound(['sata-n1'], 'nvme-n3', { fence }) });
  const guards = createMoveGuards({
    volumeId: intent.volumeId,
    record: { intent, isUnsettled: it.isUnsettled },
    ownership: { lasts: (leadMs) => leadMs < it.ownershipMs },
    fence: {
      isTaken: it.fenceMs !== undefined,
      lasts: (leadMs) => leadMs < (it.fenceMs ?? 0),
      isNobodys: it.isNobodys,
    },
    permission: { mayAct: (leadMs) => leadMs < it.permitMs, mayLift: (leadMs) => leadMs < it.liftMs },
    board: { closedElsewhere: () => new Set(it.closedElsewhere) },
    clock,
    callTimeoutMs: CALL_MS,
    marginMs: MARGIN_MS,
    isFresh: () => it.isFresh,
    isStopping: () => it.isStopping,
    farewellEndsMs: () => it.farewellEndsMs,
  });
  return { guards, clock };
}

interface Situation {
  readonly isStopping: boolean;
  readonly isUnsettled: boolean;
  readonly ownershipMs: number;
  /** Undefined: not taken. */
  readonly fenceMs: number | undefined;
  readonly permitMs: number;
  readonly liftMs: number;
  readonly isFresh: boolean;
  readonly isNobodys: boolean;
  readonly closedElsewhere: readonly string[];
  readonly farewellEndsMs: number | undefined;
}

const LONG_MS = CALL_MS + MARGIN_MS + 1;
const allowed: Situation = {
  isStopping: false,
  isUnsettled: false,
  ownershipMs: LONG_MS,
  fenceMs: LONG_MS,
  permitMs: LONG_MS,
  liftMs: MARGIN_MS + 1,
  isFresh: true,
  isNobodys: false,
  closedElsewhere: [],
  farewellEndsMs: undefined,
};

const allOf = ({ guards }: ReturnType<typeof guardsOf>) => ({
  act: guards.mayAct(),
  call: guards.mayCall(),
  fenced: guards.mayCallFenced(),
  lift: guards.mayLift(),
  pool: guards.mayLiftPool(listed),
  wait: guards.mayWaitToLift(),
});
const everything = { act: true, call: true, fenced: true, lift: true, pool: true, wait: true };
const noChange = { ...everything, act: false, call: false, fenced: false };

test.each<[string, Partial<Situation>, ReturnType<typeof allOf>]>([
  ['everything is in order', {}, everything],
  ['the process is to stop', { isStopping: true }, { ...noChange, wait: false }],
  ['a write had no answer', { isUnsettled: true }, noChange],
  ['the ownership does not outlast a call and its margin', { ownershipMs: CALL_MS + MARGIN_MS }, noChange],
  ['the permit does not', { permitMs: CALL_MS + MARGIN_MS }, noChange],
  ['the lease of the fence does not, and outlasts a removal', { fenceMs: CALL_MS + MARGIN_MS }, noChange],
  ['the lease of the fence does not outlast a removal either', { fenceMs: CALL_MS }, { ...noChange, pool: false }],
  ['there is no fence', { fenceMs: undefined }, { ...everything, fenced: false, pool: false }],
  ['what was read is too old', { isFresh: false }, { ...everything, call: false, fenced: false }],
  ['not even a removal may start', { liftMs: MARGIN_MS }, { ...everything, lift: false, pool: false, wait: false }],
  ['the fence is nobody’s', { fenceMs: undefined, isNobodys: true }, { ...everything, fenced: false }],
  [
    'the fence is nobody’s, but another has written that this pool stands in his',
    { fenceMs: undefined, isNobodys: true, closedElsewhere: [listed] },
    { ...everything, fenced: false, pool: false },
  ],
])('what a move may do where %s', (_, change, expected) => {
  expect(allOf(guardsOf(change))).toEqual(expected);
});

test('the fence is nobody’s unless another has written a pool of ours into his', () => {
  expect(guardsOf().guards.isFenceNobodys()).toBe(false);
  expect(guardsOf({ isNobodys: true }).guards.isFenceNobodys()).toBe(true);
  expect(guardsOf({ isNobodys: true, closedElsewhere: ['sata-n2'] }).guards.isFenceNobodys()).toBe(true);
  expect(guardsOf({ isNobodys: true, closedElsewhere: [listed] }).guards.isFenceNobodys()).toBe(false);
});

test('a process that stops waits for the fence as long as it says farewell', async () => {
  const { guards, clock } = guardsOf({ isStopping: true, farewellEndsMs: 6_000 });
  await clock.advance(6_000);
  expect(guards.mayWaitToLift()).toBe(true);
  await clock.advance(1);
  expect(guards.mayWaitToLift()).toBe(false);
});
