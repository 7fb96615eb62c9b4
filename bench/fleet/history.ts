import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findBinary } from '@couchestor/servers';
import { iopsOf, volumeId } from './volumes.ts';

const run = promisify(execFile);

export interface HistoryOptions {
  readonly volumes: number;
  /** What becomes the folder of Prometheus' data. */
  readonly folder: string;
  readonly nowMs: number;
  readonly pastMs: number;
  /** For so long after now there are samples too, so that a benchmark finds fresh ones however long it takes. */
  readonly futureMs: number;
  readonly intervalMs: number;
}

/**
 * Writes the counters of a fleet, as Mayastor's exporter would have shown them, into blocks that Prometheus opens: half
 * of the operations are reads. Scraping so many volumes for an hour would take the hour.
 */
export async function writeHistory(options: HistoryOptions): Promise<void> {
  const { volumes, folder, nowMs, pastMs, futureMs, intervalMs } = options;
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'history.om');
  const file = createWriteStream(path);
  const beginMs = Math.floor((nowMs - pastMs) / intervalMs) * intervalMs;
  const times = Array.from(
    { length: Math.ceil((pastMs + futureMs) / intervalMs) + 1 },
    (_, n) => beginMs + n * intervalMs,
  );
  for (const metric of ['volume_num_read_ops', 'volume_num_write_ops']) {
    file.write(`# TYPE ${metric} gauge\n`);
    for (let number = 0; number < volumes; number += 1) {
      const labels = `{job="io-engine",node="node-${number % 100}",pv_name="pvc-${volumeId(number)}"}`;
      const perInterval = Math.round((iopsOf(number) / 2) * (intervalMs / 1_000));
      const lines = times.map((ms, index) => `${metric}${labels} ${1_000_000 + index * perInterval} ${ms / 1_000}\n`);
      if (!file.write(lines.join(''))) await once(file, 'drain');
    }
  }
  file.end('# EOF\n');
  await once(file, 'close');
  // The text is read once for each block, so there is only one.
  const oneBlock = '--max-block-duration=48h';
  await run(await promtool(), [
    'tsdb',
    'create-blocks-from',
    'openmetrics',
    oneBlock,
    path,
    join(folder, 'tsdb'),
    '-q',
  ]);
  await rm(path);
}

/** It comes with Prometheus. */
async function promtool(): Promise<string> {
  const path = await findBinary('promtool', process.env);
  if (path === undefined) throw new Error('promtool is not on PATH; on Debian it comes with the package prometheus');
  return path;
}
