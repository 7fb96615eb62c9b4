import type { Readable } from 'node:stream';
import type { WaitStrategy } from 'testcontainers';
import type { ServerDefinition } from './definition.ts';
import { readLines } from './lines.ts';
import { createLogWatch } from './log-watch.ts';
import type { ServerOptions } from './server.ts';

const START_TIMEOUT_MS = 60_000;

export interface ContainerOutput extends WaitStrategy {
  /** To be called before each start. */
  attach(): Promise<void>;
  waitUntilReady(): Promise<void>;
}

/**
 * What a container writes, from before its start. The log that the engine keeps is not followed instead: followers of a
 * log that was there before may stall at lines of a server that then falls silent (moby 20.10). Nor is the port asked:
 * Redis and Prometheus listen before they have read their data.
 */
export function createContainerOutput(
  { readyLine }: ServerDefinition,
  { onLine }: ServerOptions,
  open: () => Promise<Readable>,
): ContainerOutput {
  const log = createLogWatch(readyLine);
  let ended: Promise<void> = Promise.resolve();
  const output: ContainerOutput = {
    attach: async () => {
      log.reset();
      const stream = await open();
      readLines(stream, (line) => {
        log.onLine(line);
        onLine?.(line);
      });
      ended = new Promise((resolve) => stream.once('close', resolve));
    },
    waitUntilReady: async () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const fail = (what: string): void => reject(new Error(`${what}: ${log.tail()}`));
      const timer = setTimeout(() => fail(`it was not ready within ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
      log.whenReady(resolve);
      void ended.then(() => fail('it ended'));
      await promise.finally(() => clearTimeout(timer));
    },
    withStartupTimeout: () => output,
    isStartupTimeoutSet: () => true,
    getStartupTimeout: () => START_TIMEOUT_MS,
  };
  return output;
}
