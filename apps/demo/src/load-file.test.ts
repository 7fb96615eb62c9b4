import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLoadFile } from './load-file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'couchestor-load-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, `${Math.random()}.csv`);
  writeFileSync(path, text);
  return path;
}

test('half hours become mean IOPS, and a missing one was idle', async () => {
  const path = file('volume,half_hour,reads,writes,extra\na,0,1800,3600,9\na,2,900,0,9\nb,1,18000,0,9\n');
  expect(await readLoadFile(path)).toEqual(
    new Map([
      ['a', [3, 0, 0.5]],
      ['b', [0, 10, 0]],
    ]),
  );
});

test.each([
  ['half_hour,reads,writes\n', 'the header lacks volume'],
  ['volume,half_hour,reads,writes\n', 'There is no volume in the history.'],
  ['volume,half_hour,reads,writes\na,x,1,2\n', 'line 2: not volume, half hour, reads and writes: a,x,1,2'],
])('%j is refused with the place of the fault', async (text, message) => {
  await expect(readLoadFile(file(text))).rejects.toThrow(message);
});
