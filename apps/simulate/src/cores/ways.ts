import type { Clock } from '@couchestor/shared/clock';
import type { Chaos, Lot } from '../world/chaos.ts';
import { lateMs } from '../world/network.ts';
import { ApiServerAway } from '../world/kubernetes.ts';
import type { SimulatedProcess } from '../world/process.ts';
import { upTo } from '../world/random.ts';
import { atOnce, sleep, type Task } from './task.ts';

/** The ways from one process to the servers: what is asked on them is answered at once, but for what goes wrong. */
export interface Ways {
  readonly process: SimulatedProcess;
  /**
   * One request. Without an answer it throws what `unanswered` says, and has taken effect, or not, or does so later.
   */
  ask<T>(what: string, timeoutMs: number, effect: () => T, unanswered: () => Error): Task<T>;
  /** Whether what was sent to this process has come by now. */
  hears(what: string, lateMaxMs?: number): boolean;
  /** Whether the connection broke before what was heard last, which may be old. */
  reconnects(what: string): boolean;
  /** Undefined if all goes well. */
  lotFor(what: string): Lot | undefined;
  /** Of what goes wrong, most is over soon, and nothing was done by it. */
  isMild(lot: Lot): boolean;
  /** Ends the process where it stands. */
  die(): Task<never>;
}

/** Of what goes wrong, and is not mild: the process dies before what it asked for is done, or after. */
const CRASH_SHARE = 0.02;
const MILD_LATE_MAX_MS = 50;
const MILD_REFUSED_SHARE = 0.35;
const MESSAGES_LATE_MAX_MS = 20_000;
const RECONNECT_SHARE = 0.1;
const BETWEEN_SHARE = 0.12;
const BETWEEN_MAX_MS = 20;

export function createWays(options: {
  readonly process: SimulatedProcess;
  readonly clock: Clock;
  readonly chaos: Chaos;
  readonly severeShare: number;
  readonly random: () => number;
  /** What a process does not reach now. */
  readonly isCut: (process: SimulatedProcess, what: string) => boolean;
}): Ways {
  const { process, clock, chaos, severeShare, random, isCut } = options;
  const { name } = process;
  const broken = new Set<string>();
  const heldUpUntilMs = new Map<string, number>();
  const spots = new Map<string, () => Lot | undefined>();
  const hearing = new Map<string, () => Lot | undefined>();
  const drawn = (from: typeof spots, what: string, prefix: string): Lot | undefined => {
    let spot = from.get(what);
    if (spot === undefined) from.set(what, (spot = chaos.spot(`${name}/${prefix}${what}`)));
    return spot();
  };
  const isMild = (lot: Lot): boolean => lot.random() >= severeShare;

  function* die(): Task<never> {
    process.kill();
    for (;;) yield () => undefined;
  }
  /** For how long others come between two things that the process does: mostly for no time. */
  const othersComeMs = (): number => (random() < BETWEEN_SHARE ? 1 + upTo(random, BETWEEN_MAX_MS) : 0);
  function ask<T>(what: string, timeoutMs: number, effect: () => T, unanswered: () => Error): Task<T> {
    if (!process.isRunning) return askOnceRunning(what, timeoutMs, effect, unanswered);
    if (isCut(process, what)) return fail(timeoutMs, unanswered);
    const lot = drawn(spots, what, '');
    if (lot !== undefined) return askWith(lot, timeoutMs, effect, unanswered);
    const waitMs = othersComeMs();
    return waitMs === 0 ? atOnce(effect()) : wait(waitMs, effect);
  }
  function* askOnceRunning<T>(...asked: Parameters<typeof ask<T>>): Task<T> {
    yield* sleep(process, 0);
    return yield* ask(...asked);
  }
  function* fail(ms: number, unanswered: () => Error): Task<never> {
    yield* sleep(process, ms);
    throw unanswered();
  }
  function* wait<T>(ms: number, effect: () => T): Task<T> {
    yield* sleep(process, ms);
    return effect();
  }
  function* askWith<T>(lot: Lot, timeoutMs: number, effect: () => T, unanswered: () => Error): Task<T> {
    if (isMild(lot)) {
      yield* sleep(process, upTo(lot.random, MILD_LATE_MAX_MS));
      if (lot.random() < MILD_REFUSED_SHARE) throw unanswered();
      return effect();
    }
    if (lot.random() < CRASH_SHARE) {
      if (lot.random() < 0.5) effect();
      return yield* die();
    }
    const kind = lot.random();
    if (kind < 0.3) {
      // Slow both ways, and perhaps too slow.
      const thereMs = lateMs(lot.random, timeoutMs);
      if (thereMs + 1 < timeoutMs) yield* sleep(process, thereMs);
      const value = effect();
      const backMs = lateMs(lot.random, timeoutMs);
      yield* sleep(process, backMs);
      if (thereMs + backMs < timeoutMs) return value;
      throw unanswered();
    }
    if (kind < 0.65) effect();
    else if (kind < 0.8) clock.after(upTo(lot.random, 2 * timeoutMs), () => tried(effect));
    yield* sleep(process, lot.random() < 0.5 ? upTo(lot.random, 500) : timeoutMs);
    throw unanswered();
  }
  return {
    process,
    ask,
    hears: (what, lateMaxMs = MESSAGES_LATE_MAX_MS) => {
      const nowMs = clock.monotonicMs();
      if (nowMs < (heldUpUntilMs.get(what) ?? 0)) return false;
      const lot = drawn(hearing, what, 'hear ');
      if (lot === undefined) return true;
      if (lot.random() < RECONNECT_SHARE) broken.add(what);
      heldUpUntilMs.set(what, nowMs + lateMs(lot.random, isMild(lot) ? 500 : lateMaxMs));
      return false;
    },
    reconnects: (what) => broken.delete(what),
    lotFor: (what) => drawn(spots, what, ''),
    isMild,
    die,
  };
}

/** What comes after its sender gave up may be refused, and nobody hears of that. */
function tried(effect: () => unknown): void {
  try {
    effect();
  } catch (error) {
    if (!(error instanceof ApiServerAway) && !(error instanceof Error && 'code' in error)) throw error;
  }
}
