import { BusUnavailableError, type Permit, type PermitWatchOptions } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import { buckets, type Heartbeat } from '@couchestor/shared/messages';
import type { Chaos } from '../world/chaos.ts';
import type { Network } from '../world/network.ts';
import type { SimulatedProcess } from '../world/process.ts';

export interface PermitBucket {
  /** Stores it now; undefined takes it away. */
  readonly put: (heartbeat: Heartbeat | undefined) => void;
  /** What is there; nothing any more when it is old. */
  readonly last: { readonly heartbeat: Heartbeat | undefined; readonly revision: number };
  permitOf(process: SimulatedProcess): Permit;
}

const TRY_TIMEOUT_MS = 1_000;
/** A connection that is silent for longer is given up, and what is heard next may be old. */
const LATE_MAX_MS = 3_000;
/** Of the calls that go wrong: the connection breaks, and what is heard next may be old. */
const RECONNECT_SHARE = 0.05;

export function createPermitBucket(options: {
  readonly clock: Clock;
  readonly network: Network;
  readonly chaos: Chaos;
  readonly onWrite: (heartbeat: Heartbeat | undefined) => void;
}): PermitBucket {
  const { clock, network, chaos, onWrite } = options;
  const watchers = new Set<(heartbeat: Heartbeat | undefined, revision: number) => void>();
  let last: { readonly heartbeat: Heartbeat | undefined; readonly atMs: number } | undefined;
  let revision = 0;

  const store = (heartbeat: Heartbeat | undefined): void => {
    revision += 1;
    last = { heartbeat, atMs: clock.monotonicMs() };
    onWrite(heartbeat);
    for (const watcher of watchers) watcher(heartbeat, revision);
  };
  const send = (process: SimulatedProcess, what: string, heartbeat: Heartbeat | undefined): Promise<void> =>
    network.askOnce(process, what, () => store(heartbeat), {
      timeoutMs: TRY_TIMEOUT_MS,
      timedOut: () => new BusUnavailableError(what),
    });

  const watch = (process: SimulatedProcess, { signal, onHeartbeat, onCleared }: PermitWatchOptions): Promise<void> => {
    const channel = network.channel(process, 'permit', LATE_MAX_MS);
    let isFirst = true;
    const hear = (heartbeat: Heartbeat | undefined, at: number): void => {
      if (signal.aborted) return;
      const wasFirst = isFirst;
      isFirst = false;
      if (heartbeat === undefined) onCleared?.();
      else onHeartbeat(heartbeat, at, wasFirst);
    };
    const watcher = (heartbeat: Heartbeat | undefined, at: number): void => {
      if (process.isDead) return void watchers.delete(watcher);
      const lot = chaos.at(`${process.name}/hear permit`);
      const reconnects = lot !== undefined && lot.random() < RECONNECT_SHARE;
      channel.send(() => {
        if (reconnects) isFirst = true;
        hear(heartbeat, at);
      });
    };
    watchers.add(watcher);
    // What expires is not told of, so that an old one may still be found.
    if (last !== undefined && clock.monotonicMs() - last.atMs < buckets.permit.ttlMs) {
      const { heartbeat } = last;
      const at = revision;
      channel.send(() => hear(heartbeat, at));
    } else {
      channel.send(() => {
        isFirst = false;
      });
    }
    return new Promise((resolve) => {
      const end = (): void => {
        watchers.delete(watcher);
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
  };

  return {
    put: store,
    get last() {
      const isThere = last !== undefined && clock.monotonicMs() - last.atMs < buckets.permit.ttlMs;
      return { heartbeat: isThere ? last?.heartbeat : undefined, revision };
    },
    permitOf: (process) => ({
      write: (heartbeat) => send(process, 'write heartbeat', heartbeat),
      clear: () => send(process, 'clear heartbeat', undefined),
      watch: (watchOptions) => watch(process, watchOptions),
    }),
  };
}
