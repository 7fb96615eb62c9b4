import { readFile, writeFile } from 'node:fs/promises';
import { root } from '../bundle.ts';
import { createTally, type Tally } from '../tally.ts';
import { createBaselines } from './baselines.ts';
import { createBundler } from './bundler.ts';
import { judge, told, type Verdict } from './judge.ts';
import { SWITCH, withSwitches, type MechanicalMutant } from './mechanical.ts';
import type { MutantSeeds } from './mutant-seeds.ts';
import { editsOf, planted, type PlantedDefect } from './planted/planted-defect.ts';
import { createRunner } from './runner.ts';
import { seedTrial, trialName, type Trial } from './trial.ts';
import { createSpent } from './spent.ts';
import type { TestGroups, UnitTests } from './unit-tests.ts';

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
  /** Those of the migrator, asked of mechanical mutants. */
  readonly unitTests: (text: (file: string) => string | undefined) => Promise<UnitTests>;
}

/** What became of a mechanical mutant: a unit test may fail with one that the worlds have nothing to say to. */
export type MechanicalVerdict = Verdict | { readonly kind: 'fails'; readonly test: string };

export interface MutantResults {
  /** Of the code as it is, in the same worlds. */
  readonly tally: Tally;
  readonly planted: readonly (readonly [PlantedDefect, Verdict])[];
  readonly mechanical: readonly (readonly [MechanicalMutant, MechanicalVerdict])[];
}

const PROGRESS_EVERY = 20;
/** Of the worlds that come to its place a mechanical mutant is tried in so many before whole moves are tested, and in all. */
const SEEDS_FIRST = 3;
const SEEDS_MAX = 8;
const KNOWN_SEEDS = 2;

/**
 * Puts each change into the code, and looks whether anything says that something is wrong. Planted defects are bundled
 * one by one, and tried first where they were caught last. Of mechanical mutants all are in one bundle, switched off; each
 * is put to what costs least first, and in worlds in which its place is come to.
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
  const baselines = createBaselines(tally, say);

  const spent = createSpent(() => performance.now());

  const catches = new Map<number, number>();
  const bestFirst = (of: Iterable<number>): Trial[] =>
    [...of].sort((a, b) => (catches.get(b) ?? 0) - (catches.get(a) ?? 0)).map(seedTrial);
  const noted = (verdict: Verdict): Verdict => {
    if (verdict.kind === 'caught' && verdict.trial.kind === 'seed')
      catches.set(verdict.trial.seed, (catches.get(verdict.trial.seed) ?? 0) + 1);
    return verdict;
  };

  /** Where it was caught last; the core alone; worlds made by hand; those of its kind; all others, those first that catch most. */
  function* trialsOf({ file, caughtIn, world }: PlantedDefect): Generator<Trial> {
    if (caughtIn !== undefined) yield typeof caughtIn === 'number' ? seedTrial(caughtIn) : aimedTrial(caughtIn);
    if (isOfCore(file)) yield* [calmTrial, walksTrial];
    for (const name of seeds.aimed) if (name !== caughtIn) yield aimedTrial(name);
    const own = world === undefined ? [] : seeds.ofKind(world);
    yield* own.filter((seed) => seed !== caughtIn).map(seedTrial);
    yield* bestFirst(seeds.all.filter((seed) => seed !== caughtIn && !own.includes(seed)));
  }
  const plantedVerdicts = new Map<PlantedDefect, Verdict>();
  const plantedLeft = run.planted.values();
  await inSlots(workers, async (slot) => {
    await using usual = createRunner(pathOf('all'));
    for (const defect of plantedLeft) {
      const verdict = noted(await judgePlanted(defect, slot, baselines.with(usual.run)));
      plantedVerdicts.set(defect, verdict);
      say(`${told(verdict)}${foundAnew(defect, verdict)}  ${defect.name}: ${defect.says}`);
    }
  });
  async function judgePlanted(
    defect: PlantedDefect,
    slot: number,
    baseline: ReturnType<typeof baselines.with>,
  ): Promise<Verdict> {
    try {
      await writeFile(pathOf(slot), await bundler.bundle((file, text) => planted(file, text, defect)));
    } catch (error) {
      return { kind: 'unfit', why: error instanceof Error ? error.message : String(error) };
    }
    await using runner = createRunner(pathOf(slot));
    return await judge(spent.timing(runner.run), undefined, trialsOf(defect), baseline);
  }

  const mechanicalVerdicts = new Map<MechanicalMutant, MechanicalVerdict>();
  const mechanicalLeft = numbers.entries();
  /** Those that survive what costs little, for the end. */
  const hardy: [MechanicalMutant, number][] = [];
  const seedsLeft = seeds.usual.values();
  await using unitTests = await (numbers.size === 0
    ? undefined
    : spent.on('unit tests', () => run.unitTests((file) => switched.get(file))));
  await inSlots(unitTests === undefined ? 0 : workers, async () => {
    await using runner = createRunner(pathOf('all'));
    const baseline = baselines.with(runner.run);
    const timed = spent.timing(runner.run);
    const inTests = (number: number, which: TestGroups): Promise<string | undefined> =>
      spent.on(`unit tests: ${which}`, async () => unitTests?.failing(number, which));
    /** In which worlds something comes to its place; all of them are run once for that, when it is asked first. */
    const reaching = async (number: number): Promise<Trial[]> => {
      for (const seed of seedsLeft) await spent.on('nothing changed', () => baseline(seedTrial(seed)));
      await Promise.all(seeds.usual.map((seed) => baseline(seedTrial(seed))));
      return bestFirst(baselines.reaching(number));
    };
    const inCore = async ({ file }: MechanicalMutant, number: number, trial: Trial): Promise<Verdict | undefined> =>
      isOfCore(file) && (await baselines.coreReaches(timed, trial, number))
        ? judge(timed, number, [trial], baseline)
        : undefined;
    const inSeeds = async (number: number, from: number, to: number): Promise<Verdict> =>
      noted(await judge(timed, number, (await reaching(number)).slice(from, to), baseline));
    const settle = (mutant: MechanicalMutant, verdict: MechanicalVerdict): void => {
      mechanicalVerdicts.set(mutant, verdict);
      const how = verdict.kind === 'fails' ? `fails "${verdict.test}"` : told(verdict);
      say(`${how}  ${mutant.line}:${mutant.column} ${mutant.id}`);
      if (mechanicalVerdicts.size % PROGRESS_EVERY === 0)
        say(`${mechanicalVerdicts.size} of ${numbers.size} mechanical mutants`);
    };
    for (const [mutant, number] of mechanicalLeft) {
      const verdict = await firstBad(
        () => inCore(mutant, number, calmTrial),
        () => inTests(number, 'core'),
        () => inCore(mutant, number, walksTrial),
      );
      if (verdict.kind === 'survived') hardy.push([mutant, number]);
      else settle(mutant, verdict);
    }
    for (let next = hardy.shift(); next !== undefined; next = hardy.shift()) {
      const [mutant, number] = next;
      const isKnown = run.known.has(mutant.id);
      const verdict = await firstBad(
        () => inSeeds(number, 0, isKnown ? KNOWN_SEEDS : SEEDS_FIRST),
        () => inTests(number, 'rest'),
        async () => (isKnown ? undefined : inCore(mutant, number, troubledTrial)),
        async () => (isKnown ? undefined : inSeeds(number, SEEDS_FIRST, SEEDS_MAX)),
      );
      settle(mutant, verdict);
    }
  });
  say(`the time of ${workers} workers went to ${spent.line()}`);
  say(`nothing changed: ${tally.line()}`);
  return {
    tally,
    planted: inOrder(run.planted, plantedVerdicts),
    mechanical: inOrder(run.mechanical, mechanicalVerdicts),
  };
}

