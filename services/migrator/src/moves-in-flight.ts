import type { ActiveIntent } from '@couchestor/shared/messages';

/** How far a move is, for people. */
export interface MoveProgress {
  readonly migrationId: string;
  readonly volumeId: string;
  readonly volumeName: string;
  readonly fromTier: string;
  readonly toTier: string;
  readonly replicasMoved: number;
  readonly replicaCount: number;
  /** `elsewhere` for a move that another migrator works on, or none at the moment. */
  readonly step: string;
  readonly targetPool: string | undefined;
  /** Of the replica that fills now, 0 to 100. */
  readonly rebuildPercent: number | undefined;
  readonly attention: string | undefined;
}

/** Every move of the cluster, whichever migrator is asked: its own as far as they are, the others by their intents. */
export function movesInFlight(own: readonly MoveProgress[], intents: Iterable<ActiveIntent>): readonly MoveProgress[] {
  const known = new Set(own.map(({ migrationId }) => migrationId));
  const others = Array.from(intents).filter(({ migrationId }) => !known.has(migrationId));
  return [...own, ...others.map((intent) => progressOf(intent, 'elsewhere'))];
}

export function progressOf(intent: ActiveIntent, step: string, rebuildPercent?: number): MoveProgress {
  const { migrationId, volumeId, volumeName, fromTier, toTier, replicasMoved, replicaCount } = intent;
  return {
    migrationId,
    volumeId,
    volumeName,
    fromTier,
    toTier,
    replicasMoved,
    replicaCount,
    step,
    targetPool: intent.round?.targetPool,
    rebuildPercent,
    attention: intent.attention?.message,
  };
}
