/** Mechanical mutants that nothing notices, by why nothing has to. Ids as the run prints them. */
export interface KnownSurvivors {
  readonly reason: string;
  readonly ids: readonly string[];
}

export const knownSurvivors: readonly KnownSurvivors[] = [
  {
    reason: 'differs at one millisecond of a patience or a tolerance, where either answer will do',
    ids: [
      'services/migrator/src/core/add-replica.ts asBefore: changed comparison evidence.nowMs - parseTimestampMs(round.startedAt) > STUCK_MS',
      'services/migrator/src/core/judge-request.ts judgeRequest: changed comparison parseTimestampMs(request.notAfter) < latestMs',
      'services/migrator/src/core/late-call.ts isTakenForWanted: changed comparison afterMs > -CLOCK_TOLERANCE_MS',
      'services/migrator/src/core/next-step.ts stepFrom: changed comparison evidence.stableForMs < PLACEMENT_MS',
      'services/migrator/src/core/next-step.ts stillFilling: changed comparison nowMs - parseTimestampMs(round.addedAt) > syncTimeoutMs',
      'services/migrator/src/core/next-step.ts oneMore: changed comparison evidence.nowMs - parseTimestampMs(round.addedAt) > intent.syncTimeoutMs',
      'services/migrator/src/core/shrink-first.ts regrow: changed comparison evidence.nowMs - parseTimestampMs(attention.since) > STUCK_MS',
      'services/migrator/src/core/starts-before.ts startsBefore: changed comparison nowMs - parseTimestampMs(start.startedAt) < HOUR_MS',
      'services/migrator/src/core/permit.ts mayLift: changed comparison remainsMs(state, LIFT_LIFE_MS, nowMonotonicMs) >= leadMs',
    ],
  },
  {
    reason: 'dropFilled, which leaveFirst ends with, asks for the same before anything is done',
    ids: [
      "services/migrator/src/core/shrink-first.ts leaveFirst: removed statement if (!settled(evidence, capabilities)) return wait('Settling');",
      "services/migrator/src/core/shrink-first.ts leaveFirst: removed statement if (!evidence.fenceHeld) return { kind: 'takeFence' };",
    ],
  },
  {
    reason: 'a spec that is read again is the same spec; what is remembered of it only saves the time',
    ids: [
      'services/migrator/src/core/judge-request.ts parsedSpecOf: removed statement if (known !== undefined) return known;',
      'services/migrator/src/core/judge-request.ts parsedSpecOf: swapped arguments policy, parsed',
    ],
  },
  {
    reason: 'the order of two replicas that are equal in all that counts; it has to be one order, and either is',
    ids: [
      'services/migrator/src/core/plan-rounds.ts planRounds: negated condition a.replicaId < b.replicaId',
      'services/migrator/src/core/plan-rounds.ts planRounds: changed comparison a.replicaId < b.replicaId',
    ],
  },
];