const calmTrial: Trial = { kind: 'smallWorlds', which: 'calm' };
const walksTrial: Trial = { kind: 'walks' };
const troubledTrial: Trial = { kind: 'smallWorlds', which: 'troubled' };
const aimedTrial = (world: Extract<Trial, { kind: 'aimed' }>['world']): Trial => ({ kind: 'aimed', world });
const isOfCore = (file: string): boolean => file.startsWith('services/migrator/src/core/');

/** So that the list can be put right. */
function foundAnew({ caughtIn }: PlantedDefect, verdict: Verdict): string {
  if (verdict.kind !== 'caught' || caughtIn === undefined) return '';
  const { trial } = verdict;
  const isWhere =
    (trial.kind === 'seed' && trial.seed === caughtIn) || (trial.kind === 'aimed' && trial.world === caughtIn);
  const was = typeof caughtIn === 'number' ? seedTrial(caughtIn) : aimedTrial(caughtIn);
  return isWhere ? '' : ` (no more in ${trialName(was)})`;
}

/** Asks one after the other, up to the first that has something to say. */
async function firstBad(
  ...asked: readonly (() => Promise<Verdict | string | undefined>)[]
): Promise<MechanicalVerdict> {
  let tried = 0;
  let differed = 0;
  for (const ask of asked) {
    const said = await ask();
    if (said === undefined) continue;
    if (typeof said === 'string') return { kind: 'fails', test: said };
    if (said.kind !== 'survived') return said;
    tried += said.tried;
    differed += said.differed;
  }
  return { kind: 'survived', tried, differed };
}

async function inSlots(count: number, work: (slot: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, slot) => work(slot)));
}

function inOrder<M, V>(of: readonly M[], verdicts: ReadonlyMap<M, V>): (readonly [M, V])[] {
  return of.flatMap((each) => {
    const verdict = verdicts.get(each);
    return verdict === undefined ? [] : [[each, verdict] as const];
  });
}

async function readAll(files: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const file of new Set(files)) texts.set(file, await readFile(root + file, 'utf8'));
  return texts;
}
