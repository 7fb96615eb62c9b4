import type { Heartbeat, Intent } from '@couchestor/shared/messages';
import type { World } from '../world/world.ts';
import { NEWS_MS } from './knowable.ts';
import type { SeenCall } from './seen-call.ts';

/** What people stop. */

/** Permit and tail of the permit, from when the last heartbeat was stored. */
const PERMIT_MS = 14_000;
const LIFT_MS = 18_000;
/** A pause is in force within this, while watcher and NATS are reachable. */
const PAUSE_WITHIN_MS = 5_000;

export function askedWhilePaused({ truth, clock }: World): string | undefined {
  const sinceMs = clock.monotonicMs() - (truth.pausedAtMs ?? Number.POSITIVE_INFINITY);
  return sinceMs > NEWS_MS ? `a move is asked for ${sinceMs} ms after all was paused` : undefined;
}

export function afterStop(
  { change, process, method, path, isLate }: SeenCall,
  { truth, clock }: World,
): string | undefined {
  if (change.kind === 'probe' || isLate) return undefined;
  const nowMs = clock.monotonicMs();
  const isRelease = change.kind === 'uncordon';
  if (isRelease) {
    const sinceMs = nowMs - truth.heartbeatAtMs;
    return sinceMs > LIFT_MS ? `${method} ${path} ${sinceMs} ms after the last heartbeat` : undefined;
  }
  if (truth.heardPause.has(process.name)) return `${method} ${path} by ${process.name}, which has heard the pause`;
  const sinceMs = nowMs - truth.openHeartbeatAtMs;
  return sinceMs > PERMIT_MS ? `${method} ${path} ${sinceMs} ms after the last heartbeat that allowed it` : undefined;
}

/** A heartbeat permits to act after all was paused. */
export function permitsThoughPaused({ paused }: Heartbeat, { truth, clock }: World): string | undefined {
  const sinceMs = clock.monotonicMs() - (truth.pausedAtMs ?? Number.POSITIVE_INFINITY);
  return !paused && sinceMs > PAUSE_WITHIN_MS
    ? `a heartbeat permits to act ${sinceMs} ms after all was paused`
    : undefined;
}

/** A move goes on to its end that a person asked to be aborted. */
export function completedThoughAborted(next: Intent, { truth, clock }: World): string | undefined {
  const askedAtMs = truth.abortAskedAtMs.get(next.migrationId);
  if (askedAtMs === undefined || next.state !== 'ended' || next.outcome !== 'completed') return undefined;
  const agoMs = clock.monotonicMs() - askedAtMs;
  return agoMs > NEWS_MS ? `${next.migrationId} is completed, though a person aborted it ${agoMs} ms ago` : undefined;
}
