/** Uniform in [0, 1), the same sequence for the same seed. */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    return mixed(state) / 2 ** 32;
  };
}

/** Every bit of the answer depends on every bit of the number. */
export function mixed(state: number): number {
  let result = Math.imul(state ^ (state >>> 15), 1 | state);
  result = (result + Math.imul(result ^ (result >>> 7), 61 | result)) ^ result;
  return (result ^ (result >>> 14)) >>> 0;
}

/** FNV-1a over UTF-16 units. */
export function hashOf(text: string, start = 0x811c9dc5): number {
  let hash = start;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

export const picked = <T>(random: Random, items: readonly [T, ...T[]]): T =>
  items[Math.floor(random() * items.length)] ?? items[0];
export const oneOf = <T>(random: Random, items: readonly T[]): T | undefined =>
  items[Math.floor(random() * items.length)];
export const upTo = (random: Random, ms: number): number => Math.floor(random() * ms);
