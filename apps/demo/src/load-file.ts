import { readHalfHourFile } from '@couchestor/replay/file';

/**
 * Mean IOPS of each half hour by disk, from a CSV with a header. A half hour that is missing had no request: the disk
 * was attached and idle.
 *
 * @throws HistoryError that names the line and what is wrong with it
 */
export async function readLoadFile(path: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const history = await readHalfHourFile(path);
  return new Map(
    history.names.map((name, volume) => [
      name,
      Array.from(
        { length: history.steps },
        (_, step) => (history.requests(volume, step, step + 1) / history.stepMs) * 1_000,
      ),
    ]),
  );
}
