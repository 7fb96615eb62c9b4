import { setImmediate } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { runSeed } from '../run-seed.ts';
import type { WorkerReport } from '../worker.ts';
import { profileOf } from '../world/profile-of.ts';
import type { Profile } from '../world/profile.ts';
import { isProvoking } from '../world/provoking.ts';
import { wrongInSmallWorlds, type SmallWorlds } from './small-worlds.ts';

export interface SeedTask {
  /** Or the small worlds of the protocol, in place of a simulated one. */
  readonly seed: number | SmallWorlds;
  /** Number of the mutant that is switched on; undefined for none. */
  readonly mutant: number | undefined;
  /** After so many steps of the world it is taken for one that never rests; undefined for no end. */
  readonly stepsMax: number | undefined;
}

/** What a run of a seed came to, up to its first breach. */
export interface MutantReport {
  readonly kind: 'seed';
  readonly report: WorkerReport;
  /** Mutants that would have made a difference, by their numbers; only of a run with none switched on. */
  readonly passed: readonly number[];
}

export interface SmallWorldsReport {
  readonly kind: 'smallWorlds';
  readonly wrong: string | undefined;
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
/** Where nothing is wrong worlds rest sooner. */
const REST_WITHIN_MS = 45 * MINUTE_MS;

const runTask = async ({ seed, mutant, stepsMax }: SeedTask): Promise<MutantReport | SmallWorldsReport> => {
  const passed = new Set<number>();
  const note = (number: number): boolean => {
    passed.add(number);
    return false;
  };
  (globalThis as Switched).couchestorMutant = mutant === undefined ? note : (number) => number === mutant;
  if (typeof seed === 'string') return { kind: 'smallWorlds', wrong: wrongInSmallWorlds(seed) };
  const { schedule: _schedule, ...report } = await runSeed(seed, {
    stopAtBreach: true,
    restWithinMs: REST_WITHIN_MS,
    profile: isProvoking(seed) ? {} : small(profileOf(seed)),
    ...(stepsMax === undefined ? {} : { stepsMax }),
  });
  // What was rejected in this run and is caught by nobody is no fault of the next.
  await setImmediate();
  return { kind: 'seed', report, passed: [...passed] };
};
const port = parentPort;
if (port === null) throw new Error('this file is run as a worker');
// What nobody catches ends the worker, which is an answer, too.
port.on('message', (task: SeedTask) => void runTask(task).then((report) => port.postMessage(report)));
