import type { IntentStore } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import type { Leases } from '@couchestor/shared/leases';
import type { ActiveIntent, EndedIntent, MigrationRequested } from '@couchestor/shared/messages';
import type { Method } from './capabilities.ts';
import type { Capabilities } from './core/evidence.ts';
import type { IntentBoard } from './intent-board.ts';
import type { MigratorMetrics } from './metrics.ts';
import type { MoveContext, MoveLogger, MoveSettings } from './move-context.ts';
import type { ObservedWorld } from './ports.ts';

export interface MigratorOptions extends Omit<
  MoveContext,
  'board' | 'fenceQueue' | 'abortRequested' | 'onLateCall' | 'onStep' | 'onEnded' | 'settings'
> {
  readonly instance: string;
  readonly board: IntentBoard;
  readonly world: ObservedWorld;
  readonly metrics: MigratorMetrics;
  readonly method: () => Method;
  readonly settings: Omit<MoveSettings, 'capabilities'> & { readonly cachePeriodMs: number };
  readonly intents: IntentStore;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly logger: MoveLogger;
}

/** How moves are made here; undefined where they cannot be, or it is not known yet. */
export function capabilitiesOf({
  method,
  settings,
}: Pick<MigratorOptions, 'method' | 'settings'>): Capabilities | undefined {
  const found = method();
  return found === 'poolCordon' || found === 'nodeCordon'
    ? { method: found, cachePeriodMs: settings.cachePeriodMs }
    : undefined;
}

/** What a log line says of a move. */
export const fieldsOf = ({
  volumeName,
  volumeId,
  migrationId,
  policyName,
}: ActiveIntent | EndedIntent | MigrationRequested): object => ({
  volume: volumeName,
  volumeId,
  migrationId,
  policy: policyName,
});
