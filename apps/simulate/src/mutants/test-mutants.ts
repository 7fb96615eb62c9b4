import { knownSurvivors } from './known-survivors.ts';
import type { MutantSeeds } from './mutant-seeds.ts';
import { mechanicalMutants } from './mutation-targets.ts';
import { plantedDefects } from './planted/index.ts';
import { runMutants, type MechanicalVerdict, type MutantResults } from './run-mutants.ts';
import { trialName } from './trial.ts';
import { createUnitTests } from './unit-tests.ts';

export interface MutantTest {
  /** Only what has this in `planted NAME` or `mechanical ID`; undefined for all. */
  readonly only: string | undefined;
  /** Of those every so many-th, so that all parts together are the whole; undefined for all. */
  readonly part: Part | undefined;
  readonly seeds: MutantSeeds;
  readonly workers: number;
  readonly folder: string;
  readonly say: (line: string) => void;
}

/** The first of two parts is number 1. */
export interface Part {
  readonly number: number;
  readonly of: number;
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
    /** Of those killed: by unit tests of the migrator, of which those of the core are asked second. */
    readonly byUnitTests: number;
    readonly survived: number;
    /** With the reason why nothing has to notice them. */
    readonly survivors: readonly { readonly id: string; readonly reason: string | undefined }[];
    /** Survivors of which nobody has said why that is no harm. */
    readonly unexplained: readonly string[];
  };
}

/** The check of the checks: are defects noticed? */
export async function testMutants({ only, part, ...options }: MutantTest): Promise<{
  readonly summary: ReturnType<MutantResults['tally']['summary']> & MutantSummary;
  readonly isGood: boolean;
}> {
  const { say } = options;
  const wanted = (name: string): boolean => only === undefined || name.includes(only);
  const inPart = (_: unknown, index: number): boolean => part === undefined || index % part.of === part.number - 1;
  const reasons = new Map(knownSurvivors.flatMap(({ reason, ids }) => ids.map((id) => [id, reason] as const)));
  const everyMechanical = mechanicalMutants();
  const results = await runMutants({
    ...options,
    known: new Set(reasons.keys()),
    planted: plantedDefects.filter(({ name }) => wanted(`planted ${name}`)).filter(inPart),
    mechanical: everyMechanical.filter(({ id }) => wanted(`mechanical ${id}`)).filter(inPart),
    unitTests: createUnitTests,
  });
  const caught = results.planted.filter(([, { kind }]) => kind === 'caught').length;
  say(`\n${caught} of ${results.planted.length} planted defects caught`);
  for (const [{ name, says }, { kind }] of results.planted) if (kind !== 'caught') say(`MISSED ${name}: ${says}`);
  const survivors = results.mechanical.flatMap(([{ id }, verdict]) =>
    isKilled(verdict) ? [] : [{ id, reason: reasons.get(id) }],
  );
  const unexplained = survivors.flatMap(({ id, reason }) => (reason === undefined ? [id] : []));
  const { length: total } = results.mechanical;
  const killed = total - survivors.length;
  const byCoreAlone = results.mechanical.filter(
    ([, verdict]) => verdict.kind === 'caught' && ['smallWorlds', 'walks'].includes(verdict.trial.kind),
  ).length;
  const byUnitTests = results.mechanical.filter(([, { kind }]) => kind === 'fails').length;
  say(
    `${killed} of ${total} mechanical mutants killed, ${byCoreAlone} of them by the core alone and ${byUnitTests} by ` +
      `unit tests; ${survivors.length} survived`,
  );
  for (const { id, reason } of survivors) say(`${reason ?? 'NO REASON YET'}: ${id}`);
  const exists = new Set(everyMechanical.map(({ id }) => id));
  const isKilledNow = new Set(results.mechanical.flatMap(([{ id }, verdict]) => (isKilled(verdict) ? [id] : [])));
  const outdated = [...reasons.keys()].filter((id) => !exists.has(id) || isKilledNow.has(id));
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
        byUnitTests,
        survived: survivors.length,
        survivors,
        unexplained,
      },
    },
    isGood: caught === results.planted.length && unexplained.length === 0 && nothing.violations.length === 0,
  };
}

const isKilled = ({ kind }: MechanicalVerdict): boolean => kind === 'caught' || kind === 'fails';
