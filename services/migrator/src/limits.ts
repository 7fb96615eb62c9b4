import type { IntentStore } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import type { Leases } from '@couchestor/shared/leases';
import type { ActiveIntent } from '@couchestor/shared/messages';
import { holdsOf, type FleetLimits, type Hold } from './core/holds.ts';
import type { IntentBoard } from './intent-board.ts';
import type { MoveLogger } from './move-context.ts';

/** What moves count against: taken for one that begins, and renewed for all in flight, whoever works on them. */
export interface Limits {
  /**
   * What migrations hold lapses when nobody renews it for long, as in an outage of all migrators. Nothing is taken
   * before what the intents list has been registered again.
   */
  areKnown(): boolean;
  /** Takes what the limits allow; else says what is at its limit. */
  take(
    intent: Pick<ActiveIntent, 'migrationId' | 'policyId' | 'limits' | 'sizeBytes'>,
    token: number,
  ): Promise<string | undefined>;
  /** What a move in flight holds, which this process goes on with. */
  register(intent: ActiveIntent, token: number): Promise<void>;
  renew(): Promise<void>;
}

const FRESH_MS = 60_000;

export function createLimits(options: {
  readonly leases: Leases;
  readonly intents: Pick<IntentStore, 'list'>;
  readonly board: Pick<IntentBoard, 'active'>;
  readonly fleet: FleetLimits;
  readonly clock: Clock;
  readonly logger: Pick<MoveLogger, 'info'>;
  readonly signal: AbortSignal;
}): Limits {
  const { leases, intents, board, fleet, clock, logger, signal } = options;
  let knownAtMs: number | undefined;

  const take = async (
    intent: Pick<ActiveIntent, 'migrationId' | 'policyId' | 'limits' | 'sizeBytes'>,
    token: number,
  ): Promise<string | undefined> => {
    const { migrationId } = intent;
    const holds = holdsOf(intent, undefined, fleet);
    const answer = await leases.acquireHolds({ migrationId, token, holds }).catch(async (error: unknown) => {
      // They may have been granted all the same, and would lie there until they lapse.
      await leases.releaseHolds(migrationId, token).catch((releaseError: unknown) => {
        logger.info({ migrationId, err: releaseError }, 'limits not given back, they lapse');
      });
      throw error;
    });
    if (answer.granted) return undefined;
    if (answer.reason !== 'LimitReached') return `no room: ${answer.reason}`;
    return answer.used < answer.limit
      ? `${answer.refusedBy} has room, and another policy is next`
      : `${answer.refusedBy} is at its limit of ${answer.limit}`;
  };

  const areKnown = (): boolean => knownAtMs !== undefined && clock.monotonicMs() - knownAtMs < FRESH_MS;

  const heldBy = (intent: ActiveIntent): readonly Hold[] =>
    intent.attention === undefined ? holdsOf(intent, intent.round, fleet) : [];

  const renew = async (): Promise<void> => {
    const listed = [...board.active().values()].map(({ intent }) => ({
      migrationId: intent.migrationId,
      ownerToken: intent.ownerToken,
      holds: heldBy(intent),
    }));
    const epoch = await leases.renewAll(listed);
    if (epoch.state === 'open') knownAtMs = clock.monotonicMs();
    if (epoch.state === 'lost') {
      // The bucket itself is asked: what is registered now decides what is granted afterwards.
      const stored = await intents.list(signal);
      const active = [...stored.values()].flatMap(({ intent }) => (intent.state === 'active' ? [intent] : []));
      await leases.registerAll(
        active.map((intent) => ({
          migrationId: intent.migrationId,
          ownerToken: intent.ownerToken,
          holds: heldBy(intent),
        })),
      );
    }
  };
  return {
    areKnown,
    take,
    register: (intent, token) =>
      leases.registerHolds({ migrationId: intent.migrationId, ownerToken: token, holds: heldBy(intent) }),
    renew,
  };
}
