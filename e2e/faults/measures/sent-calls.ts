import type { ServiceName, Stage } from '@couchestor/demo/stage';
import { readLog } from '../log-lines.ts';
import { mostWithin } from './call-book.ts';

/** With this setting services log each call to Mayastor in the moment before its first byte goes out. */
export const SENDS_LOGGED = { LOG_LEVEL: 'debug' };
const SENT = 'call to Mayastor';

/** The most calls that all processes of a service sent within one second, by what they logged, those that died as well. */
export function mostSentInASecond(services: Stage['services'], name: ServiceName): number {
  const sentAtMs = services
    .filter((service) => service.name === name)
    .flatMap(({ logFile }) => readLog(logFile, 0))
    .filter(({ msg }) => msg === SENT)
    .map(({ atMs }) => atMs)
    .toSorted((one, other) => one - other);
  if (sentAtMs.length === 0) throw new Error(`no ${name} logged a call to Mayastor`);
  return mostWithin(
    sentAtMs.map((atMs) => ({ monotonicMs: atMs, earliestMs: atMs })),
    1_000,
  );
}
