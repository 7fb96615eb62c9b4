import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Part } from './mutants/test-mutants.ts';

export interface SimulateOptions {
  readonly moves: number;
  readonly firstSeed: number;
  readonly seeds: number;
  readonly workers: number;
  readonly isJson: boolean;
  /** One seed alone, with its story. */
  readonly replay: { readonly seed: number; readonly only: ReadonlySet<string> | undefined } | undefined;
  /** Whole services in the worlds, instead of their cores. */
  readonly isOfServices: boolean;
  /** The crash matrix instead of seeds. */
  readonly isMatrix: boolean;
  /** The protocol's core alone, in worlds with too many states to be visited. */
  readonly isWalk: boolean;
  /** The check of the checks, in place of a simulation: defects that it has to notice, all or those of this name, or a part. */
  readonly mutants: { readonly only: string | undefined; readonly part: Part | undefined } | undefined;
  /** Least number of faults to look for after a failure, in runs of the seed. */
  readonly shrinkRuns: number;
}

export const usage = `npm run simulate -- [options]

  --moves N        run seeds until so many moves were taken up (2,000)
  --first-seed N   the first seed (1)
  --seeds N        no more than so many seeds
  --workers N      worker threads (one per core)
  --seed N         run this seed alone and tell its story
  --only A,B,…     with --seed: nothing but these faults come about
  --shrink-runs N  runs in which the first failing seed is shrunk (150; 0 for none)
  --json           end with one JSON object

  --services       whole services in place of their cores, which takes four times as long

  --matrix         instead: each fault at each call of a move, as tables (a minute or two)
  --walks          instead: the protocol's core alone, by seed, in worlds with too many states to be visited
  --mutants        instead: defects put into the code, each of which has to be noticed
  --mutant TEXT    only those that have this in "planted NAME" or "mechanical ID"
  --part N/M       with these: every M-th of them from the N-th on, so that all can be tried in M runs`;

/** Seeds of usual worlds that mutants are tried on, beside those of provoking ones. */
const MUTANT_SEEDS = 10;

/** @throws Error with a sentence for people */
export function parseCommandLine(args: readonly string[]): SimulateOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      moves: { type: 'string' },
      'first-seed': { type: 'string' },
      seeds: { type: 'string' },
      workers: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string' },
      'shrink-runs': { type: 'string' },
      mutants: { type: 'boolean', default: false },
      mutant: { type: 'string' },
      part: { type: 'string' },
      json: { type: 'boolean', default: false },
      services: { type: 'boolean', default: false },
      matrix: { type: 'boolean', default: false },
      walks: { type: 'boolean', default: false },
    },
  });
  const whole = (name: keyof typeof values, otherwise: number, min: number): number => {
    const text = values[name];
    if (typeof text !== 'string') return otherwise;
    const value = Number(text.replaceAll(/[_,]/g, ''));
    if (Number.isSafeInteger(value) && value >= min) return value;
    throw new Error(`--${name} is ${JSON.stringify(text)}; give a whole number from ${min} on`);
  };
  if (values.matrix && args.length > 1) throw new Error('--matrix goes alone');
  const isForMutants = values.mutants || values.mutant !== undefined;
  if (values.part !== undefined && !isForMutants) throw new Error('--part goes with --mutants or --mutant');
  if (values.only !== undefined && values.seed === undefined) throw new Error('--only goes with --seed');
  return {
    moves: whole('moves', 2_000, 1),
    firstSeed: whole('first-seed', 1, 0),
    seeds: whole('seeds', isForMutants ? MUTANT_SEEDS : Number.MAX_SAFE_INTEGER / 2, 1),
    workers: whole('workers', availableParallelism(), 1),
    isJson: values.json,
    isOfServices: values.services,
    isMatrix: values.matrix,
    isWalk: values.walks,
    mutants: isForMutants ? { only: values.mutant, part: partOf(values.part) } : undefined,
    replay:
      values.seed === undefined
        ? undefined
        : {
            seed: whole('seed', 0, 0),
            only: values.only === undefined ? undefined : new Set(values.only.split(',').filter((id) => id !== '')),
          },
    shrinkRuns: whole('shrink-runs', 150, 0),
  };
}

function partOf(text: string | undefined): Part | undefined {
  if (text === undefined) return undefined;
  const [number = 0, of = 0] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).slice(1).map(Number);
  if (number >= 1 && number <= of) return { number, of };
  throw new Error(`--part is ${JSON.stringify(text)}; give which of how many, like 1/4`);
}
