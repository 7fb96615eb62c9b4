import { readFile, writeFile } from 'node:fs/promises';
import { root, type Rewrite } from '../bundle.ts';
import { createTally, type Tally } from '../tally.ts';
import type { WorkerReport } from '../worker.ts';
import { createBundler, type Bundler } from './bundler.ts';
import { judge, startRunner, type Baseline, type Verdict } from './judge.ts';
import { mutated, withProbes, type MechanicalMutant } from './mechanical.ts';
import { planted, type PlantedDefect } from './planted/planted-defect.ts';

export interface MutantRun {
  readonly planted: readonly PlantedDefect[];
  readonly mechanical: readonly MechanicalMutant[];
  readonly seeds: readonly number[];
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

const PROBE = 'globalThis.couchestorProbes?.add';

/**
 * Puts each change into the code, and looks whether the simulation says that something is wrong. Each is tried on the
 * seeds in which its place is come to, those first which have caught most so far.
 */
export async function runMutants({ seeds, workers, folder, say, ...run }: MutantRun): Promise<MutantResults> {
  const texts = await readAll([...run.planted, ...run.mechanical].map(({ file }) => file));
  await using bundler = await createBundler([...texts.keys()]);
  const { tally, baseline, passed } = await probe({
    bundler,
    texts,
    seeds,
    workers,
    folder,
    say,
    mutants: run.mechanical,
  });
  say(`nothing changed: ${tally.line()}`);

  const catches = new Map<number, number>();
  const bestFirst = (reached: Iterable<number>): number[] =>
    [...reached].sort((a, b) => (catches.get(b) ?? 0) - (catches.get(a) ?? 0) || a - b);
  const judgeAll = async <M extends { readonly file: string }>(
    mutants: readonly M[],
    rewrite: (mutant: M, text: string) => string,
    reachedBy: (mutant: M) => Iterable<number>,
    onVerdict: (mutant: M, verdict: Verdict, done: number) => void,
  ): Promise<(readonly [M, Verdict])[]> => {
    const verdicts = new Map<M, Verdict>();
    const left = mutants.values();
    const work = async (slot: number): Promise<void> => {
      for (const mutant of left) {
        const own: Rewrite = (path, text) => (path === mutant.file ? rewrite(mutant, text) : undefined);
        const verdict = await judgeOne(bundler, own, `${folder}mutant-${process.pid}-${slot}.mjs`, () =>
          bestFirst(reachedBy(mutant)),
        );
        if (verdict.kind === 'caught') catches.set(verdict.seed, (catches.get(verdict.seed) ?? 0) + 1);
        verdicts.set(mutant, verdict);
        onVerdict(mutant, verdict, verdicts.size);
      }
    };
    await Promise.all(Array.from({ length: workers }, (_, slot) => work(slot)));
    return mutants.flatMap((mutant) => {
      const verdict = verdicts.get(mutant);
      return verdict === undefined ? [] : [[mutant, verdict] as const];
    });
  };
  const judgeOne = async (own: Bundler, rewrite: Rewrite, path: string, order: () => number[]): Promise<Verdict> => {
    let contents: Uint8Array;
    try {
      contents = await own.bundle(rewrite);
    } catch (error) {
      return { kind: 'unfit', why: error instanceof Error ? error.message : String(error) };
    }
    return judge({ path, contents }, order(), baseline);
  };

  const plantedVerdicts = await judgeAll(
    run.planted,
    (defect, text) => planted(text, defect),
    () => baseline.keys(),
    ({ name, says }, verdict) => say(`${told(verdict)}  ${name}: ${says}`),
  );
  const mechanicalVerdicts = await judgeAll(
    run.mechanical,
    (mutant, text) => mutated(text, mutant),
    (mutant) => passed.get(mutant) ?? [],
    ({ line, column, id }, verdict, done) => {
      if (verdict.kind !== 'caught') say(`${told(verdict)}  ${line}:${column} ${id}`);
      if (done % PROGRESS_EVERY === 0) say(`${done} of ${run.mechanical.length} mechanical mutants`);
    },
  );
  return { tally, planted: plantedVerdicts, mechanical: mechanicalVerdicts };
}

const PROGRESS_EVERY = 50;

function told(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'caught':
      return `caught by ${verdict.by.padEnd(3)} seed ${verdict.seed}`;
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

/** Runs the code as it is, and finds out in which seeds each mutant would make a difference at all. */
async function probe({
  bundler,
  texts,
  seeds,
  workers,
  folder,
  say,
  mutants,
}: Pick<MutantRun, 'seeds' | 'workers' | 'folder' | 'say'> & {
  readonly bundler: Bundler;
  readonly texts: ReadonlyMap<string, string>;
  readonly mutants: readonly MechanicalMutant[];
}): Promise<{
  readonly tally: Tally;
  readonly baseline: Baseline;
  readonly passed: ReadonlyMap<MechanicalMutant, readonly number[]>;
}> {
  const numbers = new Map(mutants.map((mutant, index) => [mutant, index]));
  const probed = new Map(
    [...texts].map(([file, text]) => {
      const own = mutants.filter((mutant) => mutant.file === file);
      return [file, withProbes(text, own, (mutant) => numbers.get(mutant) ?? 0, PROBE)];
    }),
  );
  const path = `${folder}probes-${process.pid}.mjs`;
  await writeFile(path, await bundler.bundle((file) => probed.get(file)));
  const tally = createTally(() => performance.now());
  const baseline = new Map<number, WorkerReport>();
  const passed = new Map<MechanicalMutant, number[]>(mutants.map((mutant) => [mutant, []]));
  const left = seeds.values();
  const work = async (): Promise<void> => {
    await using runner = startRunner(path);
    for (const seed of left) {
      const result = await runner.run({ seed, stepsMax: undefined });
      if (result.kind !== 'ended') throw new Error(`seed ${seed} where nothing was changed: ${result.why}`);
      const { report } = result.report;
      tally.add(report);
      const [breach] = report.breaches;
      if (breach !== undefined) {
        say(`seed ${seed} is left out, for it ends badly as it is: ${breach.invariant} ${breach.what}`);
        continue;
      }
      baseline.set(seed, report);
      for (const number of result.report.passed) {
        const mutant = mutants[number];
        if (mutant !== undefined) passed.get(mutant)?.push(seed);
      }
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return { tally, baseline, passed };
}
