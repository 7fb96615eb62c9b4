import { pause, type Clock } from '@couchestor/shared/clock';

const EVERY_MS = 6_000;
const DOWN_MS = 1_000;

/** What can be killed and started again. */
export interface Victim {
  readonly name: string;
  kill(): Promise<unknown>;
  restart(): Promise<void>;
}

/** Kills a random victim and starts it again, over and over, until the signal. */
export async function makeChaos(options: {
  readonly victims: readonly Victim[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onKill: (name: string) => void;
}): Promise<number> {
  const { victims, clock, random, signal, onKill } = options;
  let kills = 0;
  while (await pause(clock, EVERY_MS * (0.5 + random()), signal)) {
    const victim = victims[Math.floor(random() * victims.length)];
    if (victim === undefined) break;
    await victim.kill();
    kills += 1;
    onKill(victim.name);
    await pause(clock, DOWN_MS, signal);
    await victim.restart();
  }
  return kills;
}
