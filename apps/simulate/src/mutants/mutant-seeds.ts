import { isProvoking, provocations, provokingSeed } from '../world/provoking.ts';

/** Of each kind of provoking world. */
const OF_EACH_KIND = 3;

/** Worlds that each mutant is put into, up to the first in which it is noticed. */
export interface MutantSeeds {
  /** Of all kinds of provoking worlds the first, then of all the second and so on; and others that are not. */
  readonly all: readonly number[];
  /** Those that provoke in this way. */
  readonly ofKind: (kind: string) => readonly number[];
}

/** @param others of worlds in which nothing is emphasized, busy ones and such in which most things differ by turns */
export function mutantSeeds(firstSeed: number, others: number): MutantSeeds {
  const ofKind = (kind: string): readonly number[] =>
    Array.from({ length: OF_EACH_KIND }, (_, nth) => provokingSeed(kind, nth));
  const kinds = Object.keys(provocations);
  const provoking = Array.from({ length: OF_EACH_KIND }, (_, nth) => kinds.map((kind) => provokingSeed(kind, nth)));
  const usual: number[] = [];
  for (let index = 0; usual.length < others; index += 1) {
    const seed = index % 2 === 0 ? firstSeed + index : 4 * (firstSeed + (index - 1) / 2);
    if (!isProvoking(seed)) usual.push(seed);
  }
  const [first = [], ...rest] = provoking;
  return { all: [...first, ...usual, ...rest.flat()], ofKind };
}
