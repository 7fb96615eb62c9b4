import type { PolicyEvaluated } from '@couchestor/shared/messages';
import {
  policyConditionTypes,
  type ParsedSpec,
  type PolicyConditionType,
  type PolicyPhase,
} from '@couchestor/shared/policy';
import type { Control } from './objects.ts';
import { same } from './same.ts';
import { type Condition, type Ledger, type PlacementCounts, type PolicyStatus } from './status.ts';

/** What is known of a policy beside its ledger. What is not known yet is undefined and stays as the status has it. */
export interface PolicyView {
  readonly generation: number;
  readonly parsed: ParsedSpec;
  /** What the scorer last said of it; undefined before its first word. */
  readonly evaluated: PolicyEvaluated | undefined;
  readonly counts: PlacementCounts | undefined;
  readonly activeMigrations: number | undefined;
  /** Names of older policies that take volumes which this one claims too. */
  readonly overlappedBy: readonly string[] | undefined;
  readonly control: Control | undefined;
}

/** Further than this behind the stream, a checkpoint is written even if there is nothing else to write. */
export const CHECKPOINT_LAG_MAX = 10_000;
const MESSAGE_CHARACTERS_MAX = 8_192;
const REASON_PATTERN = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;

type Finding = Pick<Condition, 'status' | 'reason' | 'message'> & {
  /** Of the spec that it is about, where that may be an earlier one. */
  readonly generation?: number;
};

/**
 * The status that a policy should have.
 * @returns `previous` itself if nothing is to be written: a checkpoint that only went on is no news.
 */
export function composeStatus(
  previous: PolicyStatus | undefined,
  ledger: Ledger,
  view: PolicyView,
  nowMs: number,
): PolicyStatus {
  const phase = phaseOf(view);
  const findings = findingsOf(view, phase);
  const next: PolicyStatus = {
    phase,
    watchedVolumes: view.counts?.watchedVolumes ?? previous?.watchedVolumes ?? 0,
    hotVolumes: view.counts?.hotVolumes ?? previous?.hotVolumes ?? 0,
    warmVolumes: view.counts?.warmVolumes ?? previous?.warmVolumes ?? 0,
    coldVolumes: view.counts?.coldVolumes ?? previous?.coldVolumes ?? 0,
    mixedVolumes: view.counts?.mixedVolumes ?? previous?.mixedVolumes ?? 0,
    activeMigrations: view.activeMigrations ?? previous?.activeMigrations ?? 0,
    totalMigrations: ledger.totalMigrations,
    failedMigrations: ledger.failedMigrations,
    history: ledger.history,
    applied: ledger.applied,
    observedGeneration: view.generation,
    conditions: policyConditionTypes.map((type) =>
      conditionOf(
        previous?.conditions.find((condition) => condition.type === type),
        type,
        findings[type],
        view.generation,
        nowMs,
      ),
    ),
    lastReconcileMs: previous?.lastReconcileMs,
  };
  if (previous !== undefined && isSettled(previous, next)) return previous;
  return { ...next, lastReconcileMs: wholeSeconds(nowMs) };
}

function isSettled(previous: PolicyStatus, next: PolicyStatus): boolean {
  if (!same({ ...previous, applied: undefined }, { ...next, applied: undefined })) return false;
  if (previous.applied === undefined || next.applied === undefined) return previous.applied === next.applied;
  const lag = next.applied.lastSequence - previous.applied.lastSequence;
  // A checkpoint that goes back, because the stream did, would hide events from whoever begins with it.
  return previous.applied.streamCreatedAt === next.applied.streamCreatedAt && lag >= 0 && lag < CHECKPOINT_LAG_MAX;
}

function phaseOf({ parsed, evaluated }: PolicyView): PolicyPhase {
  if (parsed.kind === 'invalid') return 'Error';
  if (!parsed.spec.enabled) return 'Disabled';
  return evaluated === undefined ? 'Pending' : 'Active';
}

