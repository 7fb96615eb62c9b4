import type { Clock } from '@couchestor/shared/clock';
import type { Chaos, Lot } from './chaos.ts';
import type { SimulatedProcess } from './process.ts';
import type { Emphasis } from './profile.ts';
import { type Random } from '@couchestor/shared/random';
import { upTo } from './random.ts';

/** The ways between processes and servers, each of which may be slow, lose what it carries, or end in a crash. */
export interface Network {
  /**
   * One request whose sender waits for its answer as long as the signal allows, however often that has to be sent, as
   * the bus does. It takes effect once; when the sender gives up, it may have done, may not, and may yet do so.
   */
  ask<T>(process: SimulatedProcess, what: string, effect: () => T, signal: AbortSignal | undefined): Promise<T>;
  /** One request with a deadline. Without an answer by then it rejects with `timedOut`, and has taken effect or not. */
  askOnce<T>(process: SimulatedProcess, what: string, effect: () => T, deadline: Deadline): Promise<T>;
  /** For so long nothing gets from the process to what begins so, nor back. */
  cut(process: SimulatedProcess, what: string, forMs: number): void;
  isCut(process: SimulatedProcess, what: string): boolean;
  /** Carries messages to a process, in order, each at least once. */
  channel(process: SimulatedProcess, what: string, lateMaxMs?: number): Channel;
}

interface Deadline {
  readonly timeoutMs: number;
  readonly timedOut: () => Error;
  readonly signal?: AbortSignal | undefined;
  /** Makes it go wrong more or less often than others. */
  readonly weight?: number;
}

interface Channel {
  send(receive: () => void): void;
}

/** Of calls that go wrong; the process dies before what it asked for is done, or after. */
const CRASH_SHARE = 0.006;
const SLOW_MAX_MS = 12_000;
/** In the meantime another takes over what it has. */
const FROZEN_LEAST_MS = 50_000;
const MESSAGE_LATE_MAX_MS = 20_000;

/** Most of what is late is so by little: what matters is the order, and now and then a deadline. */
export function lateMs(random: Random, maxMs: number): number {
  const kind = random();
  return upTo(random, kind < 0.7 ? 50 : kind < 0.95 ? maxMs / 10 : maxMs);
}

export interface NetworkOptions {
  readonly clock: Clock;
  readonly chaos: Chaos;
  readonly emphasis?: Emphasis | undefined;
  /** By it calls that go well take no time, but for a few, by which others come between; without it all take a little. */
  readonly promptRandom?: Random;
}

const PROMPT_SHARE = 0.9;

