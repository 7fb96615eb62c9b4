import type { DecisionReason } from '@couchestor/shared/messages';
import type { Decision } from './decision.ts';

/** What would have to change for another decision, as one sentence. */
export function whatWouldChangeIt(decision: Decision): string {
  return changes[decision.reason](decision);
}

const watermarks = ({ comparedWith }: Decision): string => {
  if (comparedWith === undefined) return 'Its score';
  const { highIops, lowIops, warmIops } = comparedWith;
  const warm = warmIops === undefined ? '' : `, to warm from ${warmIops}`;
  return `It belongs on hot from ${highIops} IOPS on${warm}, on cold at ${lowIops} or less`;
};

const changes: Readonly<Record<DecisionReason, (decision: Decision) => string>> = {
  AboveHighWatermark: () => 'It moves as soon as a migrator takes the request up.',
  AboveWarmWatermark: () => 'It moves as soon as a migrator takes the request up.',
  BelowLowWatermark: () => 'It moves as soon as a migrator takes the request up.',
  FinishMixed: () => 'It moves as soon as a migrator takes the request up.',
  Pinned: () => 'It moves as soon as a migrator takes the request up.',
  BetweenWatermarks: (decision) => `${watermarks(decision)}.`,
  OnWantedTier: (decision) => `${watermarks(decision)}.`,
  ScoreUnknown: () => 'Samples of it in Prometheus, enough of them and fresh.',
  TooManyUnknown: () => 'Scores for more volumes of the policy, or a greater metrics.maxUnknownPercent.',
  NotPublished: () => 'A pod that uses it.',
  CoolingDown: () => 'Time, or a shorter cooldownPeriod.',
  BackingOff: () => 'Time.',
  Held: () => 'The removal of the annotation (or the correction of one that cannot be read), or the end of its time.',
  WindowClosed: () => 'An open window that is long enough.',
  NoEligiblePool: () => 'Space, a pool that is online and not cordoned, or a further node with a pool of that tier.',
  TargetPoolMissing: () => 'A DiskPool with the labels of that tier, and of no other.',
  TopologyExcludesTier: () => 'Nothing: the topology of a volume is fixed. A new volume of another class could move.',
  HasSnapshots: () => 'The removal of its snapshots, or moves.allowSnapshots.',
  VolumeDegraded: () => 'Its repair, which Mayastor does by itself where it can.',
  VolumeNotReady: () => 'What the message names.',
  AffinityGroupRestricted: () => 'Mayastor 2.9 or later.',
  AlreadyMoving: () => 'The end of the move.',
  NeedsAttention: () => 'A person, who repairs what the message names or aborts the move.',
  AwaitingSlot: () => 'The end of a move, or a greater value of the limit that the message names.',
  BrakeFleet: () => 'Time, or another value of the limit that the message names.',
  BrakePool: () =>
    'The end of a move to one of the pools, or of a repair there, or greater limits.perPool and limits.perNode.',
  StartupGrace: () => 'Time.',
  ClusterUpgrading: () => 'The same version of Mayastor on all nodes.',
  UnsupportedMayastor: () => 'Mayastor 2.10 or later, or the setting of the migrator for older ones.',
  PolicyOverlap: () => 'Selectors that do not overlap.',
  PolicyDisabled: () => 'enabled: true in its policy.',
  PolicyInvalid: () => 'The correction of its policy.',
  NoPolicy: () => 'A policy with its StorageClass and labels.',
  DryRun: () => 'dryRun: false in its policy.',
  AwaitingApproval: ({ proposalId }) => `The annotation approve with the value ${proposalId ?? 'of the proposal'}.`,
  Paused: () => 'Resuming.',
};
