import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly service: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** Standard output by default, written synchronously so that nothing is lost at the end of the process. */
  readonly destination?: DestinationStream;
}

const SECRET_FIELDS = ['password', 'token', 'authorization', 'credentials'];

/** JSON lines whose level is a word in capitals, so that `grep ERROR` finds errors. */
export function createLogger({ service, level, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label.toUpperCase() }) },
    redact: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]),
  };
  return pino(options, destination ?? pino.destination({ dest: process.stdout.fd, sync: true }));
}
