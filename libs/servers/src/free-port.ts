import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what outgoing connections are given (32768 and above on Linux), and below the NodePorts of Kubernetes. */
const FIRST = 15_000;
const LAST = 29_999;
const TRIES = 100;
/** So many ports lie between the first ones of processes that began one after the other. */
const STRIDE = 61;

/** No port is given out twice by one process, nor by two that were started together, before somebody listens there. */
let next = process.pid * STRIDE;

/**
 * A TCP port of 127.0.0.1 that was free a moment ago, and that no outgoing connection is given. Another process may still
 * listen on it before it is used, so whoever starts something on it should be ready to ask again.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = FIRST + (next % (LAST - FIRST + 1));
    next += 1;
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${TRIES} ports of 127.0.0.1 between ${FIRST} and ${LAST} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}
