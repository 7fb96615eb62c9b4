import { knownSurvivors } from './known-survivors.ts';
import type { MutantSeeds } from './mutant-seeds.ts';
import { mechanicalMutants } from './mutation-targets.ts';
import { plantedDefects } from './planted/index.ts';
import { runMutants, type MutantResults } from './run-mutants.ts';

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
  readonly planted: readonly { readonly name: string; readonly by: string | undefined }[];
  readonly mechanical: {
    readonly total: number;
    readonly killed: number;
    /** Of those killed: by the small worlds of the protocol, which cost less than a seed and are asked first. */
    readonly bySmallWorlds: number;
    readonly survived: number;
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
  });
  const survivors = results.mechanical.flatMap(([{ id }, { kind }]) => (kind === 'caught' ? [] : [id]));
  const unexplained = survivors.filter((id) => !reasons.has(id));
  const caught = results.planted.filter(([, { kind }]) => kind === 'caught').length;
  say(`\n${caught} of ${results.planted.length} planted defects caught`);
  for (const [{ name, says }, { kind }] of results.planted) if (kind !== 'caught') say(`MISSED ${name}: ${says}`);
  const { length: total } = results.mechanical;
  const bySmallWorlds = results.mechanical.filter(
    ([, verdict]) => verdict.kind === 'caught' && verdict.by === 'small worlds',
  ).length;
  say(
    `${total - survivors.length} of ${total} mechanical mutants killed, ${bySmallWorlds} of them by small worlds; ` +
      `${survivors.length} survived`,
  );
  for (const id of survivors) say(`${reasons.get(id) ?? 'NO REASON YET'}: ${id}`);
  const ids = new Set(results.mechanical.map(([{ id }]) => id));
  const outdated = [...reasons.keys()].filter(
    (id) => wanted(`mechanical ${id}`) && !(ids.has(id) && survivors.includes(id)),
  );
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
      })),
      mechanical: { total, killed: total - survivors.length, bySmallWorlds, survived: survivors.length, unexplained },
    },
    isGood: caught === results.planted.length && unexplained.length === 0 && nothing.violations.length === 0,
  };
}
