import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { createHistoryBuilder, HistoryError, type History } from './history.ts';

const HALF_HOUR_MS = 1_800_000;
const COLUMNS = ['volume', 'half_hour', 'reads', 'writes'] as const;
const HALF_HOURS_MAX = 200_000;

/**
 * The requests of each half hour by volume, from a CSV with a header, line by line in any order. A half hour that is
 * missing had no request: the volume was attached and idle.
 *
 * @throws HistoryError that names the line and what is wrong with it
 */
export async function readHalfHourFile(path: string): Promise<History> {
  const builder = createHistoryBuilder({ startMs: 0, stepMs: HALF_HOUR_MS, missing: 'zero' });
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  let indexes: readonly number[] | undefined;
  let lineNumber = 0;
  for await (const line of lines) {
    lineNumber += 1;
    if (line.trim() === '') continue;
    const cells = line.split(',');
    if (indexes === undefined) {
      indexes = COLUMNS.map((column) => cells.indexOf(column));
      const missing = COLUMNS.filter((column) => !cells.includes(column));
      if (missing.length > 0) throw new HistoryError(`${path}: the header lacks ${missing.join(', ')}`);
      continue;
    }
    const [volume = '', halfHour = '', reads = '', writes = ''] = indexes.map((index) => cells[index] ?? '');
    const [at, read, written] = [wholeNumber(halfHour), wholeNumber(reads), wholeNumber(writes)];
    if (volume === '' || at === undefined || read === undefined || written === undefined || at >= HALF_HOURS_MAX) {
      throw new HistoryError(
        `${path}, line ${lineNumber}: not volume, half hour, reads and writes: ${line.slice(0, 80)}`,
      );
    }
    try {
      builder.add(volume, at, read + written);
    } catch (error) {
      if (error instanceof HistoryError) throw new HistoryError(`${path}, line ${lineNumber}: ${error.message}`);
      throw error;
    }
  }
  return builder.build();
}

function wholeNumber(text: string): number | undefined {
  const value = Number(text);
  return text !== '' && Number.isInteger(value) && value >= 0 ? value : undefined;
}
