import type { HistoryEntry, StoragePolicy } from '../objects.ts';
import { formatTable } from './table.ts';
import { ageOf, dash, formatIops } from './words.ts';

export interface PastMove extends HistoryEntry {
  readonly policyName: string;
}

/** Of all policies, newest first. */
export function pastMoves(policies: readonly StoragePolicy[]): PastMove[] {
  return policies
    .flatMap(({ metadata, status }) =>
      (status?.migrationHistory ?? []).map((entry) => ({ policyName: metadata.name, ...entry })),
    )
    .sort((a, b) => (Date.parse(b.timestamp) || 0) - (Date.parse(a.timestamp) || 0));
}

export function renderHistory(moves: readonly PastMove[], wide: boolean, nowMs: number): string {
  if (moves.length === 0) return 'No moves found.';
  const head = ['ENDED', 'VOLUME', 'POLICY', 'FROM', 'TO', 'IOPS', 'TOOK', 'RESULT'];
  return formatTable(
    wide ? [...head, 'AT', 'MIGRATION'] : head,
    moves.map((move) => [
      `${ageOf(move.timestamp, nowMs)} ago`,
      move.volumeName,
      move.policyName,
      move.fromTier ?? dash,
      move.toTier,
      move.triggerIOPS === undefined ? dash : formatIops(move.triggerIOPS),
      move.duration,
      move.success ? 'moved' : `failed: ${move.error ?? 'no cause was recorded'}`,
      ...(wide ? [move.timestamp, move.migrationId] : []),
    ]),
  );
}
