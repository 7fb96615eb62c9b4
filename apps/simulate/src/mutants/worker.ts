import { setImmediate } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { aimedWorlds } from '../aimed/index.ts';
import { runAimed } from '../aimed/run-aimed.ts';
import { runSeed, type SeedOptions, type SeedReport } from '../run-seed.ts';
import type { WorkerReport } from '../worker.ts';
import { profileOf } from '../world/profile-of.ts';
import type { Profile } from '../world/profile.ts';
import { isProvoking } from '../world/provoking.ts';
import { wrongInSmallWorlds, wrongOnWalks } from './small-worlds.ts';
import type { Trial } from './trial.ts';

export interface TrialTask {
  readonly trial: Trial;
  /** Number of the mutant that is switched on; undefined for none. */
  readonly mutant: number | undefined;
  /** After so many steps of the world it is taken for one that never rests; undefined for no end. */
  readonly stepsMax: number | undefined;
  /** It has to be at rest within this; undefined for what any world has. */
  readonly restWithinMs: number | undefined;
}

/** What a world came to, up to its first breach. */
export interface WorldReport {
  readonly kind: 'world';
  readonly report: WorkerReport;
  /** Mutants that would have made a difference, by their numbers; only of a run with none switched on. */
  readonly passed: readonly number[];
}

export interface CoreReport {
  readonly kind: 'core';
  readonly wrong: string | undefined;
  readonly passed: readonly number[];
}

/** What the switches in the code ask. */
interface Switched {
  couchestorMutant?: (number: number) => boolean;
}

// Nobody reads the stacks of the many errors that belong to the game.
Error.stackTraceLimit = 0;

/** Shorter and fuller than it usually is: what is tried hundreds of times wants many worlds rather than long ones. */
function small(profile: Profile): Partial<Profile> {
  const volumes = profile.volumes.slice(0, 6);
  const standstillMaxMs = Math.min(profile.standstillMaxMs, 2 * MINUTE_MS);
  if (profile.rebuildMs > MINUTE_MS) return { troubleMs: 15 * MINUTE_MS, volumes, standstillMaxMs };
  return { troubleMs: 6 * MINUTE_MS, deeds: 20, volumes, standstillMaxMs };
}
const MINUTE_MS = 60_000;

function runWorld(trial: Extract<Trial, { kind: 'seed' | 'aimed' }>, options: SeedOptions): Promise<SeedReport> {
  if (trial.kind === 'aimed') return runAimed(aimedWorlds[trial.world], options);
  const profile = isProvoking(trial.seed) ? {} : small(profileOf(trial.seed));
  return runSeed(trial.seed, { ...options, profile });
}

const runTask = async ({ trial, mutant, stepsMax, restWithinMs }: TrialTask): Promise<WorldReport | CoreReport> => {
  const passed = new Set<number>();
  const note = (number: number): boolean => {
    passed.add(number);
    return false;
  };
  (globalThis as Switched).couchestorMutant = mutant === undefined ? note : (number) => number === mutant;
  if (trial.kind === 'smallWorlds' || trial.kind === 'walks') {
    const wrong = trial.kind === 'walks' ? wrongOnWalks() : wrongInSmallWorlds(trial.which);
    return { kind: 'core', wrong, passed: [...passed] };
  }
  const { schedule: _schedule, ...report } = await runWorld(trial, {
    stopAtBreach: true,
    ...(restWithinMs === undefined ? {} : { restWithinMs }),
    ...(stepsMax === undefined ? {} : { stepsMax }),
  });
  // What was rejected in this run and is caught by nobody is no fault of the next.
  await setImmediate();
  return { kind: 'world', report, passed: [...passed] };
};
const port = parentPort;
if (port === null) throw new Error('this file is run as a worker');
// What nobody catches ends the worker, which is an answer, too.
port.on('message', (task: TrialTask) => void runTask(task).then((report) => port.postMessage(report)));
