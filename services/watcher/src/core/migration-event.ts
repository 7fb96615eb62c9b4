import type { RefusalReason } from '@couchestor/shared/messages';
import type { Placement, Tier } from '@couchestor/shared/policy';
import type { EndedMove } from './ledger.ts';
import type { Checkpoint } from './status.ts';

/** What an event of COUCHESTOR_EVENTS tells, with its place in the stream. */
export interface MigrationEvent {
  readonly position: Checkpoint;
  readonly atMs: number;
  readonly traceparent: string | undefined;
  readonly migrationId: string;
  readonly volumeId: string;
  /** Name of the PersistentVolume. */
  readonly volumeName: string;
  readonly policyId: string;
  readonly policyName: string;
  readonly step: MigrationStep;
}

export type MigrationStep =
  | {
      readonly kind: 'accepted';
      readonly fromTier: Placement;
      readonly toTier: Tier;
      readonly triggerIops: number | undefined;
    }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly message: string }
  | {
      readonly kind: 'progressed';
      readonly what: 'replica-added' | 'synced' | 'replica-removed';
      readonly pool: string;
      readonly node: string;
    }
  | { readonly kind: 'ended'; readonly move: EndedMove }
  | { readonly kind: 'needs-attention'; readonly reason: string; readonly message: string };
