import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { mechanicalMutants } from './mutation-targets.ts';
import { plantedDefects } from './planted/index.ts';
import { runMutants } from './run-mutants.ts';

test('defects are caught by the invariant that they break, what cannot be planted is an error, and what changes nothing survives', async () => {
  const folder = `${await mkdtemp(join(tmpdir(), 'mutants-'))}/`;
  onTestFinished(() => rm(folder, { recursive: true }));
  const planted = plantedDefects.filter(({ name }) =>
    ['forgets to lift the fence', 'shrinks without a steer'].includes(name),
  );
  const [first] = planted;
  if (first === undefined) throw new Error('it is one of the list');
  const harmless = {
    ...first,
    name: 'harmless',
    file: 'services/migrator/src/adoption.ts',
    find: 'const AGAIN_MAX_MS = 5_000;',
    replace: 'const AGAIN_MAX_MS = 5 * 1_000;',
    caughtIn: 1,
  };
  const gone = { ...harmless, name: 'gone', find: 'nowhere' };
  const said: string[] = [];
  const { planted: verdicts, tally } = await runMutants({
    planted: [...planted, harmless, gone],
    mechanical: mechanicalMutants().slice(0, 0),
    seeds: { aimed: [], all: [1], usual: [1], ofKind: () => [] },
    known: new Set(),
    workers: 1,
    folder,
    unitTests: () => Promise.reject(new Error('no mechanical mutant asks')),
    say: (line) => said.push(line),
  });
  expect(tally.summary().violations).toEqual([]);
  expect(verdicts.map(([{ name }, verdict]) => [name, verdict.kind === 'caught' ? verdict.by : verdict.kind])).toEqual([
    ['forgets to lift the fence', 'I4'],
    ['shrinks without a steer', 'I2'],
    ['harmless', 'survived'],
    ['gone', 'unfit'],
  ]);
  expect(verdicts[2]?.[1]).toEqual({ kind: 'survived', tried: 1, differed: 0 });
  expect(said.join('\n')).toMatch(/UNFIT [^]*gone: its text stands 0 times/);
}, 300_000);
