/** Mechanical mutants that nothing notices, by why nothing has to. Ids as the run prints them. */
export interface KnownSurvivors {
  readonly reason: string;
  readonly ids: readonly string[];
}

export const knownSurvivors: readonly KnownSurvivors[] = [];
