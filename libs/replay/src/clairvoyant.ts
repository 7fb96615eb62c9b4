import { thinned, totalRequests, type History } from './history.ts';

export interface Budget {
  /** Mean share of the volumes on the hot tier, 0 to 1. */
  readonly occupancy: number;
  readonly moves: number;
}

/** The best that a mover does that knows the future. */
export interface Clairvoyant extends Budget {
  /** Share of all requests that fall while their volume is on the hot tier. */
  readonly hit: number;
  /** No plan within the budget, found or not, has a greater hit than this. */
  readonly atMost: number;
  /** Of how many volumes; every nth of a fleet whose history is too much to be planned. */
  readonly volumes: number;
}

/** Prices of a move that are tried in each decade. */
const PRICES_PER_DECADE = 4;
const DECADES = 10;
/** More steps than these are planned for every nth volume. */
const CELLS_MAX = 500_000;
/** The price of a step on the hot tier is known to so much of itself. */
const PRICE_PRECISION = 1e-4;
/** Beyond the cheapest price of a move that keeps within the moves; the hit is not strictly lower for a higher one. */
const PRICES_BEYOND = 4;

/**
 * Maximises, for each volume by dynamic programming over (cold, hot), its requests on the hot tier − λ × steps on it −
 * μ × moves, and searches for λ and μ with which occupancy and moves keep within the budget. All volumes begin cold. Such
 * prices reach not every plan, so with few volumes a better one may exist; `atMost`, the least of the dual bounds that
 * were met on the way, says by how much.
 */
export function clairvoyantBest(history: History, budget: Budget, pricesPerDecade = PRICES_PER_DECADE): Clairvoyant {
  const part = thinned(history, CELLS_MAX);
  const volumes = part.names.length;
  const movesMax = (budget.moves * volumes) / history.names.length;
  const total = totalRequests(part);
  const rows = requestRows(part);
  const stepsOnHot = budget.occupancy * volumes * part.steps;
  let best: Plan = { hit: 0, hotSteps: 0, moves: 0, value: 0 };
  let atMost = total;

  const withinOccupancy = (movePrice: number): Plan => {
    let [low, high] = [0.5, 1e12];
    const free = planAt(rows, 0, movePrice);
    if (free.hotSteps <= stepsOnHot) return free;
    let found: Plan = { hit: 0, hotSteps: 0, moves: 0, value: 0 };
    while (high / low > 1 + PRICE_PRECISION) {
      const stepPrice = Math.sqrt(low * high);
      const plan = planAt(rows, stepPrice, movePrice);
      atMost = Math.min(atMost, plan.value + stepPrice * stepsOnHot + movePrice * movesMax);
      if (plan.hotSteps <= stepsOnHot) [high, found] = [stepPrice, plan];
      else low = stepPrice;
    }
    return found;
  };

  const prices = [0, ...Array.from({ length: DECADES * pricesPerDecade + 1 }, (_, n) => 10 ** (n / pricesPerDecade))];
  const plans = new Map<number, Plan>();
  const planFor = (index: number): Plan => {
    const known = plans.get(index) ?? withinOccupancy(prices[index] ?? 0);
    plans.set(index, known);
    return known;
  };
  // The dearer a move, the fewer there are: the first price that keeps within them is found by halving.
  let [dear, cheap] = [prices.length - 1, 0];
  while (cheap < dear) {
    const middle = Math.floor((cheap + dear) / 2);
    if (planFor(middle).moves <= movesMax) dear = middle;
    else cheap = middle + 1;
  }
  for (let index = Math.max(0, dear - PRICES_BEYOND); index <= dear + PRICES_BEYOND; index += 1) {
    if (index >= prices.length) break;
    const plan = planFor(index);
    if (plan.moves <= movesMax && plan.hit > best.hit) best = plan;
  }
  return {
    hit: total === 0 ? 0 : best.hit / total,
    occupancy: best.hotSteps / (volumes * part.steps),
    moves: best.moves,
    atMost: total === 0 ? 0 : Math.max(best.hit, atMost) / total,
    volumes,
  };
}

interface Plan {
  /** Requests on the hot tier. */
  readonly hit: number;
  readonly hotSteps: number;
  readonly moves: number;
  /** What was maximised. */
  readonly value: number;
}

/** The requests of each step, a row for each volume. */
function requestRows({ names, steps, requests }: History): readonly Float64Array[] {
  return names.map((_, volume) => Float64Array.from({ length: steps }, (_, step) => requests(volume, step, step + 1)));
}

/** The best plan of all volumes at these prices: forward, with the account of the best way to each tier carried along. */
function planAt(rows: readonly Float64Array[], stepPrice: number, movePrice: number): Plan {
  const sum = { hit: 0, hotSteps: 0, moves: 0, value: 0 };
  for (const row of rows) {
    let cold = 0;
    let coldHit = 0;
    let coldSteps = 0;
    let coldMoves = 0;
    let hot = -Infinity;
    let hotHit = 0;
    let hotSteps = 0;
    let hotMoves = 0;
    for (let step = 0; step < row.length; step += 1) {
      const requests = row[step] ?? 0;
      if (hot - movePrice > cold) {
        cold = hot - movePrice;
        coldHit = hotHit;
        coldSteps = hotSteps;
        coldMoves = hotMoves + 1;
      } else if (cold - movePrice > hot) {
        hot = cold - movePrice;
        hotHit = coldHit;
        hotSteps = coldSteps;
        hotMoves = coldMoves + 1;
      }
      hot += requests - stepPrice;
      hotHit += requests;
      hotSteps += 1;
    }
    const endsHot = hot > cold;
    sum.value += endsHot ? hot : cold;
    sum.hit += endsHot ? hotHit : coldHit;
    sum.hotSteps += endsHot ? hotSteps : coldSteps;
    sum.moves += endsHot ? hotMoves : coldMoves;
  }
  return sum;
}
