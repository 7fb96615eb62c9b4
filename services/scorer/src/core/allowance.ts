import type { PolicySpec } from '@couchestor/shared/policy';
import { formatDuration, HOUR_MS } from '@couchestor/shared/units';
import type { Brake, Hold } from './decision.ts';
import type { Traffic } from './traffic.ts';

/** Requests beyond the free slots, so that a slot that comes free is taken at once by who is next in rank. */
const REQUESTS_IN_WAITING = 2;
/** How long failures in a row stop a policy; afterwards one move at a time shows whether the cause is gone. */
const FAILURE_PAUSE_MS = HOUR_MS;

export interface AllowanceInput {
  readonly limits: PolicySpec['limits'];
  readonly maxConcurrentMigrations: number;
  /** Moves that migrators let be in flight in the whole cluster; Infinity while none has told. */
  readonly fleetLimit: number;
  readonly watchedVolumes: number;
  readonly traffic: Traffic;
  /** Requests of the policy that may still be taken up though their volumes are no candidates any more. */
  readonly outstandingElsewhere: number;
  readonly nowMs: number;
}

/** How many moves of a policy may be requested now, those requested before and not taken up yet included. */
export interface Allowance {
  readonly requests: number;
  /** For those that come after them in rank. */
  readonly holdBeyond: Hold;
  readonly brakes: readonly Brake[];
}

interface Limit {
  readonly remaining: number;
  readonly hold: Hold;
  readonly brake?: Brake;
}

/** The tightest of a policy's limits decides; each of them alone is never exceeded. */
export function allowanceOf(input: AllowanceInput): Allowance {
  const limits = [slotLimit(input), motionLimit(input), hourLimit(input), failureLimit(input)];
  const tightest = limits.reduce((least, next) => (next.remaining < least.remaining ? next : least));
  const brakes = limits.flatMap(({ remaining, brake }) => (remaining <= 0 && brake !== undefined ? [brake] : []));
  return { requests: Math.max(0, tightest.remaining), holdBeyond: tightest.hold, brakes };
}

function slotLimit(input: AllowanceInput): Limit {
  const { maxConcurrentMigrations, fleetLimit, outstandingElsewhere } = input;
  const { inMotion, fleetInMotion } = input.traffic;
  const ofPolicy = Math.max(0, maxConcurrentMigrations - inMotion);
  // Which policy gets the slots of the fleet is for the migrators to say, who give them out in turn.
  const ofFleet = Math.max(0, fleetLimit - fleetInMotion);
  const message =
    ofFleet < ofPolicy
      ? `Others come first: FLEET_MIGRATIONS_MAX is ${fleetLimit}, and ${fleetInMotion} moves are in flight in the cluster.`
      : `Others come first: maxConcurrentMigrations is ${maxConcurrentMigrations}, and ${inMotion} moves are in flight.`;
  return {
    remaining: Math.min(ofPolicy, ofFleet) + REQUESTS_IN_WAITING - outstandingElsewhere,
    hold: { reason: 'AwaitingSlot', message },
  };
}

function motionLimit({ limits, watchedVolumes, traffic, outstandingElsewhere }: AllowanceInput): Limit {
  const percent = limits.maxVolumesInMotionPercent;
  const most = Math.max(1, Math.floor((watchedVolumes * percent) / 100));
  const message = `limits.maxVolumesInMotionPercent of ${percent} allows ${most} of ${watchedVolumes} volumes in motion.`;
  return {
    remaining: most - traffic.inMotion - outstandingElsewhere,
    hold: { reason: 'BrakeFleet', message },
    brake: 'VolumesInMotion',
  };
}

function hourLimit({ limits, traffic, outstandingElsewhere }: AllowanceInput): Limit {
  const most = limits.maxMovesPerHour;
  const { startsLastHour } = traffic;
  const remaining = most - startsLastHour.length - outstandingElsewhere;
  // The start whose passing out of the hour makes room for one more.
  const leaving = startsLastHour[startsLastHour.length - most];
  const message = `limits.maxMovesPerHour of ${most} is used up.`;
  return {
    remaining,
    hold: {
      reason: 'BrakeFleet',
      message,
      ...(leaving === undefined ? {} : { nextEligibleAtMs: leaving.startedAtMs + HOUR_MS }),
    },
    brake: 'MovesPerHour',
  };
}

function failureLimit({ limits, traffic, outstandingElsewhere, nowMs }: AllowanceInput): Limit {
  const { failuresInRow, lastFailureAtMs, inMotion } = traffic;
  const most = limits.maxConsecutiveFailures;
  const endsAtMs = lastFailureAtMs + FAILURE_PAUSE_MS;
  const failed = `${failuresInRow} moves failed in a row, and limits.maxConsecutiveFailures is ${most}.`;
  const hold = (message: string): Hold => ({ reason: 'BrakeFleet', message: `${failed} ${message}` });
  if (failuresInRow < most) return { remaining: Infinity, hold: hold('') };
  if (nowMs < endsAtMs) {
    const paused = hold(`Nothing starts for ${formatDuration(FAILURE_PAUSE_MS)} after the last of them.`);
    return { remaining: 0, hold: { ...paused, nextEligibleAtMs: endsAtMs }, brake: 'ConsecutiveFailures' };
  }
  const one = hold('Until one completes, one moves at a time.');
  return { remaining: 1 - inMotion - outstandingElsewhere, hold: one, brake: 'ConsecutiveFailures' };
}
