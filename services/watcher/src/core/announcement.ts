import { formatDuration } from '@couchestor/shared/units';
import { failureText, type EndedMove } from './ledger.ts';
import type { MigrationEvent } from './migration-event.ts';
import type { PolicyStatus } from './status.ts';

/** The object that a Kubernetes Event is about. Both kinds live in no namespace, so their Events live in `default`. */
export interface Regarding {
  readonly kind: 'PersistentVolume' | 'StoragePolicy';
  readonly name: string;
  readonly uid: string;
}

/** A Kubernetes Event. Object, reason and occurrence make its name, so that a repeat meets the first and is no second. */
export interface Announcement {
  readonly regarding: Regarding;
  readonly type: 'Normal' | 'Warning';
  /** PascalCase, stable. */
  readonly reason: string;
  readonly message: string;
  readonly occurrence: string;
}

/** The API server drops Events after an hour by default: news older than that would come back as a second Event. */
export const ANNOUNCEMENT_AGE_MAX_MS = 3_600_000;

/** One Event on the PersistentVolume and one on the policy, as far as each still exists. */
export function moveAnnouncements(event: MigrationEvent, regarding: readonly Regarding[]): Announcement[] {
  const told = tell(event);
  if (told === undefined) return [];
  const { type, reason, message, repeat = '' } = told;
  return regarding.map((object) => ({
    regarding: object,
    type,
    reason,
    message: `${event.volumeName}: ${message} (migration ${event.migrationId})`,
    occurrence: `${event.migrationId}${repeat}`,
  }));
}

/** Problems of a policy that the next status shows and the previous one did not show for this generation. */
export function policyAnnouncements(
  policy: { readonly policyId: string; readonly name: string },
  previous: PolicyStatus | undefined,
  next: PolicyStatus,
): Announcement[] {
  const announcements: Announcement[] = [];
  for (const condition of next.conditions) {
    const isProblem =
      (condition.type === 'Ready' && next.phase === 'Error') ||
      (condition.type === 'Overlapping' && condition.status === 'True');
    if (!isProblem) continue;
    const before = previous?.conditions.find(({ type }) => type === condition.type);
    if (
      before !== undefined &&
      before.status === condition.status &&
      before.reason === condition.reason &&
      previous?.observedGeneration === next.observedGeneration
    ) {
      continue;
    }
    announcements.push({
      regarding: { kind: 'StoragePolicy', name: policy.name, uid: policy.policyId },
      type: 'Warning',
      reason: condition.reason,
      message: condition.message,
      occurrence: String(next.observedGeneration),
    });
  }
  return announcements;
}

interface Told {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** What tells two of the same move and reason apart. */
  readonly repeat?: string;
}

function tell({ step }: MigrationEvent): Told | undefined {
  switch (step.kind) {
    case 'accepted':
      return {
        type: 'Normal',
        reason: 'MigrationStarted',
        message: `moving from ${step.fromTier} to ${step.toTier}${
          step.triggerIops === undefined ? '' : ` at ${Math.round(step.triggerIops)} IOPS`
        }`,
      };
    case 'ended':
      return tellEnd(step.move);
    case 'needs-attention':
      return {
        type: 'Warning',
        reason: 'MigrationNeedsAttention',
        message: `${step.reason}: ${step.message}`,
        repeat: ` ${step.reason}`,
      };
    case 'refused':
    case 'progressed':
      return undefined;
  }
}

function tellEnd({ outcome, fromTier, toTier, durationMs }: EndedMove): Told {
  switch (outcome.kind) {
    case 'completed':
      return {
        type: 'Normal',
        reason: 'MigrationCompleted',
        message: `moved from ${fromTier} to ${toTier} in ${formatDuration(durationMs)}`,
      };
    case 'failed':
      return {
        type: 'Warning',
        reason: 'MigrationFailed',
        message: `Migration failed: ${failureText(outcome.reason, outcome.message)}`,
      };
    case 'aborted':
      return {
        type: 'Normal',
        reason: 'MigrationAborted',
        message: `move from ${fromTier} to ${toTier} aborted: ${outcome.message}`,
      };
  }
}
