import { connectBus, type Bus } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';

/** What was told of moves, as anybody can read it afterwards. */
export interface Told {
  /** Migrations that were taken up. */
  readonly accepted: number;
  readonly completed: number;
  readonly failed: number;
  readonly aborted: number;
  /** Taken up and never ended, as far as told. */
  readonly endless: readonly string[];
  /** Ended more than once, or without having been taken up. */
  readonly endedTwice: readonly string[];
  readonly endedUnaccepted: readonly string[];
  readonly needsAttention: number;
}

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

function connectQuietly(natsUrl: string, clock: Clock): Promise<Bus> {
  return connectBus({ servers: natsUrl, service: 'faults', instance: 'faults', clock, logger: quiet, readOnly: true });
}

/** Reads the whole stream of events once, from its beginning. */
export async function readTold(natsUrl: string, clock: Clock): Promise<Told> {
  await using bus = await connectQuietly(natsUrl, clock);
  const accepted = new Set<string>();
  const ends = new Map<string, string[]>();
  let needsAttention = 0;
  const caughtUp = new AbortController();
  await bus.readEvents({
    afterSequence: 0,
    signal: caughtUp.signal,
    onEvent: ({ message: { name, data } }) => {
      const id = data.migrationId;
      if (name === 'migration.accepted') accepted.add(id);
      if (name === 'migration.needs-attention') needsAttention += 1;
      if (name === 'migration.completed' || name === 'migration.failed' || name === 'migration.aborted')
        ends.set(id, [...(ends.get(id) ?? []), name]);
      return Promise.resolve();
    },
    onCaughtUp: () => caughtUp.abort(new Error('all was read')),
  });
  const count = (name: string): number => [...ends.values()].filter(([first]) => first === name).length;
  return {
    accepted: accepted.size,
    completed: count('migration.completed'),
    failed: count('migration.failed'),
    aborted: count('migration.aborted'),
    endless: [...accepted].filter((id) => !ends.has(id)),
    endedTwice: [...ends].filter(([, names]) => names.length > 1).map(([id]) => id),
    endedUnaccepted: [...ends.keys()].filter((id) => !accepted.has(id)),
    needsAttention,
  };
}

/** Notes when heartbeats were sent, by the clock of this machine. */
export async function followHeartbeats(
  natsUrl: string,
  clock: Clock,
): Promise<{ readonly sentAtMs: readonly number[] } & AsyncDisposable> {
  const bus = await connectQuietly(natsUrl, clock);
  const ending = new AbortController();
  const sentAtMs: number[] = [];
  const watching = bus.permit.watch({
    signal: ending.signal,
    onHeartbeat: ({ sentAt }) => {
      const atMs = Date.parse(sentAt);
      if (atMs > (sentAtMs.at(-1) ?? 0)) sentAtMs.push(atMs);
    },
  });
  return {
    sentAtMs,
    [Symbol.asyncDispose]: async () => {
      ending.abort(new Error('nobody asks for heartbeats any more'));
      await watching;
      await bus[Symbol.asyncDispose]();
    },
  };
}
