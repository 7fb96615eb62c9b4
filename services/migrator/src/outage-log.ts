import type { Clock } from '@couchestor/shared/clock';
import { CouchestorError, createStandingLines } from '@couchestor/shared/service';
import type { MoveLogger } from './move-context.ts';

/** A logger that does not say of each move, at each try, that the same dependency is away. */
export interface OutageLog extends MoveLogger {
  /** The dependency whose errors carry this code is back: its next outage is news. */
  over(code: string): void;
}

const UNAVAILABLE = '_UNAVAILABLE';

/** Of what is said because a dependency is away, each sentence comes once an outage, and every 5 minutes while it lasts. */
export function createOutageLog(logger: MoveLogger, clock: Clock): OutageLog {
  const standing = createStandingLines(clock);
  const said = new Map<string, Set<string>>();
  const at =
    (level: keyof MoveLogger) =>
    (fields: object, message: string): void => {
      const code = codeOf(fields);
      if (code === undefined) return logger[level](fields, message);
      const sentences = said.get(code) ?? new Set();
      said.set(code, sentences.add(message));
      standing.say(`${code} ${message}`, 'away', () => logger[level](fields, message));
    };
  return {
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    over: (code) => {
      for (const message of said.get(code) ?? []) standing.forget(`${code} ${message}`);
      said.delete(code);
    },
  };
}

function codeOf(fields: object): string | undefined {
  const error = 'err' in fields ? fields.err : undefined;
  return error instanceof CouchestorError && error.code.endsWith(UNAVAILABLE) ? error.code : undefined;
}
