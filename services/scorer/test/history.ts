import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findBinary, startPrometheus, type Server } from '@couchestor/servers';

const run = promisify(execFile);

export interface HistoryServer extends AsyncDisposable {
  readonly url: string;
}

/** A Prometheus that has always had these samples, lines of OpenMetrics with their times in seconds. */
export async function startHistory(
  lines: readonly string[],
  extraArgs: readonly string[] = [],
): Promise<HistoryServer> {
  const stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'couchestor-history-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const { COUCHESTOR_PROMETHEUS_URL: _shared, ...env } = process.env;
  const text = join(folder, 'history.om');
  await writeFile(text, `${lines.join('\n')}\n# EOF\n`);
  const promtool = await findBinary('promtool', env);
  if (promtool === undefined) throw new Error('promtool is not on PATH; it comes with Prometheus');
  const tsdbFolder = join(folder, 'tsdb');
  await run(promtool, ['tsdb', 'create-blocks-from', 'openmetrics', text, tsdbFolder, '-q']);
  const server: Server = stack.use(await startPrometheus({ env, tsdbFolder, extraArgs }));
  return { url: server.url, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
