import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readHalfHourFile } from './half-hour-file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'couchestor-replay-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(text: string): string {
  files += 1;
  const path = join(folder, `${files}.csv`);
  writeFileSync(path, text);
  return path;
}

test('reads and writes are added up, and a missing half hour had none', async () => {
  const history = await readHalfHourFile(file('volume,half_hour,reads,writes,more\nb,2,1,2,9\na,0,10,20,9\r\n\n'));
  expect(history).toMatchObject({ names: ['a', 'b'], steps: 3, stepMs: 1_800_000 });
  expect(history.requests(0, 0, 1)).toBe(30);
  expect(history.requests(1, 0, 3)).toBe(3);
  expect(history.known(1, 0, 3)).toBe(3);
});

test.each([
  ['half_hour,reads,writes\n', 'the header lacks volume'],
  ['volume,half_hour,reads,writes\n', 'There is no volume in the history.'],
  ['volume,half_hour,reads,writes\na,0,1,\n', 'line 2: not volume, half hour, reads and writes: a,0,1,'],
  ['volume,half_hour,reads,writes\na,0,1,-2\n', 'line 2: not volume'],
  ['volume,half_hour,reads,writes\na,0,1,2\na,0,1,2\n', 'line 3: The step 0 of a is there twice'],
])('%j is refused with the place of the fault', async (text, message) => {
  await expect(readHalfHourFile(file(text))).rejects.toThrow(message);
});
