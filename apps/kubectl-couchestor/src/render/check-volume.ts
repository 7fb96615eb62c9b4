import {
  claimOf,
  parsePolicySpec,
  readClaims,
  type ClaimingSpec,
  type ParsedSpec,
  type PolicySpec,
} from '@couchestor/shared/policy';
import { formatDuration, formatTimestamp } from '@couchestor/shared/units';
import { annotations, type Control, type PersistentVolume, type StoragePolicy } from '../objects.ts';

/** One question of "why does it not move?", answered from what Kubernetes holds alone. */
export interface Check {
  readonly question: string;
  /** `blocks` keeps the volume where it is; `note` is worth knowing. */
  readonly verdict: 'ok' | 'blocks' | 'note';
  readonly answer: string;
  /** What would change it. */
  readonly remedy?: string;
}

/** A policy as far as it can be read; one with an error still claims its volumes, and moves none of them. */
interface ReadPolicy {
  readonly policyId: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly spec: ClaimingSpec;
  readonly parsed: ParsedSpec;
  readonly policy: StoragePolicy;
}

function readPolicy(policy: StoragePolicy): ReadPolicy {
  const { name, uid = name, creationTimestamp = '' } = policy.metadata;
  const parsed = parsePolicySpec(policy.spec);
  const spec = parsed.kind === 'valid' ? parsed.spec : readClaims(policy.spec);
  return { policyId: uid, name, createdAtMs: Date.parse(creationTimestamp) || 0, spec, parsed, policy };
}

export interface VolumeChecks {
  /** The name of the policy that it belongs to; undefined if there is none. */
  readonly owner: string | undefined;
  readonly checks: readonly Check[];
}

export function checkVolume(
  volume: PersistentVolume,
  policies: readonly StoragePolicy[],
  control: Control,
  nowMs: number,
): VolumeChecks {
  const claim = claimOf(policies.map(readPolicy), {
    storageClassName: volume.spec?.storageClassName ?? '',
    labels: volume.metadata.labels ?? {},
  });
  const owner = claim.kind === 'claimed' ? claim.policy : undefined;
  return {
    owner: owner?.name,
    checks: [
      checkPause(control),
      checkBound(volume),
      ...(owner === undefined ? [checkUnclaimed(volume)] : checkPolicy(owner)),
      checkHold(volume, nowMs),
      ...checkPin(volume),
      ...(owner?.parsed.kind === 'valid' ? [checkCooldown(volume, owner.parsed.spec, nowMs)] : []),
    ],
  };
}

function checkPause({ paused, reason }: Control): Check {
  const question = 'paused?';
  if (!paused) return { question, verdict: 'ok', answer: 'no' };
  const why = reason === undefined ? '' : `: ${reason}`;
  return { question, verdict: 'blocks', answer: `everything is paused${why}`, remedy: 'kubectl couchestor resume' };
}

function checkBound({ status }: PersistentVolume): Check {
  const phase = status?.phase ?? 'Pending';
  const question = 'bound to a claim?';
  if (phase === 'Bound') return { question, verdict: 'ok', answer: 'yes' };
  return { question, verdict: 'blocks', answer: `its phase is ${phase}`, remedy: 'A claim that it is bound to.' };
}

function checkUnclaimed({ spec }: PersistentVolume): Check {
  return {
    question: 'has a policy?',
    verdict: 'blocks',
    answer: `no policy claims StorageClass ${JSON.stringify(spec?.storageClassName ?? '')} with its labels`,
    remedy: 'A StoragePolicy with its storageClassName, and a volumeSelector that matches its labels.',
  };
}

function checkPolicy({ name, parsed, policy }: ReadPolicy): Check[] {
  const checks: Check[] = [{ question: 'has a policy?', verdict: 'ok', answer: name }];
  if (parsed.kind === 'invalid') {
    const answer = `it has an error, and so moves nothing: ${parsed.problems.join('; ')}`;
    const remedy = `kubectl edit storagepolicy ${name}`;
    return [...checks, { question: 'policy in order?', verdict: 'blocks', answer, remedy }];
  }
  const { spec } = parsed;
  checks.push(
    spec.enabled
      ? { question: 'policy enabled?', verdict: 'ok', answer: 'yes' }
      : {
          question: 'policy enabled?',
          verdict: 'blocks',
          answer: 'no',
          remedy: `kubectl patch storagepolicy ${name} --type=merge -p '{"spec":{"enabled":true}}'`,
        },
  );
  if (spec.dryRun) {
    checks.push({
      question: 'dry run?',
      verdict: 'blocks',
      answer: 'yes: it only decides and says so',
      remedy: `kubectl patch storagepolicy ${name} --type=merge -p '{"spec":{"dryRun":false}}'`,
    });
  }
  for (const type of ['MetricsAvailable', 'PoolsAvailable']) {
    const condition = policy.status?.conditions?.find((each) => each.type === type);
    const question = type === 'MetricsAvailable' ? 'metrics available?' : 'pools available?';
    if (condition?.status === 'True') checks.push({ question, verdict: 'ok', answer: condition.message });
    else if (condition?.status === 'False') {
      checks.push({
        question,
        verdict: 'blocks',
        answer: `${condition.reason}: ${condition.message}`,
        remedy: 'kubectl couchestor doctor',
      });
    } else {
      checks.push({ question, verdict: 'note', answer: 'not evaluated yet', remedy: 'A scorer that runs.' });
    }
  }
  const { activeMigrations = 0 } = policy.status ?? {};
  const max = spec.maxConcurrentMigrations;
  checks.push({
    question: 'a slot free?',
    verdict: activeMigrations < max ? 'ok' : 'note',
    answer: `${activeMigrations} of ${max} moves of the policy in flight`,
  });
  return checks;
}

function checkHold({ metadata }: PersistentVolume, nowMs: number): Check {
  const question = 'held?';
  const value = metadata.annotations?.[annotations.hold];
  const remedy = `kubectl couchestor hold pv/${metadata.name} --remove`;
  if (value === undefined) return { question, verdict: 'ok', answer: 'no' };
  const untilMs = Date.parse(value);
  if (value !== 'true' && untilMs <= nowMs) return { question, verdict: 'ok', answer: `no more, since ${value}` };
  return { question, verdict: 'blocks', answer: value === 'true' ? 'yes' : `until ${value}`, remedy };
}

function checkPin({ metadata }: PersistentVolume): Check[] {
  const value = metadata.annotations?.[annotations.pinTier];
  if (value === undefined) return [];
  const remedy = `kubectl couchestor pin pv/${metadata.name} --remove`;
  return [{ question: 'pinned?', verdict: 'note', answer: `to ${value}, whatever its score`, remedy }];
}

function checkCooldown({ metadata }: PersistentVolume, { cooldownMs }: PolicySpec, nowMs: number): Check {
  const question = 'cooling down?';
  const last = metadata.annotations?.[annotations.lastMigration];
  if (last === undefined) return { question, verdict: 'ok', answer: 'no: no move of it is on record' };
  const endMs = Date.parse(last) + cooldownMs;
  if (Number.isNaN(endMs))
    return { question, verdict: 'note', answer: `the last move ended at ${last}, which is no time` };
  const told = `the last move ended at ${last}, cooldownPeriod is ${formatDuration(cooldownMs)}`;
  if (endMs <= nowMs) return { question, verdict: 'ok', answer: `no: ${told}` };
  return {
    question,
    verdict: 'blocks',
    answer: `until ${formatTimestamp(endMs)}: ${told}`,
    remedy: 'Time, or a shorter cooldownPeriod.',
  };
}
