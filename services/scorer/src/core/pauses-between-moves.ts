import { formatDuration, HOUR_MS, MINUTE_MS } from '@couchestor/shared/units';
import type { Tier } from '@couchestor/shared/policy';
import { cooldownOf, undoneTooSoon } from '@couchestor/shared/scoring';
import type { Hold } from './decision.ts';
import type { IntentState, Wishes } from './world.ts';

const BACK_OFF_FIRST_MS = 5 * MINUTE_MS;
const BACK_OFF_MAX_MS = 24 * HOUR_MS;
/** Two periods in which the volumes are observed: by then what a move changed is published. */
const OBSERVED_WITHIN_MS = MINUTE_MS;

export interface MoveHistory {
  readonly intent: IntentState | undefined;
  readonly lastMigration: Wishes['lastMigration'];
}

/** Holds a volume for its cooldown after a completed move, counted from the later of what the record and the PV say. */
export function cooldownHold(history: MoveHistory, cooldownMs: number, nowMs: number): Hold | undefined {
  const { intent, lastMigration } = history;
  if (lastMigration.kind === 'unreadable') {
    const message = `The annotation last-migration (${lastMigration.text}) cannot be read, so that the cooldown cannot be said to be over; remove it.`;
    return { reason: 'CoolingDown', message };
  }
  const completedAtMs = Math.max(
    intent?.lastCompletedAtMs ?? -Infinity,
    intent?.state === 'ended' && intent.outcome === 'completed' ? intent.endedAtMs : -Infinity,
    lastMigration.kind === 'at' ? lastMigration.atMs : -Infinity,
  );
  const wholeMs = cooldownOf(cooldownMs, intent?.regretsInRow ?? 0);
  if (nowMs - completedAtMs >= wholeMs) return undefined;
  const doubled =
    wholeMs > cooldownMs ? `; it is ${formatDuration(cooldownMs)}, doubled for each move that was undone` : '';
  return {
    reason: 'CoolingDown',
    message: `Its last move ended less than its cooldown of ${formatDuration(wholeMs)} ago${doubled}.`,
    nextEligibleAtMs: completedAtMs + wholeMs,
  };
}

/** Holds a volume whose last move failed or was rolled back: 5 minutes, doubling to 24 hours, unless its record says when. */
export function backOffHold(intent: IntentState | undefined, nowMs: number): Hold | undefined {
  if (intent?.state !== 'ended' || intent.outcome === 'completed') return undefined;
  const ownMs = Math.min(BACK_OFF_FIRST_MS * 2 ** Math.min(Math.max(intent.failuresInRow - 1, 0), 16), BACK_OFF_MAX_MS);
  const retryAtMs = intent.retryAtMs ?? intent.endedAtMs + ownMs;
  if (nowMs >= retryAtMs) return undefined;
  const what = intent.outcome === 'failed' ? 'failed' : 'was rolled back';
  return { reason: 'BackingOff', message: `Its last move ${what}.`, nextEligibleAtMs: retryAtMs };
}

/**
 * Holds a volume of which nothing was published since its last move ended: the fact may show it as it was before. It may
 * as well have been published in the last moments of the move, and then is never followed by another; so not for long.
 */
export function unobservedHold(intent: IntentState | undefined, observedAtMs: number, nowMs: number): Hold | undefined {
  if (intent?.state !== 'ended' || observedAtMs >= intent.endedAtMs) return undefined;
  const untilMs = intent.endedAtMs + OBSERVED_WITHIN_MS;
  if (nowMs >= untilMs) return undefined;
  const message = 'Its last move has just ended, and what it left is not observed yet.';
  return { reason: 'VolumeNotReady', message, nextEligibleAtMs: untilMs };
}

/** How many moves in a row, one to `toTier` now included, undid the move before it too soon. */
export function regretsOf(intent: IntentState | undefined, toTier: Tier, cooldownMs: number, nowMs: number): number {
  if (intent === undefined) return 0;
  if (intent.state === 'active' || intent.outcome !== 'completed') return intent.regretsInRow;
  const soon = undoneTooSoon(nowMs - intent.endedAtMs, cooldownMs, intent.regretsInRow);
  return soon && intent.fromTier === toTier ? intent.regretsInRow + 1 : 0;
}
