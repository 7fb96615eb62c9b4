/** Uniform in [0, 1). */
export type Random = () => number;

/**
 * The same sequence for the same seed, everywhere: mulberry32 by Tommy Ettinger, which has a period of 2^32. For
 * simulations and tests; nothing that must not be guessed may come of it.
 *
 * @param seed of which the lower 32 bits count
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    return mixed(state) / 2 ** 32;
  };
}

/** An integer of 32 bits, of which every bit depends on every bit of the number. */
export function mixed(state: number): number {
  let result = Math.imul(state ^ (state >>> 15), 1 | state);
  result = (result + Math.imul(result ^ (result >>> 7), 61 | result)) ^ result;
  return (result ^ (result >>> 14)) >>> 0;
}
