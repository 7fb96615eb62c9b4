import { readFile } from 'node:fs/promises';
import { transform } from 'esbuild';
import { expect, test } from 'vitest';
import { root } from '../../bundle.ts';
import { provocations } from '../../world/provoking.ts';
import { caughtIn } from './caught-in.ts';
import { plantedDefects } from './index.ts';
import { editsOf, planted } from './planted-defect.ts';

test('there are enough of them, each of its own name, in every service and in what they share', () => {
  expect(plantedDefects.length).toBeGreaterThanOrEqual(40);
  expect(new Set(plantedDefects.map(({ name }) => name)).size).toBe(plantedDefects.length);
  const places = new Set(plantedDefects.map(({ file }) => file.split('/').slice(0, 2).join('/')));
  expect([...places].sort()).toEqual(['libs/shared', 'services/migrator', 'services/scorer', 'services/watcher']);
});

test.each(plantedDefects)('$name: can be planted, and what it makes is a program', async (defect) => {
  for (const file of new Set(editsOf(defect).map((edit) => edit.file))) {
    const text = await readFile(root + file, 'utf8');
    const changed = planted(file, text, defect) ?? '';
    expect(changed).not.toBe(text);
    await expect(transform(changed, { loader: 'ts' })).resolves.toBeDefined();
  }
});

test('a defect whose place is no more, or stands twice, is an error and no pass', () => {
  const also = [{ file: 'z.ts', find: 'y', replace: 'x' }];
  const defect = { name: 'x', says: '', file: 'a.ts', find: 'b', replace: 'c', also };
  expect(planted('a.ts', 'abd', defect)).toBe('acd');
  expect(planted('z.ts', 'yes', defect)).toBe('xes');
  expect(planted('other.ts', 'abd', defect)).toBeUndefined();
  expect(() => planted('a.ts', 'ad', defect)).toThrow('its text stands 0 times in a.ts, not once');
  expect(() => planted('a.ts', 'abba', defect)).toThrow('2 times');
});

test('each world that a defect names is one of the provoking ones', () => {
  const named = plantedDefects.flatMap(({ world }) => world ?? []);
  expect(named.filter((world) => !Object.hasOwn(provocations, world))).toEqual([]);
});

test('where a defect was caught last is said of defects that there are', () => {
  const names = new Set(plantedDefects.map(({ name }) => name));
  expect(Object.keys(caughtIn).filter((name) => !names.has(name))).toEqual([]);
});
