import { runMigrator } from './services/migrator.ts';
import { runScorer } from './services/scorer.ts';
import { runWatcher } from './services/watcher.ts';
import type { Service } from './services/surroundings.ts';
import { createProcess, type SimulatedProcess } from './world/process.ts';
import { type Random } from '@couchestor/shared/random';
import { oneOf, upTo } from './world/random.ts';
import type { World } from './world/world.ts';

export type Role = 'watcher' | 'scorer' | 'migrator';

/** The Deployments: as many processes of each service as are wanted, started again when they die. */
export interface Fleet {
  scale(role: Role, count: number): void;
  /** Kills, freezes, stops or confuses one process. Says what it did. */
  disturb(random: Random): string;
  running(role?: Role): readonly SimulatedProcess[];
  readonly crashes: number;
  /** Lets every wall clock show the true time again. */
  setClocksRight(): void;
}

interface Running {
  readonly role: Role;
  readonly process: SimulatedProcess;
  readonly stop: AbortController;
}

export type Services = Readonly<Record<Role, Service>>;

const wholeServices: Services = { watcher: runWatcher, scorer: runScorer, migrator: runMigrator };
const RESTART_MAX_MS = 5_000;
const PAUSE_MAX_MS = 60_000;
const CUT_MAX_MS = 60_000;

export function createFleet(
  world: World,
  random: Random,
  onDefect: (who: string, error: unknown) => void,
  onStory: (who: string, what: string) => void,
  services: Services = wholeServices,
): Fleet {
  const { clock, profile, surroundings } = world;
  const wanted: Record<Role, number> = { watcher: 0, scorer: 0, migrator: 0 };
  const started: Record<Role, number> = { watcher: 0, scorer: 0, migrator: 0 };
  let all: Running[] = [];
  let crashes = 0;
  let clocksAreRight = false;

  const of = (role: Role): Running[] => all.filter((each) => each.role === role && !each.stop.signal.aborted);
  const remove = (running: Running): void => {
    all = all.filter((each) => each !== running);
  };
  const replaceLater = (role: Role): void => {
    clock.after(500 + upTo(random, RESTART_MAX_MS), () => fill(role));
  };
  const start = (role: Role): void => {
    started[role] += 1;
    const name = `${role}-${started[role]}`;
    const stop = new AbortController();
    const wallOffsetMs = clocksAreRight ? 0 : Math.round((2 * random() - 1) * profile.skewMaxMs);
    const process = createProcess({
      name,
      clock,
      wallOffsetMs,
      onKill: () => {
        crashes += 1;
        onStory(name, 'dies');
        remove(running);
        replaceLater(role);
      },
    });
    const running: Running = { role, process, stop };
    all.push(running);
    onStory(name, 'starts');
    services[role](process, surroundings, stop.signal).then(
      () => {
        onStory(name, 'ended');
        process.end();
        remove(running);
      },
      (error: unknown) => {
        if (process.isDead) return;
        onDefect(name, error);
        process.end();
        remove(running);
        replaceLater(role);
      },
    );
  };
  const fill = (role: Role): void => {
    while (of(role).length < wanted[role]) start(role);
  };
  const stopOne = ({ process, stop }: Running): void => {
    onStory(process.name, 'is asked to stop');
    process.deliver(() => stop.abort(new Error('SIGTERM')));
  };

  return {
    scale: (role, count) => {
      wanted[role] = count;
      for (const each of of(role).slice(count)) stopOne(each);
      fill(role);
    },
    disturb: (lot) => {
      const { disturbed, freezesMs, cutsMs, jumpsMs } = profile.emphasis ?? {};
      const victim = oneOf(lot, disturbed === undefined ? all : all.filter(({ role }) => disturbed.includes(role)));
      if (victim === undefined) return 'nobody is there';
      const { process, role } = victim;
      if (freezesMs !== undefined) {
        const ms = freezesMs[0] + upTo(lot, freezesMs[1] - freezesMs[0]);
        process.pauseFor(ms);
        return `${process.name} stands still for ${ms} ms`;
      }
      if (jumpsMs !== undefined) {
        const ms = (lot() < 0.5 ? -1 : 1) * (jumpsMs[0] + upTo(lot, jumpsMs[1] - jumpsMs[0]));
        process.jumpWall(ms);
        return `the clock of ${process.name} jumps by ${ms} ms`;
      }
      if (cutsMs !== undefined) {
        const ms = Math.min(cutsMs[0] + upTo(lot, cutsMs[1] - cutsMs[0]), profile.troubleMs - clock.monotonicMs());
        surroundings.network.cut(process, 'redis', ms);
        if (lot() < 0.5) process.jumpWall(-ms);
        return `${process.name} does not reach Redis for ${ms} ms, and its clock may be set back`;
      }
      const kind = lot();
      if (kind < 0.1) {
        const ms = Math.min(20_000 + upTo(lot, CUT_MAX_MS), profile.troubleMs - clock.monotonicMs());
        surroundings.network.cut(process, 'redis', ms);
        return `${process.name} does not reach Redis for ${ms} ms`;
      }
      if (kind < 0.35) {
        process.kill();
        return `${process.name} is killed`;
      }
      if (kind < 0.65) {
        const ms = 1_000 + upTo(lot, lot() < 0.3 ? PAUSE_MAX_MS : PAUSE_MAX_MS / 10);
        process.pauseFor(ms);
        return `${process.name} stands still for ${ms} ms`;
      }
      if (kind < 0.8) {
        stopOne(victim);
        replaceLater(role);
        return `${process.name} is replaced`;
      }
      const ms = Math.round((2 * lot() - 1) * (lot() < 0.3 ? 300_000 : 20_000));
      process.jumpWall(ms);
      return `the clock of ${process.name} jumps by ${ms} ms`;
    },
    running: (role) => all.filter((each) => role === undefined || each.role === role).map(({ process }) => process),
    get crashes() {
      return crashes;
    },
    setClocksRight: () => {
      clocksAreRight = true;
      for (const { process } of all) process.jumpWall(-process.wallOffsetMs);
    },
  };
}
