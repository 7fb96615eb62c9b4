import type { Decision, Move, WatchedVolume } from '../answers.ts';
import { annotations, claimNameOf, type Event, type PersistentVolume, type StoragePolicy } from '../objects.ts';
import type { Answer } from '../services.ts';
import type { Check, VolumeChecks } from './check-volume.ts';
import { pastMoves, renderHistory } from './history.ts';
import { formatFields, formatTable, joinBlocks } from './table.ts';
import { renderEvents } from './volume-events.ts';
import { dash, formatMoment, formatScore } from './words.ts';

export interface Explanation {
  readonly volume: PersistentVolume;
  readonly policies: readonly StoragePolicy[];
  readonly checks: VolumeChecks;
  readonly decision: Answer<Decision>;
  readonly move: Answer<Move | undefined>;
  readonly watched: Answer<WatchedVolume>;
  readonly events: readonly Event[];
}

const PAST_MOVES_MAX = 5;

export function renderExplanation(explanation: Explanation, wide: boolean, nowMs: number): string {
  const { volume, policies, checks, decision, move, watched, events } = explanation;
  const past = pastMoves(policies).filter(({ volumeName }) => volumeName === volume.metadata.name);
  return joinBlocks([
    renderVolume(volume, checks),
    decision.kind === 'answered'
      ? renderDecision(decision.value, nowMs)
      : `What the scorer decided is not known here${decision.kind === 'absent' ? ': it knows no such volume' : ''}. What Kubernetes holds follows.`,
    move.kind === 'answered' && move.value !== undefined ? renderMove(move.value) : undefined,
    renderChecks(checks.checks),
    watched.kind === 'answered' ? renderReplicas(watched.value) : undefined,
    past.length === 0 ? undefined : renderHistory(past.slice(0, PAST_MOVES_MAX), wide, nowMs),
    renderEvents(events, nowMs),
  ]);
}

function renderVolume(volume: PersistentVolume, { owner }: VolumeChecks): string {
  const { metadata, spec } = volume;
  const given = [annotations.hold, annotations.pinTier, annotations.approve, annotations.abort]
    .filter((name) => metadata.annotations?.[name] !== undefined)
    .map((name) => `${name}=${metadata.annotations?.[name] ?? ''}`);
  return formatFields([
    ['Volume', metadata.name],
    ['Claim', claimNameOf(volume)],
    ['Mayastor id', spec?.csi?.volumeHandle],
    ['StorageClass', spec?.storageClassName],
    ['Size', spec?.capacity?.storage],
    ['Policy', owner ?? 'none'],
    ['Tier, as annotated', metadata.annotations?.[annotations.currentTier]],
    ['Last move ended', metadata.annotations?.[annotations.lastMigration]],
    ['Annotations', given.length === 0 ? undefined : given.join(', ')],
  ]);
}

function renderDecision(decision: Decision, nowMs: number): string {
  const { comparedWith, nextEligibleAt } = decision;
  const warm = comparedWith?.warmIops === undefined ? '' : `, warm from ${comparedWith.warmIops}`;
  return formatFields([
    ['Decision', `${decision.action}: ${decision.reason}`],
    ['Why', decision.message],
    ['Score', formatScore(decision.score)],
    [
      'Compared with',
      comparedWith === undefined
        ? undefined
        : `hot from ${comparedWith.highIops} IOPS${warm}, cold at ${comparedWith.lowIops} or less`,
    ],
    ['Tier', `${decision.tierNow} now, ${decision.tierWanted ?? 'unknown'} wanted`],
    ['Not before', nextEligibleAt === undefined ? undefined : formatMoment(nextEligibleAt, nowMs)],
    ['Would change it', decision.whatWouldChangeIt],
    ['Proposal', decision.proposalId],
    ['Decided', formatMoment(decision.decidedAt, nowMs)],
  ]);
}

function renderMove(move: Move): string {
  return formatFields([
    ['Move in flight', move.migrationId],
    ['From, to', `${move.fromTier}, ${move.toTier}`],
    ['Replicas moved', `${move.replicasMoved} of ${move.replicaCount}`],
    ['Step', move.step],
    ['Target pool', move.targetPool],
    ['Rebuild', move.rebuildPercent === undefined ? undefined : `${move.rebuildPercent}%`],
    ['Needs attention', move.attention],
  ]);
}

function renderChecks(checks: readonly Check[]): string {
  const marks = { ok: 'ok', blocks: 'BLOCKS', note: 'note' } as const;
  return formatTable(
    ['CHECK', '', 'ANSWER', 'WOULD CHANGE IT'],
    checks.map(({ question, verdict, answer, remedy }) => [question, marks[verdict], answer, remedy ?? '']),
  );
}

function renderReplicas({ replicas, replicaCount, status }: WatchedVolume): string {
  const rows = replicas.map(({ replicaId, node, pool, state, childState }) => [
    replicaId,
    node ?? dash,
    pool ?? dash,
    state,
    childState ?? dash,
  ]);
  return [
    `Mayastor shows it ${status}, with ${replicas.length} of ${replicaCount} replicas.`,
    formatTable(['REPLICA', 'NODE', 'POOL', 'STATE', 'IN TARGET'], rows),
  ].join('\n');
}