function findingsOf(view: PolicyView, phase: PolicyPhase): Record<PolicyConditionType, Finding | undefined> {
  const { evaluated, overlappedBy, control } = view;
  return {
    Ready: ready(view, phase),
    MetricsAvailable: evaluated === undefined ? notEvaluated : availability(evaluated, 'metrics'),
    PoolsAvailable: evaluated === undefined ? notEvaluated : availability(evaluated, 'pools'),
    Overlapping: overlappedBy === undefined ? undefined : overlapping(overlappedBy),
    Paused: control === undefined ? undefined : paused(control),
  };
}

const notEvaluated: Finding = {
  status: 'Unknown',
  reason: 'NotEvaluated',
  message: 'The scorer has not looked at this policy yet.',
};

function ready({ parsed, evaluated }: PolicyView, phase: PolicyPhase): Finding {
  switch (phase) {
    case 'Error':
      return {
        status: 'False',
        reason: 'InvalidSpec',
        message: parsed.kind === 'invalid' ? sentences(parsed.problems) : '',
      };
    case 'Disabled':
      return { status: 'False', reason: 'Disabled', message: 'spec.enabled is false: nothing new starts.' };
    case 'Pending':
      return { ...notEvaluated };
    case 'Active':
      break;
  }
  if (evaluated === undefined) return notEvaluated;
  const { policyGeneration: generation, metrics, pools } = evaluated;
  if (!metrics.available) {
    return { status: 'False', reason: 'MetricsUnavailable', message: metrics.message, generation };
  }
  if (!pools.available) {
    return { status: 'False', reason: 'PoolsUnavailable', message: pools.message, generation };
  }
  return { status: 'True', reason: 'Reconciled', message: 'The policy is in force.', generation };
}

function availability(evaluated: PolicyEvaluated, of: 'metrics' | 'pools'): Finding {
  const { available, reason, message } = evaluated[of];
  return {
    status: available ? 'True' : 'False',
    reason: REASON_PATTERN.test(reason) ? reason : 'Other',
    message,
    generation: evaluated.policyGeneration,
  };
}

function overlapping(olderPolicies: readonly string[]): Finding {
  if (olderPolicies.length === 0) {
    return { status: 'False', reason: 'NoOverlap', message: 'No older policy claims a volume of this one.' };
  }
  const names = [...olderPolicies].sort().map((name) => JSON.stringify(name));
  return {
    status: 'True',
    reason: 'OlderPolicyClaims',
    message: `Older ${names.length === 1 ? 'policy' : 'policies'} ${names.join(', ')} also claim volumes that this policy claims, and take them; narrow volumeSelector or storageClassName of one of them.`,
  };
}

function paused({ paused: isPaused, reason }: Control): Finding {
  if (!isPaused) return { status: 'False', reason: 'NotPaused', message: 'Moves may start.' };
  return {
    status: 'True',
    reason: 'PausedByControl',
    message: `The ConfigMap couchestor-control pauses every move${reason === undefined || reason === '' ? '' : `: ${reason}`}.`,
  };
}

function sentences(problems: readonly string[]): string {
  return problems.map((problem) => `${problem}.`).join(' ');
}

function conditionOf(
  previous: Condition | undefined,
  type: PolicyConditionType,
  finding: Finding | undefined,
  observedGeneration: number,
  nowMs: number,
): Condition {
  if (finding === undefined) {
    return (
      previous ?? {
        type,
        status: 'Unknown',
        reason: 'NotObserved',
        message: 'Not observed yet.',
        observedGeneration,
        lastTransitionMs: wholeSeconds(nowMs),
      }
    );
  }
  return {
    type,
    status: finding.status,
    reason: finding.reason,
    message: finding.message.slice(0, MESSAGE_CHARACTERS_MAX).toWellFormed(),
    observedGeneration: Math.min(finding.generation ?? observedGeneration, observedGeneration),
    lastTransitionMs: previous?.status === finding.status ? previous.lastTransitionMs : wholeSeconds(nowMs),
  };
}

/** Kubernetes writes these times in seconds. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
