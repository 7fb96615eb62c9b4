import { readFile } from 'node:fs/promises';
import { runInNewContext } from 'node:vm';
import { transform } from 'esbuild';
import { expect, test } from 'vitest';
import { root } from '../bundle.ts';
import { knownSurvivors } from './known-survivors.ts';
import { mechanicalMutantsOf, mutated, withSwitches, type MutantKind } from './mechanical.ts';
import { mechanicalMutants } from './mutation-targets.ts';

const all: ReadonlySet<MutantKind> = new Set([
  'negated condition',
  'changed comparison',
  'swapped arguments',
  'removed statement',
  'dropped await',
]);
const changed = (text: string): string[] =>
  mechanicalMutantsOf('a.ts', text, all).map((mutant) => mutated(text, mutant));

test.each([
  [
    'const f = () => (a && !b ? 1 : 2);',
    ['const f = () => ((!(a)) && !b ? 1 : 2);', 'const f = () => (a && (b) ? 1 : 2);'],
  ],
  ['const f = (n: number) => n < 3;', ['const f = (n: number) => (n <= 3);']],
  ['const f = () => a === b;', ['const f = () => (a !== b);']],
  ['const f = () => g(a, b, c);', ['const f = () => g(b, a, c);']],
  ['g();', [';']],
  ['for (;;) if (a) break;', ['for (;;) ;', 'for (;;) if ((!(a))) break;']],
  ['if (a) g(); else h();', ['if ((!(a))) g(); else h();', 'if (a) ; else h();', 'if (a) g(); else ;']],
  ['const x = await g();', ['const x = (g());']],
  ['assert.ok(a, b);', []],
])('%s becomes %j', (text, mutants) => {
  expect(changed(text)).toEqual(mutants);
});

test('an id stays the same when lines are put before, and two of one function are told apart', () => {
  const text = 'function f() {\n  g();\n  g();\n}\n';
  const ids = (source: string): string[] => mechanicalMutantsOf('a.ts', source, all).map(({ id }) => id);
  expect(ids(text)).toEqual(['a.ts f: removed statement g();', 'a.ts f: removed statement g(); (2)']);
  expect(ids(`// A word.\n\n${text}`)).toEqual(ids(text));
  expect(mechanicalMutantsOf('a.ts', text, all)[1]).toMatchObject({ line: 3, column: 3 });
});

test('switched on in one text, each mutant does what it does alone, and says where it would', () => {
  const text =
    'let n = 0; const g = (a, b) => a - b; const f = (a) => { if (a > 1 && !(a > 5)) n = g(a, 1); return a > 2 ? n : -a; }; ';
  const mutants = mechanicalMutantsOf('a.ts', text, all);
  const numberOf = (mutant: (typeof mutants)[number]): number => mutants.indexOf(mutant);
  const switched = withSwitches(text, mutants, numberOf, 'isOn');
  const run = (source: string, argument: number, isOn: (number: number) => boolean): unknown =>
    runInNewContext(`${source} f(${argument});`, { isOn });
  for (const argument of [1, 2, 3, 5, 6]) {
    const asked = new Set<number>();
    const usual = run(switched, argument, (number) => {
      asked.add(number);
      return false;
    });
    expect(usual).toBe(run(text, argument, () => false));
    for (const mutant of mutants) {
      const alone = run(mutated(text, mutant), argument, () => false);
      expect(run(switched, argument, (number) => number === numberOf(mutant))).toBe(alone);
      expect(alone === usual || asked.has(numberOf(mutant))).toBe(true);
    }
  }
  expect(mutants).toHaveLength(8);
});

test('there are hundreds of mutants of the protocol, each has an id of its own, and every one is a program', async () => {
  const mutants = mechanicalMutants();
  expect(mutants.length).toBeGreaterThan(300);
  expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
  for (const file of new Set(mutants.map((mutant) => mutant.file))) {
    const text = await readFile(root + file, 'utf8');
    const own = mutants.filter((mutant) => mutant.file === file);
    const switched = withSwitches(text, own, (mutant) => own.indexOf(mutant), 'isOn');
    const fault = await transform(switched, { loader: 'ts' }).then(() => undefined, String);
    expect([file, fault]).toEqual([file, undefined]);
  }
});

test('what is said to survive is a mutant, and is said to once', () => {
  const ids = new Set(mechanicalMutants().map(({ id }) => id));
  const known = knownSurvivors.flatMap(({ ids: survivors }) => survivors);
  expect(known.filter((id) => !ids.has(id))).toEqual([]);
  expect(new Set(known).size).toBe(known.length);
});
