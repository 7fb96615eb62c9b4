import { pause, type Clock } from '@couchestor/shared/clock';
import type { Server } from '@couchestor/servers';
import type { Stage } from './stage.ts';

/** Something that goes wrong, and is right again afterwards. */
export interface Fault {
  readonly name: string;
  /** Whom it strikes: of those that share a subject one comes after the other. */
  readonly subject: string;
  readonly lastsMs: number;
  strike(): Promise<unknown>;
  mend(): Promise<unknown>;
}

const DOWN_MS = 1_000;

/**
 * Strikes with a random fault on average every `everyMs`, until the signal; it resolves once all is mended, with how
 * often each struck. What the last one did may still last when the next one comes, if that strikes somebody else.
 */
export async function makeChaos(options: {
  readonly faults: readonly Fault[];
  readonly everyMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onFault: (name: string) => void;
}): Promise<ReadonlyMap<string, number>> {
  const { faults, everyMs, clock, random, signal, onFault } = options;
  const struck = new Map<string, number>();
  const running = new Map<string, Promise<void>>();
  const failing = new AbortController();
  const until = AbortSignal.any([signal, failing.signal]);
  const suffer = async (fault: Fault): Promise<void> => {
    const { name } = fault;
    struck.set(name, (struck.get(name) ?? 0) + 1);
    onFault(name);
    await fault.strike();
    await pause(clock, fault.lastsMs, until);
    await fault.mend();
  };
  while (await pause(clock, everyMs * (0.5 + random()), until)) {
    const subjects = [...new Set(faults.map(({ subject }) => subject))].filter((subject) => !running.has(subject));
    const subject = subjects[Math.floor(random() * subjects.length)];
    const possible = faults.filter((fault) => fault.subject === subject);
    const fault = possible[Math.floor(random() * possible.length)];
    if (fault === undefined) continue;
    const suffering = suffer(fault)
      .catch((error: unknown) => failing.abort(error))
      .finally(() => running.delete(fault.subject));
    running.set(fault.subject, suffering);
  }
  await Promise.all(running.values());
  failing.signal.throwIfAborted();
  return struck;
}

/** `kill -9` of each service and, if asked for, of each server that is not also somebody else's. */
export function killsOf(stage: Stage, serversToo: boolean): Fault[] {
  const { services, nats, redis, prometheus } = stage;
  const servers: readonly (readonly [string, Server])[] = [
    ['NATS', nats],
    ['Redis', redis],
    ['Prometheus', prometheus],
  ];
  return [
    ...services.map(({ label, process }) => killOf(label, process)),
    ...servers.filter(([, { shared }]) => serversToo && !shared).map(([name, server]) => killOf(name, server)),
  ];
}

function killOf(subject: string, victim: { kill(): Promise<unknown>; restart(): Promise<void> }): Fault {
  return {
    name: `kill -9 ${subject}`,
    subject,
    lastsMs: DOWN_MS,
    strike: () => victim.kill(),
    mend: () => victim.restart(),
  };
}
