import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDataFolder, type DataFolder } from './data-folder.ts';
import type { ServerDefinition } from './definition.ts';
import { freePort } from './free-port.ts';
import { createLogWatch, type LogWatch } from './log-watch.ts';
import { type SpawnedProcess, spawnProcess } from './process.ts';
import type { Server, ServerOptions } from './server.ts';

const START_TIMEOUT_MS = 30_000;
const START_ATTEMPTS_MAX = 5;

interface Daemon {
  readonly process: SpawnedProcess;
  readonly log: LogWatch;
}

/** Runs a server's own binary on a free port of 127.0.0.1. @throws with the end of its log if it does not get ready. */
export async function startDaemon(
  definition: ServerDefinition,
  binaryPath: string,
  options: ServerOptions,
): Promise<Server> {
  const folder = await createDataFolder(definition.name.toLowerCase(), options.parentFolder);
  try {
    await mkdir(join(folder.path, 'data'));
    for (let attempt = 1; ; attempt += 1) {
      const port = attempt === 1 && options.port !== undefined ? options.port : await freePort();
      const daemon = await spawnDaemon(definition, binaryPath, port, folder.path, options);
      try {
        await untilReady(daemon);
        return toServer(definition.url(port), daemon, folder);
      } catch (error) {
        // A daemon that ended at once most likely found its port taken in the meantime, so another port is worth a try.
        const mayRetry = !daemon.process.running && attempt < START_ATTEMPTS_MAX;
        await daemon.process.kill();
        if (!mayRetry) throw error;
      }
    }
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

async function spawnDaemon(
  definition: ServerDefinition,
  binaryPath: string,
  port: number,
  folderPath: string,
  options: ServerOptions,
): Promise<Daemon> {
  const place = { port, configFolder: folderPath, dataFolder: join(folderPath, 'data') };
  for (const [name, content] of Object.entries(definition.files(place))) {
    await writeFile(join(folderPath, name), content);
  }
  const log = createLogWatch(definition.readyLine);
  const process = await spawnProcess({
    name: definition.name,
    command: binaryPath,
    args: definition.args(place),
    ...(options.env === undefined ? {} : { env: options.env }),
    orphanedFolder: folderPath,
    onLine: (line) => {
      log.onLine(line);
      options.onLine?.(line);
    },
  });
  return { process, log };
}

/** Believes the log rather than the port: on a port that was taken meanwhile someone else would answer. */
async function untilReady({ process, log }: Daemon): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (what: string): void => reject(new Error(`${process.name} ${what}: ${log.tail()}`));
      timer = setTimeout(() => fail(`was not ready within ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
      log.whenReady(resolve);
      void process.exited.then(({ code, signal }) => fail(`ended with ${signal ?? `code ${code}`}`));
    });
  } finally {
    clearTimeout(timer);
  }
}

function toServer(url: string, { process, log }: Daemon, folder: DataFolder): Server {
  return {
    url,
    origin: 'binary',
    shared: false,
    get pid() {
      return process.running ? process.pid : undefined;
    },
    stop: async () => {
      await process.stop();
    },
    kill: async () => {
      await process.kill();
    },
    restart: async () => {
      await process.stop();
      log.reset();
      await process.restart();
      await untilReady({ process, log });
    },
    [Symbol.asyncDispose]: async () => {
      await process.stop();
      await folder.remove();
    },
  };
}
