import type { ActiveIntent, Round } from '@couchestor/shared/messages';

export interface FleetLimits {
  /** Moves in flight in the whole cluster. */
  readonly migrations: number;
  /** Bytes of all volumes in flight. A larger volume may move alone. */
  readonly bytes: number;
}

type HoldKey = `policy/${string}` | `pool/${string}` | `node/${string}` | 'fleet' | 'bytes';

/** What a migration takes of a limit: `amount` of at most `limit` that all together may hold. */
export interface Hold {
  readonly key: HoldKey;
  readonly amount: number;
  readonly limit: number;
}

/**
 * What the move counts against, from its acceptance to its end; pool and node are those that its round fills. The undoing
 * of a call that came too late repairs a volume, so it counts against nothing and waits for nobody.
 */
export function holdsOf(
  intent: Pick<ActiveIntent, 'policyId' | 'limits' | 'sizeBytes' | 'rollback'>,
  round: Round | undefined,
  fleet: FleetLimits,
): Hold[] {
  if (intent.rollback?.reason === 'LateCall') return [];
  return [
    { key: 'fleet', amount: 1, limit: fleet.migrations },
    { key: 'bytes', amount: Math.min(intent.sizeBytes, fleet.bytes), limit: fleet.bytes },
    { key: `policy/${intent.policyId}`, amount: 1, limit: intent.limits.policy },
    ...(round === undefined
      ? []
      : [
          { key: `pool/${round.targetPool}`, amount: 1, limit: intent.limits.perPool } as const,
          { key: `node/${round.targetNode}`, amount: 1, limit: intent.limits.perNode } as const,
        ]),
  ];
}
