import { readFile, writeFile } from 'node:fs/promises';
import { root, type Rewrite } from '../bundle.ts';
import { createTally, type Tally } from '../tally.ts';
import type { WorkerReport } from '../worker.ts';
import { createBundler } from './bundler.ts';
import { createRunner, judge, judgeBySmallWorlds, type RunResult, type Verdict } from './judge.ts';
import { SWITCH, withSwitches, type MechanicalMutant } from './mechanical.ts';
import type { MutantSeeds } from './mutant-seeds.ts';
import { editsOf, planted, type PlantedDefect } from './planted/planted-defect.ts';
import type { SeedTask } from './worker.ts';

export interface MutantRun {
  readonly planted: readonly PlantedDefect[];
  readonly mechanical: readonly MechanicalMutant[];
  readonly seeds: MutantSeeds;
  /** Tried on few worlds, for it is known that nothing is noticed on any. */
  readonly known: ReadonlySet<string>;
  readonly workers: number;
  /** Where bundles are written. */
  readonly folder: string;
  readonly say: (line: string) => void;
}

export interface MutantResults {
  /** Of the code as it is, on the same seeds. */
  readonly tally: Tally;
  readonly planted: readonly (readonly [PlantedDefect, Verdict])[];
  readonly mechanical: readonly (readonly [MechanicalMutant, Verdict])[];
}

/**
 * Puts each change into the code, and looks whether the simulation says that something is wrong. Planted defects are
 * bundled one by one; of mechanical mutants all are in one bundle, switched off, and each is tried on the seeds in which
 * its place is come to, and in the small worlds of the protocol. Seeds that have caught most so far come first.
 */
