import type { Rollback } from './step.ts';

/** The part of a refusal that matters here. */
export interface GrowthRefusal {
  readonly code: string;
  readonly message: string;
}

/** Whether a refused growth ends the move; undefined if it may be tried again. */
export function refusedGrowth({ code, message }: GrowthRefusal): Rollback | undefined {
  switch (code) {
    case 'NoPool':
      return { outcome: 'failed', reason: 'NoPlacement', message };
    case 'MaxRebuilds':
      return { outcome: 'failed', reason: 'TooManyRebuilds', message };
    case 'ReplicaIncrease':
      return { outcome: 'failed', reason: 'VolumeDegraded', message };
    case 'InvalidRequest':
    case 'Unauthorized':
    case 'NoSuchRoute':
      return { outcome: 'failed', reason: 'Refused', message };
    default:
      return undefined;
  }
}
