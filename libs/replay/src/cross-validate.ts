import { clairvoyantBest, type Budget } from './clairvoyant.ts';
import type { History } from './history.ts';
import { randomOf } from './random.ts';
import { replay, type Setting } from './replay.ts';

/** How a family of rules does on volumes that it was not fitted on. */
export interface CrossValidation {
  readonly mean: number;
  readonly worst: number;
  readonly halves: readonly { readonly chosen: string; readonly score: number }[];
}

/** Of the moves, those that a rule may need where it is chosen: what uses up all of one half's may overrun the other's. */
const MOVES_TO_CHOOSE_BY = 0.8;
/** So fine that the best within a budget is no lower for want of a price. */
const PRICES_PER_DECADE = 32;

/**
 * Hit ÷ the clairvoyant's hit within the budget; 0 for a rule that overruns it.
 *
 * @param best of the same history and budget, if it is known
 */
export function scoreOf(
  history: History,
  setting: Setting,
  budget: Budget,
  best = bestWithin(history, budget).hit,
): number {
  const { hit, occupancy, moves } = replay(history, setting, 0);
  const within = occupancy <= budget.occupancy + 1e-9 && moves <= budget.moves + 1e-9;
  return within && best > 0 ? hit / best : 0;
}

export function bestWithin(history: History, budget: Budget) {
  return clairvoyantBest(history, budget, PRICES_PER_DECADE);
}

/**
 * Takes random halves of the volumes, chooses on one half the setting with the greatest score, and gives its score on the
 * other half. The budget of moves is shared out by volumes.
 */
export function crossValidate(
  history: History,
  settingsOf: (history: History) => readonly Setting[],
  budget: Budget,
  { halves, seed }: { readonly halves: number; readonly seed: number },
): CrossValidation {
  const results = Array.from({ length: halves }, (_, index) => {
    const order = shuffled(history.names.length, randomOf(seed, index));
    const middle = Math.floor(order.length / 2);
    const [fitted, judged] = [history.select(order.slice(0, middle)), history.select(order.slice(middle))];
    const budgetOf = ({ names }: History): Budget => ({
      ...budget,
      moves: (budget.moves * names.length) / history.names.length,
    });
    const bestFitted = bestWithin(fitted, budgetOf(fitted)).hit;
    const chooseBy = { ...budget, moves: MOVES_TO_CHOOSE_BY * budgetOf(fitted).moves };
    const scores = settingsOf(fitted).map((setting) => scoreOf(fitted, setting, chooseBy, bestFitted));
    const greatest = Math.max(0, ...scores);
    const setting = greatest > 0 ? settingsOf(judged)[scores.indexOf(greatest)] : undefined;
    if (setting === undefined) return { chosen: 'none', score: 0 };
    return { chosen: setting.name, score: scoreOf(judged, setting, budgetOf(judged)) };
  });
  return {
    mean: results.reduce((sum, { score }) => sum + score, 0) / results.length,
    worst: Math.min(...results.map(({ score }) => score)),
    halves: results,
  };
}

function shuffled(length: number, random: () => number): readonly number[] {
  const order = Array.from({ length }, (_, index) => index);
  for (let index = length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [order[index], order[other]] = [order[other] ?? 0, order[index] ?? 0];
  }
  return order;
}
