import { advise, replay, settingOf, type Advice, type Budget, type History } from '@couchestor/replay';
import { formatDuration } from '@couchestor/shared/units';
import { rankedSettings } from './compared-settings.ts';

export interface AdviceReport {
  readonly budget: Budget;
  /** Undefined: no policy keeps within the budget. */
  readonly advice: Advice | undefined;
  /** On all volumes. */
  readonly hit?: number;
  readonly occupancy?: number;
  readonly moves?: number;
  /** The hot tier's places given by rank instead, as `scoring.hotSharePercent` does. */
  readonly byRank?: { readonly name: string; readonly hit: number; readonly occupancy: number; readonly moves: number };
  /** Found with half of the volumes and replayed on the other half, both ways round: what to expect of others. */
  readonly onOthers?: readonly { readonly hit: number; readonly occupancy: number; readonly moves: number }[];
}

export function adviceOn(history: History, budget: Budget, holdMs: number): AdviceReport {
  const advised = advise(history, budget, holdMs);
  if (advised === undefined) return { budget, advice: undefined };
  const { hit, occupancy, moves } = replay(history, settingOf(history, advised.advice), holdMs);
  const [byRank] = rankedSettings(history, budget.occupancy)
    .map((setting) => ({ name: setting.name, ...replay(history, setting, holdMs) }))
    .filter((ranked) => ranked.moves <= budget.moves)
    .sort((a, b) => b.hit - a.hit)
    .map(({ name, hit, occupancy, moves }) => ({ name, hit, occupancy, moves }));
  const others = onOthers(history, budget, holdMs);
  return {
    budget,
    advice: advised.advice,
    hit,
    occupancy,
    moves,
    ...(byRank === undefined ? {} : { byRank }),
    onOthers: others,
  };
}

function onOthers(history: History, budget: Budget, holdMs: number): NonNullable<AdviceReport['onOthers']> {
  const halves = [0, 1].map((half) => history.names.flatMap((_, volume) => (volume % 2 === half ? [volume] : [])));
  return [halves, halves.toReversed()].flatMap(([found = [], judged = []]) => {
    if (found.length === 0 || judged.length === 0) return [];
    const moves = (budget.moves * found.length) / history.names.length;
    const advised = advise(history.select(found), { ...budget, moves }, holdMs);
    if (advised === undefined) return [];
    const others = history.select(judged);
    const outcome = replay(others, settingOf(others, advised.advice), holdMs);
    return [{ hit: outcome.hit, occupancy: outcome.occupancy, moves: outcome.moves }];
  });
}

export function formatAdvice(report: AdviceReport): string {
  const { budget, advice, hit = 0, occupancy = 0, moves = 0, byRank, onOthers = [] } = report;
  const wanted = `within ${budget.occupancy} occupancy and ${budget.moves} moves`;
  if (advice === undefined) return `No watermarks keep ${wanted}; allow more of either.`;
  return [
    `The greatest hit ${wanted}: ${hit.toFixed(3)}, with ${occupancy.toFixed(3)} occupancy and ${moves} moves.`,
    ...onOthers.map(
      (other) =>
        `Found with one half of the volumes, on the other: ${other.hit.toFixed(3)}, with ${other.occupancy.toFixed(3)} occupancy and ${other.moves} moves.`,
    ),
    '',
    'spec:',
    `  highWatermarkIOPS: ${advice.highWatermarkIops}`,
    `  lowWatermarkIOPS: ${advice.lowWatermarkIops}`,
    `  samplingWindow: ${formatDuration(advice.samplingWindowMs)}`,
    `  cooldownPeriod: ${formatDuration(advice.cooldownMs)}`,
    ...(advice.method === 'Average' ? [] : ['  scoring:', `    method: ${advice.method}`]),
    ...(byRank === undefined
      ? []
      : [
          '',
          `By rank instead (${byRank.name}): ${byRank.hit.toFixed(3)}, with ${byRank.occupancy.toFixed(3)} occupancy and ${byRank.moves} moves.`,
        ]),
  ].join('\n');
}
