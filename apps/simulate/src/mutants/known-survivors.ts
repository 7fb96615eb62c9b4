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
      'services/migrator/src/core/judge-request.ts clockProblem: changed comparison apartMs <= CLOCK_TOLERANCE_MS',
      'services/migrator/src/core/judge-request.ts judgeRequest: changed comparison parseTimestampMs(request.notAfter) < latestMs',
      'services/migrator/src/core/late-call.ts isTakenForWanted: changed comparison afterMs > -CLOCK_TOLERANCE_MS',
    ],
  },
];
