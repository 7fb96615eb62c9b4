import { strict as assert } from 'node:assert';
import type { Capabilities } from '../../src/core/evidence.ts';
import { createGraph } from './graph.ts';
import { eventsIn, happeningsTo } from './happenings.ts';
import { keyOf, plain, volumesAtFirst, type Shared, type SmallWorld, type Volume } from './small-world.ts';
import { stepsOf } from './steps.ts';

export interface Enumeration {
  readonly states: number;
  readonly transitions: number;
  /** Ends that a move can come to. */
  readonly ends: ReadonlySet<string>;
  /** What must never be, with the state in which it is. */
  readonly wrongs: readonly string[];
}

/** Pairs of a volume and what all volumes share know what may come next, so a state is made of their numbers. */
interface Next {
  readonly volume: number;
  readonly shared: number;
  readonly isForward: boolean;
}
interface NextOfAll {
  readonly shared: number;
  readonly touches: boolean;
  readonly isForward: boolean;
}

const SHARED_MAX = 2 ** 13;
const VOLUMES_MAX = 2 ** 20;
const WRONGS_MAX = 20;

/** Visits every state. @throws Error beyond `statesMax` of them */
export function enumerate(world: SmallWorld, statesMax = 10_000_000): Enumeration {
  const capabilities: Capabilities = { method: world.method ?? 'poolCordon', cachePeriodMs: 30_000 };
  const volumes = createIndex<Volume>(keyOf, VOLUMES_MAX);
  const shareds = createIndex<Shared>((shared) => JSON.stringify(shared), SHARED_MAX);
  const numberOf = (volume: Volume): number => volumes.numberOf(plain(volume));
  const wrongs = new Set<string>();
  const ends = new Set<string>();
  const wrong = (what: string, ...where: readonly unknown[]): void => {
    if (wrongs.size < WRONGS_MAX) wrongs.add(`${what} in ${JSON.stringify(where)}`);
  };

  const nextOfVolume = memoized((pair): readonly Next[] => {
    const volume = volumes.at(Math.floor(pair / SHARED_MAX));
    const shared = shareds.at(pair % SHARED_MAX);
    const { intent } = volume;
    if (intent.state === 'ended') {
      ends.add(`${intent.outcome} ${intent.reason ?? ''}`.trim());
      for (const problem of problemsAtEnd(volume, shared)) wrong(problem, volume, shared);
      return [];
    }
    const sight = { world, volume, shared };
    return [
      ...stepsOf(sight, capabilities, (what) => wrong(what, volume, shared)),
      ...happeningsTo(sight, capabilities),
    ].map(({ volume: to, shared: sharedThen, benign, byAbort = false }) => ({
      volume: numberOf(to),
      shared: shareds.numberOf(sharedThen),
      isForward: benign || byAbort,
    }));
  });
  const nextOfAll = memoized((shared): readonly NextOfAll[] =>
    [...eventsIn(world, shareds.at(shared))].map(({ shared: to, touches, benign }) => ({
      shared: shareds.numberOf(to),
      touches,
      isForward: benign,
    })),
  );
  const touched = memoized((volume) => numberOf({ ...volumes.at(volume), stable: 0 }));
  const hasEnded = memoized((volume) => volumes.at(volume).intent.state === 'ended');
  /** When all have ended nobody asks any more what else there is but cordons. */
  const afterAll = memoized((shared) =>
    shareds.numberOf({ ...shareds.at(shared), nodesDown: [], fence: undefined, mayAct: true, trouble: 0 }),
  );

  const graph = createGraph(statesMax);
  const stateOf = (shared: number, of: readonly number[]): number => {
    const then = of.every(hasEnded) ? afterAll(shared) : shared;
    return graph.numberOf(of.reduceRight((key, volume) => key * VOLUMES_MAX + volume, 0) * SHARED_MAX + then);
  };
  const first: Shared = { cordons: [], nodesDown: [], fence: undefined, mayAct: true, trouble: world.trouble };
  stateOf(shareds.numberOf(first), volumesAtFirst(world).map(numberOf));
  const partsOf = (state: number): { readonly shared: number; readonly of: number[] } => {
    const key = graph.keyAt(state);
    let rest = Math.floor(key / SHARED_MAX);
    const of = world.volumes.map(() => {
      const volume = rest % VOLUMES_MAX;
      rest = Math.floor(rest / VOLUMES_MAX);
      return volume;
    });
    return { shared: key % SHARED_MAX, of };
  };

  let transitions = 0;
  for (let state = 0; state < graph.size; state += 1) {
    const { shared, of } = partsOf(state);
    for (const [position, volume] of of.entries()) {
      for (const next of nextOfVolume(volume * SHARED_MAX + shared)) {
        transitions += 1;
        const target = stateOf(next.shared, of.with(position, next.volume));
        if (next.isForward) graph.connect(state, target);
      }
    }
    for (const next of nextOfAll(shared)) {
      transitions += 1;
      const target = stateOf(next.shared, next.touches ? of.map(touched) : of);
      if (next.isForward) graph.connect(state, target);
    }
  }

  const isOver = (state: number): boolean => partsOf(state).of.every(hasEnded);
  for (const state of graph.withoutWayTo(isOver, WRONGS_MAX)) {
    const { shared, of } = partsOf(state);
    wrong('no end can be reached', ...of.map((volume) => volumes.at(volume)), shareds.at(shared));
  }
  return { states: graph.size, transitions, ends, wrongs: [...wrongs] };
}

export function problemsAtEnd({ intent, count, deleted }: Volume, { cordons }: Shared): string[] {
  const left = cordons.filter((cordon) => cordon.startsWith(`${intent.migrationId}/`));
  const problems = left.map((cordon) => `left behind: ${cordon}`);
  // A person may change the count, and then it is theirs; a move that completed left it as it was.
  if (intent.state === 'ended' && intent.outcome === 'completed' && !deleted && count !== intent.replicaCount) {
    problems.push(`a count of ${count} after a completed move`);
  }
  return problems;
}

/** Numbers things that are the same by their key. */
function createIndex<T>(keyOfThing: (thing: T) => string, max: number) {
  const numbers = new Map<string, number>();
  const things: T[] = [];
  return {
    numberOf: (thing: T): number => {
      const key = keyOfThing(thing);
      const known = numbers.get(key);
      if (known !== undefined) return known;
      assert.ok(things.length < max, 'the world is small');
      numbers.set(key, things.length);
      return things.push(thing) - 1;
    },
    at: (index: number): T => {
      const thing = things[index];
      assert.ok(thing !== undefined, 'it was numbered');
      return thing;
    },
  };
}

function memoized<T>(compute: (input: number) => T): (input: number) => T {
  const known = new Map<number, T>();
  return (input) => {
    const before = known.get(input);
    if (before !== undefined) return before;
    const result = compute(input);
    known.set(input, result);
    return result;
  };
}
