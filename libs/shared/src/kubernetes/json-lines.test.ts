import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineTooLongError, readJsonLines } from './json-lines.ts';

async function linesOf(chunks: readonly Uint8Array[], bytesMax = 1_000_000): Promise<string[]> {
  const lines: string[] = [];
  const source = (async function* () {
    yield* chunks;
  })();
  for await (const line of readJsonLines(source, bytesMax)) lines.push(line);
  return lines;
}

test('lines come out whole, wherever chunks end', async () => {
  const line = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => JSON.stringify(text));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat(40), { minLength: 1 }), async (lines, sizes) => {
      const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(''));
      const chunks: Uint8Array[] = [];
      for (let start = 0, index = 0; start < bytes.length; index += 1) {
        const size = 1 + (sizes[index % sizes.length] ?? 0);
        chunks.push(bytes.subarray(start, start + size));
        start += size;
      }
      expect(await linesOf(chunks)).toEqual(lines);
    }),
  );
});

test('empty lines and an unfinished last one are dropped', async () => {
  expect(await linesOf([Buffer.from('\n{"a":1}\n\n{"b"')])).toEqual(['{"a":1}']);
});

test('a line may have as many bytes as are allowed, and not one more, finished or not', async () => {
  expect(await linesOf([Buffer.from('12345\n')], 5)).toEqual(['12345']);
  await expect(linesOf([Buffer.from('123'), Buffer.from('456\n')], 5)).rejects.toThrow(LineTooLongError);
  await expect(linesOf([Buffer.from('123'), Buffer.from('456')], 5)).rejects.toThrow(LineTooLongError);
});
