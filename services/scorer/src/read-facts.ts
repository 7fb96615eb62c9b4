import type { Intent, ObservedPersistentVolume, PolicyObserved, VolumeObserved } from '@couchestor/shared/messages';
import { parsePolicySpec, readClaims } from '@couchestor/shared/policy';
import { parseTimestampMs } from '@couchestor/shared/units';
import type { IntentState, InvalidPolicy, ValidPolicy, Wishes, WorldVolume } from './core/world.ts';
import type { Observed } from './ports.ts';

/** Reads what facts hold as text (specs, times, annotations) into what the core decides by. */

export type ReadPolicy = Omit<ValidPolicy, 'window' | 'scores'> | InvalidPolicy;

export function readPolicy({ policyId, name, generation, createdAt, spec: stored }: PolicyObserved): ReadPolicy {
  const head = { policyId, name, generation, createdAtMs: parseTimestampMs(createdAt) };
  const parsed = parsePolicySpec(stored);
  switch (parsed.kind) {
    case 'valid':
      return { kind: 'valid', ...head, spec: parsed.spec };
    case 'invalid':
      return { kind: 'invalid', ...head, spec: readClaims(stored), problems: toldProblems(parsed.problems) };
  }
}

/** They go into a message for each volume of the policy, so that what is wrong with one must not be too long for all. */
function toldProblems(problems: readonly string[]): readonly string[] {
  const told = problems.slice(0, PROBLEMS_MAX).map((problem) => problem.slice(0, PROBLEM_LENGTH_MAX));
  const more = problems.length - told.length;
  return more === 0 ? told : [...told, `and ${more} more`];
}
const PROBLEMS_MAX = 10;
const PROBLEM_LENGTH_MAX = 500;

export function readVolume({ data: fact, timeMs }: Observed<VolumeObserved>): WorldVolume {
  return { fact, observedAtMs: timeMs, wishes: readWishes(fact.persistentVolume) };
}

const NO_WISHES: Wishes = { lastMigration: { kind: 'never' }, hold: { kind: 'none' }, pin: { kind: 'none' } };

function readWishes(persistentVolume: ObservedPersistentVolume | undefined): Wishes {
  if (persistentVolume === undefined) return NO_WISHES;
  const { lastMigration, hold, pinTier, approve } = persistentVolume;
  if (lastMigration === undefined && hold === undefined && pinTier === undefined && approve === undefined) {
    return NO_WISHES;
  }
  return {
    lastMigration: readLastMigration(lastMigration),
    hold: readHold(hold),
    pin: readPin(pinTier),
    ...(approve === undefined ? {} : { approved: approve.trim() }),
  };
}

function readLastMigration(text: string | undefined): Wishes['lastMigration'] {
  if (text === undefined) return { kind: 'never' };
  const atMs = readTime(text);
  return atMs === undefined ? { kind: 'unreadable', text: shown(text) } : { kind: 'at', atMs };
}

function readHold(text: string | undefined): Wishes['hold'] {
  if (text === undefined || text.trim() === 'false') return { kind: 'none' };
  if (text.trim() === 'true') return { kind: 'forever' };
  const atMs = readTime(text);
  return atMs === undefined ? { kind: 'unreadable', text: shown(text) } : { kind: 'until', atMs };
}

function readPin(text: string | undefined): Wishes['pin'] {
  switch (text?.trim()) {
    case undefined:
      return { kind: 'none' };
    case 'hot':
      return { kind: 'tier', tier: 'hot' };
    case 'warm':
      return { kind: 'tier', tier: 'warm' };
    case 'cold':
      return { kind: 'tier', tier: 'cold' };
    default:
      return { kind: 'unreadable', text: shown(text ?? '') };
  }
}

/** RFC 3339 and nothing else: `Date.parse` also takes what only looks like a time. */
function readTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text.trim())) return undefined;
  const ms = Date.parse(text.trim().toUpperCase().replace(' ', 'T'));
  return Number.isNaN(ms) ? undefined : ms;
}

/** Annotations are long at times, and end up in messages. */
const shown = (text: string): string => text.slice(0, 80);

export function readIntent(intent: Intent): IntentState {
  const { migrationId, proposalId, attempt, policyId, fromTier, toTier, seenIds, lastCompletedAt } = intent;
  const head = {
    migrationId,
    proposalId,
    attempt,
    policyId,
    fromTier,
    toTier,
    startedAtMs: parseTimestampMs(intent.startedAt),
    seenIds,
    regretsInRow: intent.regretsInRow ?? 0,
    ...(lastCompletedAt === undefined ? {} : { lastCompletedAtMs: parseTimestampMs(lastCompletedAt) }),
  };
  switch (intent.state) {
    case 'active':
      return {
        ...head,
        state: 'active',
        sizeBytes: intent.sizeBytes,
        failuresInRow: intent.failuresInRow,
        targetPool: intent.round?.targetPool ?? intent.targetPools[0] ?? '',
        ...(intent.attention === undefined ? {} : { attention: intent.attention.message }),
      };
    case 'ended':
      return {
        ...head,
        state: 'ended',
        outcome: intent.outcome,
        endedAtMs: parseTimestampMs(intent.endedAt),
        failuresInRow: intent.failuresInRow,
        ...(intent.retryAt === undefined ? {} : { retryAtMs: parseTimestampMs(intent.retryAt) }),
      };
  }
}
