import { pause, type Clock } from '@couchestor/shared/clock';
import type { RunningService } from './services.ts';

const EVERY_MS = 6_000;
const DOWN_MS = 1_000;

/** Kills a random service and starts it again, over and over, until the signal. */
export async function makeChaos(options: {
  readonly services: readonly RunningService[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onKill: (name: string) => void;
}): Promise<number> {
  const { services, clock, random, signal, onKill } = options;
  let kills = 0;
  while (await pause(clock, EVERY_MS * (0.5 + random()), signal)) {
    const victim = services[Math.floor(random() * services.length)];
    if (victim === undefined) break;
    await victim.process.kill();
    kills += 1;
    onKill(victim.name);
    await pause(clock, DOWN_MS, signal);
    if (!signal.aborted) await victim.process.restart();
  }
  return kills;
}
