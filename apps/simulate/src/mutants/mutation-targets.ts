import { readdirSync, readFileSync } from 'node:fs';
import { root } from '../bundle.ts';
import { hashOf } from '../world/random.ts';
import { mechanicalMutantsOf, type MechanicalMutant, type MutantKind } from './mechanical.ts';

const CORE = 'services/migrator/src/core/';
const inCores: ReadonlySet<MutantKind> = new Set([
  'negated condition',
  'changed comparison',
  'swapped arguments',
  'removed statement',
]);
/** What the walk of a move decides by, beside the core. */
const AROUND = ['move-guards', 'cordon-doubts', 'count-doubts', 'seen-evidence', 'move-rules'].map(
  (name) => `services/migrator/src/${name}.ts`,
);
/** A core awaits nothing, so what awaits is around it. */
const WAITING = ['move', 'migrator', 'move-record', 'lookout', 'held-lease', 'late-calls', 'sweep-cordons'].map(
  (name) => `services/migrator/src/${name}.ts`,
);
const aroundCores: ReadonlySet<MutantKind> = new Set(['dropped await']);

/** Of all mutants that a machine finds in the protocol so many in a hundred are tried, always the same ones. */
const DRAWN_PERCENT = 33;

/** Mechanical mutants of the protocol. */
export function mechanicalMutants(): readonly MechanicalMutant[] {
  const cores = readdirSync(root + CORE)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort()
    .map((name) => CORE + name);
  const of = (kinds: ReadonlySet<MutantKind>) => (file: string) =>
    mechanicalMutantsOf(file, readFileSync(root + file, 'utf8'), kinds);
  const found = [...[...cores, ...AROUND].flatMap(of(inCores)), ...WAITING.flatMap(of(aroundCores))];
  return found.filter(({ id }) => hashOf(id) % 100 < DRAWN_PERCENT);
}
