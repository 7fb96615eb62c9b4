import { knownSurvivors } from './known-survivors.ts';
import type { MutantSeeds } from './mutant-seeds.ts';
import { mechanicalMutants } from './mutation-targets.ts';
import { plantedDefects } from './planted/index.ts';
import { runMutants, type MutantResults } from './run-mutants.ts';
import { trialName } from './trial.ts';
import { createUnitTests } from './unit-tests.ts';

export interface MutantTest {
  /** Only what has this in `planted NAME` or `mechanical ID`; undefined for all. */
  readonly only: string | undefined;
  readonly seeds: MutantSeeds;
  readonly workers: number;
  readonly folder: string;
  readonly say: (line: string) => void;
}

/** What `--json` adds to the summary of the code as it is. */
export interface MutantSummary {
  readonly mutants: number;
  readonly caught: number;
  readonly missed: number;
  readonly planted: readonly {
    readonly name: string;
    readonly by: string | undefined;
    readonly in: string | undefined;
  }[];
  readonly mechanical: {
    readonly total: number;
    readonly killed: number;
    /** Of those killed: by the protocol's core alone, in small worlds and on walks, which is asked first. */
    readonly byCoreAlone: number;
    readonly survived: number;
    /** Of those that survived: those that a unit test fails with, and those of which it is known why nothing notices. */
    readonly byUnitTests: number;
    readonly survivors: readonly { readonly id: string; readonly reason: string | undefined }[];
    /** Survivors of which nobody has said why that is no harm. */
    readonly unexplained: readonly string[];
  };
}

/** The check of the checks: are defects noticed? */
export async function testMutants({ only, ...options }: MutantTest): Promise<{
  readonly summary: ReturnType<MutantResults['tally']['summary']> & MutantSummary;
  readonly isGood: boolean;
}> {
  const { say } = options;
  const wanted = (name: string): boolean => only === undefined || name.includes(only);
  const reasons = new Map(knownSurvivors.flatMap(({ reason, ids }) => ids.map((id) => [id, reason] as const)));
  const results = await runMutants({
    ...options,
    known: new Set(reasons.keys()),
    planted: plantedDefects.filter(({ name }) => wanted(`planted ${name}`)),
    mechanical: mechanicalMutants().filter(({ id }) => wanted(`mechanical ${id}`)),
    unitTests: createUnitTests,
  });
  const caught = results.planted.filter(([, { kind }]) => kind === 'caught').length;
  say(`\n${caught} of ${results.planted.length} planted defects caught`);
  for (const [{ name, says }, { kind }] of results.planted) if (kind !== 'caught') say(`MISSED ${name}: ${says}`);
  const survivors = results.mechanical.flatMap(([{ id }, { verdict, unitTest }]) => {
    const byTest = unitTest === undefined ? undefined : `no promise of the simulation: "${unitTest}" fails`;
    return verdict.kind === 'caught' ? [] : [{ id, reason: reasons.get(id) ?? byTest }];
  });
  const unexplained = survivors.flatMap(({ id, reason }) => (reason === undefined ? [id] : []));
  const { length: total } = results.mechanical;
  const killed = total - survivors.length;
  const byCoreAlone = results.mechanical.filter(
    ([, { verdict }]) => verdict.kind === 'caught' && ['smallWorlds', 'walks'].includes(verdict.trial.kind),
  ).length;
  const byUnitTests = results.mechanical.filter(([, { unitTest }]) => unitTest !== undefined).length;
  say(
    `${killed} of ${total} mechanical mutants killed, ${byCoreAlone} of them by the core alone; ` +
      `${survivors.length} survived, of which ${byUnitTests} fail a unit test`,
  );
  for (const { id, reason } of survivors) say(`${reason ?? 'NO REASON YET'}: ${id}`);
  const isSurvivor = new Set(survivors.map(({ id }) => id));
  const outdated = [...reasons.keys()].filter((id) => wanted(`mechanical ${id}`) && !isSurvivor.has(id));
  for (const id of outdated) say(`killed, or there no more, though the list says that it survives: ${id}`);
  const nothing = results.tally.summary();
  return {
    summary: {
      ...nothing,
      mutants: results.planted.length,
      caught,
      missed: results.planted.length - caught,
      planted: results.planted.map(([{ name }, verdict]) => ({
        name,
        by: verdict.kind === 'caught' ? verdict.by : undefined,
        in: verdict.kind === 'caught' ? trialName(verdict.trial) : undefined,
      })),
      mechanical: {
        total,
        killed,
        byCoreAlone,
        survived: survivors.length,
        byUnitTests,
        survivors,
        unexplained,
      },
    },
    isGood: caught === results.planted.length && unexplained.length === 0 && nothing.violations.length === 0,
  };
}
