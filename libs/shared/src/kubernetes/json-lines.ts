const LINE_FEED = 0x0a;

/** A line is longer than it may be. */
export class LineTooLongError extends Error {
  constructor(bytesMax: number) {
    super(`a line is longer than ${bytesMax} bytes`);
    this.name = 'LineTooLongError';
  }
}

/**
 * The lines of a byte stream without their line feeds, empty ones left out. Chunks may end anywhere, also within a
 * character; what follows the last line feed is dropped, since the sender was cut off there.
 *
 * @throws LineTooLongError as soon as a line exceeds `bytesMax`
 */
export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<string, void, undefined> {
  let parts: Uint8Array[] = [];
  let partsBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      partsBytes += end - start;
      if (partsBytes > bytesMax) throw new LineTooLongError(bytesMax);
      parts.push(chunk.subarray(start, end));
      if (partsBytes > 0) yield Buffer.concat(parts).toString('utf8');
      parts = [];
      partsBytes = 0;
      start = end + 1;
    }
    partsBytes += chunk.length - start;
    if (partsBytes > bytesMax) throw new LineTooLongError(bytesMax);
    parts.push(chunk.subarray(start));
  }
}
