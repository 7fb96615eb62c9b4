import type { ActiveIntent } from '@couchestor/shared/messages';
import { cleanUpThen } from './clean-up.ts';
import type { Capabilities, Evidence, SeenVolume } from './evidence.ts';
import type { Step, WaitReason } from './step.ts';

/** A replica can be half-made or half-gone for so long before a person is asked; Mayastor's reconcilers need a minute. */
export const STUCK_MS = 10 * 60_000;
/** So long a fence waits for the replica that it was put up for, and a child that was taken out for its return. */
export const PLACEMENT_MS = 2 * 60_000;

export const wait = (reason: WaitReason): Step => ({ kind: 'wait', reason });

/** Waits for what usually comes by itself, and asks a person once nothing has changed for long. */
export function waitOrAttend(intent: ActiveIntent, evidence: Evidence, reason: WaitReason, message: string): Step {
  const isStuck = evidence.stableForMs >= patienceMs(intent, evidence.volume);
  return cleanUpThen(intent, evidence, isStuck ? { kind: 'attend', reason, message } : wait(reason));
}

/** What changes in a rebuild is its progress alone, and it may take as long as one of ours. */
export function patienceMs({ syncTimeoutMs }: ActiveIntent, volume: SeenVolume | 'absent'): number {
  const isFilling = volume !== 'absent' && volume.replicas.some(({ rebuildPercent }) => rebuildPercent !== undefined);
  return isFilling ? Math.max(STUCK_MS, syncTimeoutMs) : STUCK_MS;
}

/** Where the probe does not answer as it should, reads that agree for two periods after our last call stand for it. */
export function isIdle({ idle, stableForMs }: Evidence, { cachePeriodMs }: Capabilities): boolean {
  return idle === 'idle' || (idle === 'unknown' && stableForMs >= 2 * cachePeriodMs);
}

export function settled(evidence: Evidence, capabilities: Capabilities): boolean {
  return evidence.stableForMs >= capabilities.cachePeriodMs;
}
