import { strict as assert } from 'node:assert';

/** States by a number each, and the ways between them, for millions of both. */
export interface Graph {
  readonly size: number;
  /** The number of the state with this key, a whole number; a new one for a new key. */
  numberOf(key: number): number;
  keyAt(state: number): number;
  connect(from: number, to: number): void;
  /** States from which no way leads to any of these, `max` of them at most. */
  withoutWayTo(isGoal: (state: number) => boolean, max: number): number[];
}

const NONE = -1;

export function createGraph(sizeMax: number): Graph {
  const numbers = new Map<number, number>();
  const keys: number[] = [];
  // For each state the way that was added last and leads to it, and for each way the one before it.
  let lastWayTo = new Int32Array(1_024).fill(NONE);
  let wayBefore = new Int32Array(4_096);
  let comesFrom = new Int32Array(4_096);
  let ways = 0;

  return {
    get size() {
      return keys.length;
    },
    numberOf: (key) => {
      const known = numbers.get(key);
      if (known !== undefined) return known;
      const state = keys.push(key) - 1;
      if (state >= sizeMax) throw new Error(`more than ${sizeMax} states`);
      numbers.set(key, state);
      if (state >= lastWayTo.length) {
        const larger = new Int32Array(2 * lastWayTo.length).fill(NONE);
        larger.set(lastWayTo);
        lastWayTo = larger;
      }
      return state;
    },
    keyAt: (state) => {
      const key = keys[state];
      assert.ok(key !== undefined, 'the state was numbered');
      return key;
    },
    connect: (from, to) => {
      if (ways >= comesFrom.length) {
        comesFrom = doubled(comesFrom);
        wayBefore = doubled(wayBefore);
      }
      comesFrom[ways] = from;
      wayBefore[ways] = lastWayTo[to] ?? NONE;
      lastWayTo[to] = ways;
      ways += 1;
    },
    withoutWayTo: (isGoal, max) => {
      const reached = new Uint8Array(keys.length);
      const queue: number[] = [];
      const reach = (state: number): void => {
        if (reached[state] === 1) return;
        reached[state] = 1;
        queue.push(state);
      };
      for (let state = 0; state < keys.length; state += 1) if (isGoal(state)) reach(state);
      for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
        for (let way = lastWayTo[state] ?? NONE; way !== NONE; way = wayBefore[way] ?? NONE) {
          reach(comesFrom[way] ?? NONE);
        }
      }
      const left: number[] = [];
      for (let state = 0; state < keys.length && left.length < max; state += 1) {
        if (reached[state] === 0) left.push(state);
      }
      return left;
    },
  };
}

function doubled(values: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * values.length);
  larger.set(values);
  return larger;
}
