/**
 * The permit to act, on this process's monotonic clock. It holds for a while after a **new** heartbeat was seen; the
 * first one after a start or reconnect may be an old one that was still there, and does not count.
 */
export interface PermitState {
  readonly seenAtMonotonicMs: number | undefined;
  readonly paused: boolean;
  /** How far the sender's wall clock is ahead of the monotonic clock here, but for the time that a heartbeat travels. */
  readonly senderAheadMs: number | undefined;
}

export interface SeenHeartbeat {
  readonly paused: boolean;
  readonly sentAtMs: number;
}

/** How long a heartbeat permits to act, and how long after it our own cordons may still be removed. */
const PERMIT_LIFE_MS = 14_000;
const LIFT_LIFE_MS = 18_000;

export const noPermit: PermitState = { seenAtMonotonicMs: undefined, paused: false, senderAheadMs: undefined };

export function heartbeatSeen(
  state: PermitState,
  { paused, sentAtMs }: SeenHeartbeat,
  isFirst: boolean,
  nowMonotonicMs: number,
): PermitState {
  if (isFirst) return { ...state, paused };
  return { seenAtMonotonicMs: nowMonotonicMs, paused, senderAheadMs: sentAtMs - nowMonotonicMs };
}

/** What the sender's wall clock shows now; undefined before it was heard of. */
export function senderNowMs({ senderAheadMs }: PermitState, nowMonotonicMs: number): number | undefined {
  return senderAheadMs === undefined ? undefined : senderAheadMs + nowMonotonicMs;
}

/** May a call start that takes up to `leadMs`? */
export function mayAct(state: PermitState, leadMs: number, nowMonotonicMs: number): boolean {
  return !state.paused && remainsMs(state, PERMIT_LIFE_MS, nowMonotonicMs) >= leadMs;
}

/** May a cordon of ours be removed by a call that takes up to `leadMs`? Also while all is paused. */
export function mayLift(state: PermitState, leadMs: number, nowMonotonicMs: number): boolean {
  return remainsMs(state, LIFT_LIFE_MS, nowMonotonicMs) >= leadMs;
}

function remainsMs(state: PermitState, lifeMs: number, nowMonotonicMs: number): number {
  return state.seenAtMonotonicMs === undefined ? 0 : state.seenAtMonotonicMs + lifeMs - nowMonotonicMs;
}
