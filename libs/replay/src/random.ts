import { seededRandom, type Random } from '@couchestor/shared/random';

/** A sequence of its own for each seed and index. */
export function randomOf(seed: number, index: number): Random {
  return seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
}
