import { CALL_LIFE_MAX_MS } from '@couchestor/shared/mayastor';
import type { ServiceName, Stage } from '@couchestor/demo/stage';
import { readLog, type LogLine } from '../log-lines.ts';
import { mostWithin } from './call-book.ts';

/** With this setting services log each call to Mayastor in the moment before its first byte goes out. */
export const SENDS_LOGGED = { LOG_LEVEL: 'debug' };
const SENT = 'call to Mayastor';
const ALONE = 'next call without Redis';
const SECOND_MS = 1_000;

/** The most calls within one second, of processes that live and of those that died. */
export interface SentCalls {
  /** By the budget that all processes of the service share. */
  readonly shared: number;
  /** By the budget that each process has to itself while it cannot reach Redis: of the one that sent most. */
  readonly alone: number;
}

/** By what all processes of a service logged. */
export function mostSentInASecond(services: Stage['services'], name: ServiceName): SentCalls {
  const logs = services.filter((service) => service.name === name).map(({ logFile }) => sharesOf(readLog(logFile, 0)));
  if (!logs.some(({ shared }) => shared.length > 0)) throw new Error(`no ${name} logged a call to Mayastor`);
  return {
    shared: mostInASecond(logs.flatMap(({ shared }) => shared)),
    alone: Math.max(...logs.map(({ alone }) => mostInASecond(alone))),
  };
}

/** When one process sent calls, by which of the two budgets. Without Redis it only takes cordons away. */
export function sharesOf(lines: readonly Pick<LogLine, 'atMs' | 'msg' | 'method'>[]): {
  readonly shared: readonly number[];
  readonly alone: readonly number[];
} {
  const shared: number[] = [];
  const alone: number[] = [];
  let grantedAtMs: number[] = [];
  for (const { atMs, msg, method } of lines) {
    if (msg === ALONE) grantedAtMs.push(atMs);
    if (msg !== SENT) continue;
    grantedAtMs = grantedAtMs.filter((grantMs) => atMs - grantMs <= CALL_LIFE_MAX_MS);
    const isAlone = method === 'DELETE' && grantedAtMs.shift() !== undefined;
    (isAlone ? alone : shared).push(atMs);
  }
  return { shared, alone };
}

function mostInASecond(atMs: readonly number[]): number {
  const ascending = atMs.toSorted((one, other) => one - other);
  return mostWithin(
    ascending.map((ms) => ({ monotonicMs: ms, earliestMs: ms })),
    SECOND_MS,
  );
}
