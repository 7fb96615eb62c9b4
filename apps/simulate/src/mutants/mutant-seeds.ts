import { aimedWorldNames, type AimedWorldName } from '../aimed/index.ts';
import { isProvoking, provocations, provokingSeed } from '../world/provoking.ts';

/** Of the kind in which a defect should do harm soonest. */
const OF_ITS_KIND = 12;

/** Worlds that each mutant is put into, up to the first in which it is noticed. */
export interface MutantSeeds {
  /** Worlds made by hand, which planted defects are tried in before any seed that is not known to show them. */
  readonly aimed: readonly AimedWorldName[];
  /** Of each kind of provoking worlds the first, and others that are not. */
  readonly all: readonly number[];
  /** Those others, in which mechanical mutants are tried: each place is come to in some of them, or in hardly any world. */
  readonly usual: readonly number[];
  /** Those that provoke in this way. */
  readonly ofKind: (kind: string) => readonly number[];
}

/** @param others of worlds in which nothing is emphasized, busy ones and such in which most things differ by turns */
export function mutantSeeds(firstSeed: number, others: number): MutantSeeds {
  const ofKind = (kind: string): readonly number[] =>
    Array.from({ length: OF_ITS_KIND }, (_, nth) => provokingSeed(kind, nth));
  const provoking = Object.keys(provocations).map((kind) => provokingSeed(kind, 0));
  const usual: number[] = [];
  for (let index = 0; usual.length < others; index += 1) {
    const seed = index % 2 === 0 ? firstSeed + index : 4 * (firstSeed + (index - 1) / 2);
    if (!isProvoking(seed)) usual.push(seed);
  }
  return { aimed: aimedWorldNames, all: [...provoking, ...usual], usual, ofKind };
}
