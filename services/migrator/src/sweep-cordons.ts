import type { IntentStore } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import { cordonLabelOf, isOurCordonLabel } from '@couchestor/shared/messages';
import { isDependencyError } from './dependency-error.ts';
import type { MoveLogger } from './move-context.ts';
import type { Mayastor, Permission } from './ports.ts';

/** A cordon of a move in flight stands for seconds, so one that stood so long belongs to none that anybody knows. */
const FORGOTTEN_MS = 5 * 60_000;

/**
 * Takes away cordons of nodes that carry our label and belong to no move in flight: of moves whose record was lost with
 * the bus, or that came after their move had ended and its sender had died. Cordons of pools carry no name, so those are
 * left to a person. Where it cannot look it says so, and looks again the next time.
 */
export function createCordonSweep(options: {
  readonly intents: Pick<IntentStore, 'list'>;
  readonly mayastor: Pick<Mayastor, 'uncordonNode'>;
  readonly permission: Pick<Permission, 'mayLift'>;
  readonly clock: Clock;
  readonly logger: Pick<MoveLogger, 'info' | 'warn'>;
  /** A removal starts only while it may go on for so long. */
  readonly leadMs: number;
}): (
  nodes: readonly { readonly id: string; readonly cordonLabels: readonly string[] }[],
  signal: AbortSignal,
) => Promise<void> {
  const { intents, mayastor, permission, clock, logger, leadMs } = options;
  let since = new Map<string, { readonly node: string; readonly label: string; readonly sinceMs: number }>();

  const sweep = async (
    nodes: readonly { readonly id: string; readonly cordonLabels: readonly string[] }[],
    signal: AbortSignal,
  ): Promise<void> => {
    const nowMs = clock.monotonicMs();
    const seen = nodes.flatMap(({ id: node, cordonLabels }) =>
      cordonLabels.filter(isOurCordonLabel).map((label) => ({ node, label, key: `${node}/${label}` })),
    );
    since = new Map(seen.map(({ node, label, key }) => [key, since.get(key) ?? { node, label, sinceMs: nowMs }]));
    const old = [...since.values()].filter(({ sinceMs }) => nowMs - sinceMs >= FORGOTTEN_MS);
    if (old.length === 0) return;
    // Asked after the nodes were read: a move that began since cannot have been seen.
    const records = await intents.list(signal);
    const live = new Set(
      [...records.values()].flatMap(({ intent }) =>
        intent.state === 'active' ? [cordonLabelOf(intent.migrationId)] : [],
      ),
    );
    for (const { node, label } of old) {
      if (live.has(label)) continue;
      const outcome = await mayastor.uncordonNode(node, label, () => permission.mayLift(leadMs));
      logger.warn({ node, label, outcome: outcome.kind }, 'a cordon of no move in flight is taken away');
    }
  };
  return (nodes, signal) =>
    sweep(nodes, signal).catch((error: unknown) => {
      if (!isDependencyError(error)) throw error;
      logger.info({ err: error }, 'cordons of no move were not looked for, trying again');
    });
}
