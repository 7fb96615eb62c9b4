import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { refusalReasons, type RefusalReason } from '@couchestor/shared/messages';

type MoveOutcome = 'completed' | 'failed' | 'aborted';

export interface MigratorMetrics {
  accepted(): void;
  refused(reason: RefusalReason): void;
  ended(outcome: MoveOutcome, durationMs: number): void;
  step(kind: string): void;
  setActive(count: number): void;
  setAttention(count: number): void;
  setCordons(count: number): void;
  setPermitted(permitted: boolean): void;
  /** By how much the clock here is ahead of the watcher's. */
  setClockAhead(ms: number): void;
}

export function createMetrics(registry: Registry): MigratorMetrics {
  const registers = [registry];
  const accepted = new Counter({
    name: 'couchestor_migrator_requests_accepted_total',
    help: 'Requests to move a volume that were taken up.',
    registers,
  });
  const refused = new Counter({
    name: 'couchestor_migrator_requests_refused_total',
    help: 'Requests to move a volume that were not taken up, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const ended = new Counter({
    name: 'couchestor_migrator_moves_ended_total',
    help: 'Moves that this migrator brought to an end, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const duration = new Histogram({
    name: 'couchestor_migrator_move_duration_seconds',
    help: 'From the acceptance of a move to its end, by outcome.',
    labelNames: ['outcome'],
    buckets: [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400],
    registers,
  });
  const steps = new Counter({
    name: 'couchestor_migrator_steps_total',
    help: 'Steps of moves, by kind.',
    labelNames: ['kind'],
    registers,
  });
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const active = gauge('couchestor_migrator_active_moves', 'Moves that this migrator works on now.');
  const attention = gauge('couchestor_migrator_moves_needing_attention', 'Moves in flight that wait for a person.');
  const cordons = gauge('couchestor_migrator_cordons', 'Cordons that the intents of this migrator list now.');
  const permitted = gauge('couchestor_migrator_permitted', '1 while the permit to act is fresh and nothing is paused.');
  const ahead = gauge(
    'couchestor_migrator_clock_ahead_seconds',
    'By how much the clock of this migrator is ahead of the one of the watcher; less than 0 if it is behind.',
  );
  for (const reason of refusalReasons) refused.inc({ reason }, 0);
  for (const outcome of ['completed', 'failed', 'aborted']) ended.inc({ outcome }, 0);
  return {
    accepted: () => accepted.inc(),
    refused: (reason) => refused.inc({ reason }),
    ended: (outcome, durationMs) => {
      ended.inc({ outcome });
      duration.observe({ outcome }, durationMs / 1_000);
    },
    step: (kind) => steps.inc({ kind }),
    setActive: (count) => active.set(count),
    setAttention: (count) => attention.set(count),
    setCordons: (count) => cordons.set(count),
    setPermitted: (value) => permitted.set(value ? 1 : 0),
    setClockAhead: (ms) => ahead.set(ms / 1_000),
  };
}
