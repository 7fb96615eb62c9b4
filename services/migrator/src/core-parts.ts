/** The protocol and what it is decided by, for whoever walks moves without this service around them. */
export { seenNode, seenPool, seenVolume } from './adapters/seen-mayastor.ts';
export type { Method } from './capabilities.ts';
export { isWhole, type Arriving, type Capabilities, type Evidence, type SeenVolume } from './core/evidence.ts';
export { holdsOf, type FleetLimits, type Hold } from './core/holds.ts';
export { inheritedDoubt } from './core/inherited-doubt.ts';
export * as changes from './core/intent-changes.ts';
export { judgeRequest } from './core/judge-request.ts';
export { judgeLateCall } from './core/late-call.ts';
export { nextStep } from './core/next-step.ts';
export { refusedGrowth } from './core/refused-growth.ts';
export type { CallStep, OwnStep, Step } from './core/step.ts';
export { createCordonDoubts, type CordonDoubts } from './cordon-doubts.ts';
export { createCountDoubts } from './count-doubts.ts';
export { isDependencyError } from './dependency-error.ts';
export { watchIntents, type IntentBoard } from './intent-board.ts';
export { createLateCallList } from './late-call-list.ts';
export { createMoveGuards, type MoveGuards } from './move-guards.ts';
export { failureOf, isFilling, isRemoval, listedCordons, touchesVolume, type CordonKind } from './move-rules.ts';
export { createPermission, type PermissionKeeper } from './permission.ts';
export {
  createSeenEvidenceCache,
  type SeenEvidence,
  type SeenEvidenceCache,
  type SeenKind,
  type VolumeRead,
} from './seen-evidence.ts';
export { keepsFence, waitMs } from './waiting-time.ts';