export async function runMutants({ seeds, workers, folder, say, ...run }: MutantRun): Promise<MutantResults> {
  const texts = await readAll([...run.planted.flatMap(editsOf), ...run.mechanical].map(({ file }) => file));
  await using bundler = await createBundler([...texts.keys()]);
  const numbers = new Map(run.mechanical.map((mutant, index) => [mutant, index]));
  const switched = new Map(
    [...texts].map(([file, text]) => {
      const own = run.mechanical.filter((mutant) => mutant.file === file);
      return [file, withSwitches(text, own, (mutant) => numbers.get(mutant) ?? 0, SWITCH)];
    }),
  );
  const pathOf = (name: string | number): string => `${folder}mutants-${process.pid}-${name}.mjs`;
  await writeFile(pathOf('all'), await bundler.bundle((file) => switched.get(file)));
  const tally = createTally(() => performance.now());
  const baseline = new Map<number, WorkerReport>();
  const reached = new Map<number, number[]>(Array.from(numbers.values(), (number) => [number, []]));

  const left = seeds.all.values();
  await inSlots(workers, async () => {
    await using runner = createRunner(pathOf('all'));
    for (const seed of left) {
      const result = await runner.run({ seed, mutant: undefined, stepsMax: undefined });
      if (result.kind !== 'ended') throw new Error(`seed ${seed} where nothing was changed: ${result.why}`);
      if (result.report.kind !== 'seed') throw new Error('a seed was asked for');
      const { report, passed } = result.report;
      tally.add(report);
      const [breach] = report.breaches;
      if (breach === undefined) baseline.set(seed, report);
      else say(`seed ${seed} is left out, for it ends badly as it is: ${breach.invariant} ${breach.what}`);
      if (breach === undefined) for (const number of passed) reached.get(number)?.push(seed);
    }
  });
  say(`nothing changed: ${tally.line()}`);

  const catches = new Map<number, number>();
  const bestFirst = (of: Iterable<number>): number[] =>
    [...of].sort((a, b) => (catches.get(b) ?? 0) - (catches.get(a) ?? 0) || a - b);
  const noted = (verdict: Verdict): Verdict => {
    if (verdict.kind === 'caught' && verdict.seed !== undefined)
      catches.set(verdict.seed, (catches.get(verdict.seed) ?? 0) + 1);
    return verdict;
  };

  const plantedVerdicts = new Map<PlantedDefect, Verdict>();
  const plantedLeft = run.planted.values();
  await inSlots(workers, async (slot) => {
    for (const defect of plantedLeft) {
      const verdict = noted(await judgePlanted(defect, pathOf(slot)));
      plantedVerdicts.set(defect, verdict);
      say(`${told(verdict)}  ${defect.name}: ${defect.says}`);
    }
  });
  async function judgePlanted(defect: PlantedDefect, path: string): Promise<Verdict> {
    const rewrite: Rewrite = (file, text) => planted(file, text, defect);
    try {
      await writeFile(path, await bundler.bundle(rewrite));
    } catch (error) {
      return { kind: 'unfit', why: error instanceof Error ? error.message : String(error) };
    }
    await using runner = createRunner(path);
    const provoked = defect.world === undefined ? [] : seeds.ofKind(defect.world).filter((seed) => baseline.has(seed));
    const order = [...new Set([...provoked, ...bestFirst(baseline.keys())])];
    return await judge((task) => runner.run(task), undefined, order, baseline);
  }

  /** What costs least comes first: calm small worlds where they know the place, a seed or two, troubled ones, all seeds. */
  async function judgeMechanical(
    { file, id }: MechanicalMutant,
    number: number,
    runTask: (task: SeedTask) => Promise<RunResult>,
  ): Promise<Verdict> {
    const order = bestFirst(reached.get(number) ?? []).slice(0, run.known.has(id) ? KNOWN_SEEDS : SEEDS_MAX);
    const isOfCore = file.includes('/core/');
    const calm = isOfCore ? await judgeBySmallWorlds(runTask, number, 'calm') : undefined;
    if (calm !== undefined) return calm;
    const first = await judge(runTask, number, order.slice(0, SEEDS_FIRST), baseline);
    if (first.kind !== 'survived') return first;
    const troubled = isOfCore ? await judgeBySmallWorlds(runTask, number, 'troubled') : undefined;
    if (troubled !== undefined) return troubled;
    const rest = await judge(runTask, number, order.slice(SEEDS_FIRST), baseline);
    return rest.kind === 'survived'
      ? { kind: 'survived', tried: order.length, differed: first.differed + rest.differed }
      : rest;
  }
  const mechanicalVerdicts = new Map<MechanicalMutant, Verdict>();
  const mechanicalLeft = numbers.entries();
  await inSlots(workers, async () => {
    await using runner = createRunner(pathOf('all'));
    for (const [mutant, number] of mechanicalLeft) {
      const verdict = noted(await judgeMechanical(mutant, number, (task) => runner.run(task)));
      mechanicalVerdicts.set(mutant, verdict);
      const { line, column, id } = mutant;
      if (verdict.kind !== 'caught') say(`${told(verdict)}  ${line}:${column} ${id}`);
      if (mechanicalVerdicts.size % PROGRESS_EVERY === 0)
        say(`${mechanicalVerdicts.size} of ${numbers.size} mechanical mutants`);
    }
  });
  return {
    tally,
    planted: inOrder(run.planted, plantedVerdicts),
    mechanical: inOrder(run.mechanical, mechanicalVerdicts),
  };
}

const PROGRESS_EVERY = 20;
const SEEDS_FIRST = 3;
/** Of the worlds that come to its place a mechanical mutant is tried on so many; of one that is known to survive on fewer. */
const SEEDS_MAX = 24;
const KNOWN_SEEDS = 4;

async function inSlots(count: number, work: (slot: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, slot) => work(slot)));
}

function inOrder<M>(of: readonly M[], verdicts: ReadonlyMap<M, Verdict>): (readonly [M, Verdict])[] {
  return of.flatMap((each) => {
    const verdict = verdicts.get(each);
    return verdict === undefined ? [] : [[each, verdict] as const];
  });
}

function told(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'caught':
      return `caught by ${verdict.by.padEnd(3)}${verdict.seed === undefined ? '' : ` seed ${verdict.seed}`}`;
    case 'survived':
      return `SURVIVED ${verdict.tried} seeds, ${verdict.differed} of them another way`;
    case 'unfit':
      return `UNFIT ${verdict.why}`;
  }
}

async function readAll(files: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const file of new Set(files)) texts.set(file, await readFile(root + file, 'utf8'));
  return texts;
}
