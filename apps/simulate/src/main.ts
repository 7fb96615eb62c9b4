/**
 * `npm run simulate`: the cores of the services, or the whole services, in simulated worlds, by seed, on virtual time,
 * while everything goes wrong that may; what must always hold is looked at after each step. Ends with 1 if something did
 * not hold.
 */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorker } from './bundle.ts';
import { parseCommandLine, usage, type SimulateOptions } from './command-line.ts';
import { printCrashMatrix } from './matrix/crash-matrix.ts';
import { mutantSeeds } from './mutants/mutant-seeds.ts';
import { testMutants } from './mutants/test-mutants.ts';
import { runOf, type Population } from './population.ts';
import { createTally } from './tally.ts';
import { shrink, type Run } from './shrink.ts';
import { simulate } from './simulation.ts';
import { createStory } from './story.ts';
import { runWalks } from './walks/run-walks.ts';
import type { WorkerReport } from './worker.ts';
import { hashOf } from './world/random.ts';

const cache = fileURLToPath(new URL('../../../node_modules/.cache/simulate/', import.meta.url));

async function run(wanted: SimulateOptions): Promise<number> {
  if (wanted.isMatrix) return (await printCrashMatrix(console.log)) ? 0 : 1;
  if (wanted.isWalk) return walkMany(wanted);
  if (wanted.mutants !== undefined) return runOnMutants(wanted, wanted.mutants);
  const population = wanted.isOfServices ? 'services' : 'cores';
  return wanted.replay === undefined ? runMany(wanted, population) : replay(wanted.replay, population);
}

function read(args: readonly string[]): SimulateOptions {
  try {
    return parseCommandLine(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exit(2);
  }
}

async function runMany({ isJson, shrinkRuns, ...wanted }: SimulateOptions, population: Population): Promise<number> {
  const say = isJson ? console.error : console.log;
  await mkdir(cache, { recursive: true });
  const bundle = `${cache}worker-${process.pid}.mjs`;
  await bundleWorker(bundle);
  const tally = createTally(() => performance.now());
  let saidAtMs = performance.now();
  await simulate<WorkerReport>({
    ...wanted,
    bundle,
    workerData: population,
    onReport: (report) => {
      tally.add(report);
      for (const { invariant, step, atMs, what } of report.breaches) {
        say(`seed ${report.seed}, step ${step}, ${(atMs / 60_000).toFixed(2)} min: ${invariant} ${what}`);
      }
      if (performance.now() - saidAtMs > 10_000) {
        saidAtMs = performance.now();
        say(tally.line());
      }
      return true;
    },
  });
  say(tally.line());
  const summary = tally.summary();
  const [first] = summary.violations;
  if (first !== undefined) {
    say(`\nreplay with: ${replayOf(first.seed, population)}`);
    if (shrinkRuns > 0) await tellShrunken(first.seed, population, shrinkRuns, say);
  }
  if (isJson) console.log(JSON.stringify(summary));
  return summary.violations.length === 0 ? 0 : 1;
}

async function walkMany({ isJson, ...wanted }: SimulateOptions): Promise<number> {
  await mkdir(cache, { recursive: true });
  const summary = await runWalks({ ...wanted, folder: cache, say: isJson ? console.error : console.log });
  if (isJson) console.log(JSON.stringify(summary));
  return summary.wrongs.length === 0 ? 0 : 1;
}

async function runOnMutants(
  { isJson, firstSeed, seeds, workers }: SimulateOptions,
  chosen: NonNullable<SimulateOptions['mutants']>,
): Promise<number> {
  await mkdir(cache, { recursive: true });
  const { summary, isGood } = await testMutants({
    ...chosen,
    seeds: mutantSeeds(firstSeed, seeds),
    workers,
    folder: cache,
    say: isJson ? console.error : console.log,
  });
  if (isJson) console.log(JSON.stringify(summary));
  return isGood ? 0 : 1;
}

function replayOf(seed: number, population: Population): string {
  return `npm run simulate -- --seed ${seed}${population === 'services' ? ' --services' : ''}`;
}

async function tellShrunken(
  seed: number,
  population: Population,
  runsMax: number,
  say: (line: string) => void,
): Promise<void> {
  const runSeed = runOf(population);
  const run: Run = (only) => runSeed(seed, { stopAtBreach: true, ...(only === undefined ? {} : { only }) });
  const shrunken = await shrink(run, {
    runsMax,
    onProgress: (left, runs) => say(`shrinking seed ${seed}: ${left} faults left after ${runs} runs`),
  });
  if (shrunken === undefined) return say(`seed ${seed} did not fail again`);
  const { schedule, breach } = shrunken;
  const story = createStory(hashOf);
  await runSeed(seed, { only: new Set(schedule), story, stopAtBreach: true });
  say(`\nThe story of seed ${seed} with no more than ${schedule.length} faults, which breaks ${breach.invariant}:\n`);
  for (const line of story.lines().slice(-STORY_LINES)) say(line);
  say(`\n${replayOf(seed, population)} --only '${schedule.join(',')}'`);
}

/** What led to a breach is seldom longer ago. */
const STORY_LINES = 120;

async function replay({ seed, only }: NonNullable<SimulateOptions['replay']>, population: Population): Promise<number> {
  const story = createStory(hashOf);
  const { breaches, moves, completed, calls, faults, crashes } = await runOf(population)(seed, {
    story,
    ...(only === undefined ? {} : { only }),
  });
  for (const line of story.lines()) console.log(line);
  console.log(
    `\nseed ${seed}: ${moves} moves, ${completed} completed, ${calls} calls, ${faults} faults, ${crashes} crashes`,
  );
  console.log(`trace ${story.hash()}`);
  for (const { invariant, step, atMs, what } of breaches) {
    console.log(`step ${step}, ${(atMs / 60_000).toFixed(2)} min: ${invariant} ${what}`);
  }
  return breaches.length === 0 ? 0 : 1;
}

const options = read(process.argv.slice(2));
process.exitCode = await run(options);
// A unit test that a mutant sends round and round cannot be ended, and would keep the process.
if (options.mutants !== undefined) process.exit();
