import type { MigratorMetrics } from '@couchestor/migrator/parts';
import type { ScoreLog, ScorerMetrics } from '@couchestor/scorer/parts';
import { createLogger, type Logger } from '@couchestor/shared/service';
import type { Measures } from '@couchestor/watcher/parts';

/** What services say and count while nobody listens. */

const nothing = (): void => undefined;

export const silentLog = { debug: nothing, info: nothing, warn: nothing, error: nothing };

const silent: Logger = createLogger({ service: 'simulate', level: 'error', destination: { write: nothing } });
silent.level = 'silent';
/** For parts that want a pino logger. */
export const silentLogger: Logger = silent;

export const silentScoreLog: ScoreLog = { writing: noLines, connection: nothing };

function* noLines(): Generator<undefined, void> {
  // Nothing is written.
}

export const noMeasures: Measures = {
  reconciled: nothing,
  moveEnded: nothing,
  activeMoves: nothing,
  policyPhase: nothing,
  factsPublished: nothing,
  mayastorPolled: nothing,
  permitWritten: nothing,
  kubernetesWritten: nothing,
  leading: nothing,
};

export const noMigratorMetrics: MigratorMetrics = {
  accepted: nothing,
  refused: nothing,
  ended: nothing,
  step: nothing,
  setActive: nothing,
  setAttention: nothing,
  setCordons: nothing,
  setPermitted: nothing,
  setClockAhead: nothing,
};

export const noScorerMetrics: ScorerMetrics = {
  counting: function* () {},
  decided: nothing,
  measured: nothing,
  passed: nothing,
  queried: nothing,
  requested: nothing,
};
