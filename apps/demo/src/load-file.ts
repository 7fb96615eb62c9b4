import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline/promises';

const HALF_HOUR_SECONDS = 1_800;
const COLUMNS = ['volume', 'half_hour', 'reads', 'writes'] as const;

/**
 * Mean IOPS of each half hour by disk, from a CSV with a header. A half hour that is missing had no request: the disk
 * was attached and idle.
 *
 * @throws Error that names the line and what is wrong with it
 */
export async function readLoadFile(path: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const disks = new Map<string, number[]>();
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  let indexes: number[] | undefined;
  let lineNumber = 0;
  for await (const line of lines) {
    lineNumber += 1;
    if (line.trim() === '') continue;
    const cells = line.split(',');
    if (indexes === undefined) {
      indexes = COLUMNS.map((column) => cells.indexOf(column));
      const missing = COLUMNS.filter((column) => !cells.includes(column));
      if (missing.length > 0) throw new Error(`${path}: the header lacks ${missing.join(', ')}`);
      continue;
    }
    const [volume = '', halfHour, reads, writes] = indexes.map((index) => cells[index] ?? '');
    const [at, read, written] = [halfHour, reads, writes].map(Number);
    const valid = [at, read, written].every((value) => value !== undefined && Number.isInteger(value) && value >= 0);
    if (volume === '' || !valid || at === undefined || at > 1_000_000) {
      throw new Error(`${path}, line ${lineNumber}: not volume, half hour, reads and writes: ${line.slice(0, 80)}`);
    }
    const series = disks.get(volume) ?? [];
    disks.set(volume, series);
    series[at] = ((read ?? 0) + (written ?? 0)) / HALF_HOUR_SECONDS;
  }
  if (disks.size === 0) throw new Error(`${path}: there is no disk in it`);
  const halfHours = Math.max(...[...disks.values()].map((series) => series.length));
  return new Map(
    [...disks].map(([name, series]) => [name, Array.from({ length: halfHours }, (_, at) => series[at] ?? 0)]),
  );
}
