/** What to do about an error that was classified. */
export type Retry = { readonly retry: 'never' } | { readonly retry: 'after'; readonly delayMs: number };

/** An operating error: a stable code, what caused it, and whether trying again can help. */
export class CouchestorError extends Error {
  /** Upper snake case, begins with COUCHESTOR_, never reused for something else. */
  readonly code: string;
  readonly retry: Retry;

  constructor(code: string, message: string, retry: Retry, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.retry = retry;
  }
}

/** One setting that cannot be used. `value` is undefined where it is not set, and masked where it is secret. */
export interface SettingFault {
  readonly name: string;
  readonly value: string | undefined;
  readonly problem: string;
  readonly remedy: string;
}

/** The environment is wrong; the message lists every fault. */
export class ConfigurationError extends CouchestorError {
  readonly faults: readonly SettingFault[];

  constructor(faults: readonly SettingFault[], options?: ErrorOptions) {
    const lines = faults.map(({ name, value, problem, remedy }) => {
      const subject = value === undefined ? `${name} is not set` : `${name}=${JSON.stringify(value)}`;
      return `  ${subject}: ${problem}. ${remedy}`;
    });
    const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
    const message = `the configuration has ${count}:\n${lines.join('\n')}`;
    super('COUCHESTOR_CONFIGURATION_INVALID', message, { retry: 'never' }, options);
    this.faults = faults;
  }
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