export function createNetwork({ clock, chaos, emphasis = {}, promptRandom }: NetworkOptions): Network {
  const { busLateMs, diesAfterWrites = 0, freezesAfterReads = 0 } = emphasis;
  const crashes = (lot: Lot): boolean => lot.random() < CRASH_SHARE;

  /** Runs the effect, then hands its result over. */
  const request = <T>(
    process: SimulatedProcess,
    effect: () => T,
    signal: AbortSignal | undefined,
    way: { readonly effectMs: number | undefined; readonly answerMs: number | undefined; readonly staysSent: boolean },
    giveUp: { readonly afterMs: number; readonly error: () => Error } | undefined,
    lot: Lot | undefined,
  ): Promise<T> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const crashLot = lot !== undefined && crashes(lot) ? lot.random() : 1;
      if (crashLot < 0.5) return process.kill();
      let hasSettled = false;
      const cancels: (() => void)[] = [];
      const settle = (run: () => void): void => {
        if (hasSettled) return;
        hasSettled = true;
        signal?.removeEventListener('abort', abandon);
        for (const cancel of cancels) cancel();
        run();
      };
      const abandon = (): void => settle(() => reject(signal?.reason));
      const arrive = (): void => {
        if (hasSettled && !way.staysSent) return;
        let answer: () => void;
        try {
          const result = effect();
          answer = () => resolve(result);
        } catch (error) {
          answer = () => reject(error);
        }
        if (crashLot < 1) return process.kill();
        if (hasSettled || way.answerMs === undefined) return;
        if (way.answerMs === 0) process.deliver(() => settle(answer));
        else cancels.push(process.clock.after(way.answerMs, () => settle(answer)));
      };
      if (way.effectMs !== undefined) clock.after(way.effectMs, arrive);
      if (giveUp !== undefined && lot !== undefined) {
        cancels.push(process.clock.after(giveUp.afterMs, () => settle(() => reject(giveUp.error()))));
      }
      signal?.addEventListener('abort', abandon, { once: true });
    });

  let cuts: { readonly process: SimulatedProcess; readonly what: string; readonly untilMs: number }[] = [];
  const isCut = (process: SimulatedProcess, what: string): boolean =>
    cuts.some((cut) => cut.process === process && what.startsWith(cut.what) && clock.monotonicMs() < cut.untilMs);

  const quick = { effectMs: 1, answerMs: 0, staysSent: true };
  const takesNoTime = (): boolean => promptRandom !== undefined && promptRandom() < PROMPT_SHARE;
  /** All goes well. */
  const answered = <T>(process: SimulatedProcess, effect: () => T, signal: AbortSignal | undefined): T | Promise<T> => {
    if (!takesNoTime()) return request(process, effect, signal, quick, undefined, undefined);
    signal?.throwIfAborted();
    return effect();
  };
  return {
    ask: async <T>(
      process: SimulatedProcess,
      what: string,
      effect: () => T,
      signal: AbortSignal | undefined,
    ): Promise<T> => {
      if (!process.isRunning) await process.running();
      const lot = chaos.at(`${process.name}/${what}`);
      if (lot === undefined) return answered(process, effect, signal);
      const totalMs = busLateMs === undefined ? lateMs(lot.random, SLOW_MAX_MS) : upTo(lot.random, busLateMs);
      const effectMs = upTo(lot.random, totalMs);
      const way = { effectMs, answerMs: totalMs - effectMs, staysSent: lot.random() < 0.5 };
      const dies = what === 'update intent' && diesAfterWrites > 0 && lot.random() < diesAfterWrites;
      const freezes = what === 'get intent' && freezesAfterReads > 0 && lot.random() < freezesAfterReads;
      const effectAndMore = (): T => {
        const result = effect();
        if (dies) clock.after(1, () => process.kill());
        if (freezes) process.pauseFor(FROZEN_LEAST_MS + upTo(lot.random, FROZEN_LEAST_MS / 2));
        return result;
      };
      return request(process, effectAndMore, signal, way, undefined, lot);
    },
    isCut,
    cut: (process, what, forMs) => {
      cuts = cuts.filter(({ untilMs }) => clock.monotonicMs() < untilMs);
      cuts.push({ process, what, untilMs: clock.monotonicMs() + forMs });
    },
    askOnce: async (process, what, effect, { timeoutMs, timedOut, signal, weight }) => {
      if (!process.isRunning) await process.running();
      if (isCut(process, what)) {
        await process.clock.sleep(timeoutMs, signal);
        throw timedOut();
      }
      const lot = chaos.at(`${process.name}/${what}`, weight);
      if (lot === undefined) return answered(process, effect, signal);
      const kind = lot.random();
      // The connection breaks, before the request has arrived or before its answer.
      if (kind < 0.6) {
        const way = { effectMs: kind < 0.3 ? undefined : 1, answerMs: undefined, staysSent: true };
        return request(process, effect, signal, way, { afterMs: 2 + lateMs(lot.random, 500), error: timedOut }, lot);
      }
      const giveUp = { afterMs: timeoutMs, error: timedOut };
      const way =
        kind < 0.65
          ? { effectMs: upTo(lot.random, 2 * timeoutMs), answerMs: undefined, staysSent: true }
          : { effectMs: lateMs(lot.random, timeoutMs), answerMs: lateMs(lot.random, timeoutMs), staysSent: true };
      return request(process, effect, signal, way, giveUp, lot);
    },
    channel: (process, what, lateMaxMs = MESSAGE_LATE_MAX_MS) => {
      const queue: (() => void)[] = [];
      const key = `${process.name}/${what}`;
      let isUnderWay = false;
      const carry = (): void => {
        isUnderWay = true;
        const lot = chaos.at(key);
        clock.after(lot === undefined ? 1 : lateMs(lot.random, lateMaxMs), () => {
          isUnderWay = false;
          const messages = queue.splice(0);
          process.deliver(() => {
            for (const receive of messages) if (!process.isDead) receive();
          });
        });
      };
      return {
        send: (receive) => {
          queue.push(receive);
          if (!isUnderWay && !process.isDead) carry();
        },
      };
    },
  };
}
