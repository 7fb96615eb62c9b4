import type { Readable } from 'node:stream';

const LINE_LENGTH_MAX = 65_536;

/** Calls `onLine` for each line of a byte stream, the unfinished last one included; what exceeds 64 KiB is cut off. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  let pending = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\n');
    pending = (lines.pop() ?? '').slice(0, LINE_LENGTH_MAX);
    for (const line of lines) onLine(line.slice(0, LINE_LENGTH_MAX));
  });
  stream.on('end', () => {
    if (pending !== '') onLine(pending);
  });
}
