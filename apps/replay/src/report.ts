import {
  bestWithin,
  clairvoyantBest,
  replay,
  type Budget,
  type Clairvoyant,
  type CrossValidation,
  type History,
  type Setting,
} from '@couchestor/replay';
import { formatBytes } from '@couchestor/shared/units';

/** What a rule came to, beside what could have been. */
interface Row {
  readonly name: string;
  readonly hit: number;
  readonly occupancy: number;
  readonly moves: number;
  /** Moves that were undone within the hold time. */
  readonly regrets: number;
  readonly bytesMoved: number;
  /** At the occupancy of the rule and with no more moves. */
  readonly clairvoyant: Clairvoyant;
  /** Hit ÷ the clairvoyant's. */
  readonly ratio: number;
  /** Hit ÷ the clairvoyant's at the budget; 0 for a rule that overruns it. */
  readonly score: number;
  readonly occupancyByHour: readonly number[];
}

export interface Report {
  readonly volumes: number;
  readonly steps: number;
  readonly stepSeconds: number;
  readonly budget: Budget;
  readonly clairvoyantAtBudget: Clairvoyant;
  readonly settings: readonly Row[];
}

export interface ReportInput {
  readonly history: History;
  readonly settings: readonly Setting[];
  readonly budget: Budget;
  readonly holdMs: number;
  readonly volumeSizeBytes: number;
}

export function reportOn({ history, settings, budget, holdMs, volumeSizeBytes }: ReportInput): Report {
  const clairvoyantAtBudget = bestWithin(history, budget);
  return {
    volumes: history.names.length,
    steps: history.steps,
    stepSeconds: history.stepMs / 1_000,
    budget,
    clairvoyantAtBudget,
    settings: settings.map((setting): Row => {
      const { hit, occupancy, moves, regrets, occupancyByHour } = replay(history, setting, holdMs);
      const clairvoyant = clairvoyantBest(history, { occupancy, moves });
      const within = occupancy <= budget.occupancy + 1e-9 && moves <= budget.moves;
      return {
        name: setting.name,
        hit,
        occupancy,
        moves,
        regrets,
        bytesMoved: moves * volumeSizeBytes,
        clairvoyant,
        ratio: shareOf(hit, clairvoyant.hit),
        score: within ? shareOf(hit, clairvoyantAtBudget.hit) : 0,
        occupancyByHour,
      };
    }),
  };
}

const shareOf = (hit: number, best: number): number => (best === 0 ? 0 : hit / best);

const HEAD = ['RULE', 'HIT', 'OCCUPANCY', 'MOST', 'MOVES', 'REGRETS', 'COPIED', 'BEST', 'RATIO', 'SCORE'] as const;

export function formatReport({ volumes, steps, stepSeconds, budget, clairvoyantAtBudget, settings }: Report): string {
  const rows = settings.map((row) => [
    row.name,
    row.hit.toFixed(3),
    row.occupancy.toFixed(3),
    Math.max(0, ...row.occupancyByHour).toFixed(3),
    String(row.moves),
    String(row.regrets),
    formatBytes(row.bytesMoved),
    row.clairvoyant.hit.toFixed(3),
    row.ratio.toFixed(2),
    row.score === 0 ? '-' : row.score.toFixed(3),
  ]);
  const { occupancy, moves } = budget;
  return [
    `${volumes} volumes, ${steps} steps of ${stepSeconds} s.`,
    '',
    formatColumns([HEAD, ...rows]),
    '',
    'HIT is the share of requests on the hot tier, OCCUPANCY the mean share of volumes on it, MOST the greatest of an hour;',
    'BEST what a mover that knows the future hits at the same occupancy with no more moves, RATIO the hit of it.',
    `SCORE is the hit of the best (${clairvoyantAtBudget.hit.toFixed(3)}) within the budget of ${occupancy} occupancy and ${moves} moves; - is beyond the budget.`,
  ].join('\n');
}

function formatColumns(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

export function formatCrossValidation({ mean, worst, halves }: CrossValidation): string {
  return [
    `By rank, fitted on one half of the volumes and scored on the other, ${halves.length} times: mean ${mean.toFixed(3)}, worst ${worst.toFixed(3)}.`,
    ...halves.map(({ chosen, score }) => `  ${score.toFixed(3)}  ${chosen}`),
  ].join('\n');
}
