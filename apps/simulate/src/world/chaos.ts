import { mixed, seededRandom, type Random } from '@couchestor/shared/random';
import { hashOf } from './random.ts';

/** Something goes wrong here. What it is follows from the lot's own randomness. */
export interface Lot {
  /** `<process>/<operation>#<how often the process has come to this operation>`: the same in every run of the seed. */
  readonly id: string;
  readonly random: Random;
}

/**
 * Decides what goes wrong. A lot is drawn from the seed and its own name alone, not from a common sequence: so leaving
 * one fault out leaves all others as they were, as far as they still come about, and a failing run can be shrunk.
 */
export interface Chaos {
  /** At a call from a process to something else; undefined if all goes well. */
  at(key: string, weight?: number): Lot | undefined;
  /** The same for a key that is asked about again and again. */
  spot(key: string): () => Lot | undefined;
  /** Something that happens by itself, once; undefined if it is left out of this run. */
  deed(id: string): Lot | undefined;
  /** Calls that were asked about. */
  readonly calls: number;
  readonly faults: number;
  /** Ids of all faults and deeds that came about, in their order. */
  readonly drawn: readonly string[];
  /** From now on nothing goes wrong. */
  end(): void;
}

interface Counter {
  readonly hash: number;
  count: number;
}

export interface ChaosOptions {
  readonly seed: number;
  /** Share of calls that go wrong. */
  readonly rate: number;
  /** Nothing but these comes about; undefined for all. */
  readonly only: ReadonlySet<string> | undefined;
  readonly onLot: (id: string) => void;
}

export function createChaos({ seed, rate, only, onLot }: ChaosOptions): Chaos {
  const counters = new Map<string, Counter>();
  const threshold = rate * 2 ** 32;
  const drawn: string[] = [];
  let calls = 0;
  let faults = 0;
  let hasEnded = false;

  const lotOf = (id: string, state: number): Lot | undefined => {
    if (only !== undefined && !only.has(id)) return undefined;
    drawn.push(id);
    onLot(id);
    return { id, random: seededRandom(state) };
  };
  const counterOf = (key: string): Counter => {
    let counter = counters.get(key);
    if (counter === undefined) {
      counter = { hash: hashOf(key, mixed(seed ^ 0x2545f491)), count: 0 };
      counters.set(key, counter);
    }
    return counter;
  };
  const drawAt = (key: string, counter: Counter, weight: number): Lot | undefined => {
    calls += 1;
    if (hasEnded) return undefined;
    counter.count += 1;
    const state = (counter.hash + Math.imul(counter.count, 0x9e3779b9)) >>> 0;
    if (mixed(state) >= threshold * weight) return undefined;
    const lot = lotOf(`${key}#${counter.count}`, mixed(state ^ 0x5bd1e995));
    if (lot !== undefined) faults += 1;
    return lot;
  };
  return {
    at: (key, weight = 1) => drawAt(key, counterOf(key), weight),
    spot: (key) => {
      const counter = counterOf(key);
      return () => drawAt(key, counter, 1);
    },
    deed: (id) => (hasEnded ? undefined : lotOf(id, hashOf(id, mixed(seed ^ 0x1b873593)))),
    get calls() {
      return calls;
    },
    get faults() {
      return faults;
    },
    drawn,
    end: () => {
      hasEnded = true;
    },
  };
}
