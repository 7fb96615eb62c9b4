import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves once a TCP connection is accepted. @throws the last refusal after `timeoutMs`. */
export async function waitForPort(host: string, port: number, timeoutMs: number): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  for (;;) {
    const socket = connect({ host, port });
    try {
      await once(socket, 'connect', { signal });
      return;
    } catch (error) {
      if (signal.aborted) throw new Error(`${host}:${port} accepts no connection`, { cause: error });
      await sleep(50);
    } finally {
      socket.destroy();
    }
  }
}
