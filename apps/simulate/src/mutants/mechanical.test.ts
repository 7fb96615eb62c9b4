import { readFile } from 'node:fs/promises';
import { runInNewContext } from 'node:vm';
import { transform } from 'esbuild';
import { expect, test } from 'vitest';
import { root } from '../bundle.ts';
import { knownSurvivors } from './known-survivors.ts';
import { mechanicalMutantsOf, mutated, withProbes, type MutantKind } from './mechanical.ts';
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

test('probes are passed wherever a mutant would make a difference, and change nothing else', () => {
  const text = 'let n = 0; const f = (a) => { if (a > 1 && !(a > 5)) n = Math.max(n, a); return a > 2 ? n : -n; };';
  const mutants = mechanicalMutantsOf('a.ts', text, all);
  const passedBy = (argument: number): { readonly result: number; readonly passed: string[] } => {
    const passed = new Set<number>();
    const probed = withProbes(text, mutants, (mutant) => mutants.indexOf(mutant), 'probe');
    const result = runInNewContext(`${probed} f(${argument});`, {
      probe: (index: number) => passed.add(index),
    }) as number;
    return { result, passed: [...passed].map((index) => mutants[index]?.kind ?? '').sort() };
  };
  expect(mutants).toHaveLength(8);
  expect(passedBy(1)).toEqual({
    result: -0,
    passed: ['changed comparison', 'changed comparison', 'negated condition', 'negated condition'],
  });
  expect(passedBy(3)).toMatchObject({ result: 3 });
  expect(passedBy(3).passed).toHaveLength(8);
});

test('there are hundreds of mutants of the protocol, each has an id of its own, and every one is a program', async () => {
  const mutants = mechanicalMutants();
  expect(mutants.length).toBeGreaterThan(300);
  expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
  for (const mutant of mutants) {
    const text = await readFile(root + mutant.file, 'utf8');
    const fault = await transform(mutated(text, mutant), { loader: 'ts' }).then(() => undefined, String);
    expect([mutant.id, fault]).toEqual([mutant.id, undefined]);
  }
});

test('what is said to survive is a mutant, and is said to once', () => {
  const ids = new Set(mechanicalMutants().map(({ id }) => id));
  const known = knownSurvivors.flatMap(({ ids: survivors }) => survivors);
  expect(known.filter((id) => !ids.has(id))).toEqual([]);
  expect(new Set(known).size).toBe(known.length);
});
