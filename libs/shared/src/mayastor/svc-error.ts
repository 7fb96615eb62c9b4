import { isRecord, textAt } from './json-fields.ts';

/** The body of an answer that is no success: `{details, message, kind}`, where the message begins with a name. */
export interface SvcError {
  /** Mayastor's class of error; several errors share one. */
  readonly kind: string;
  /**
   * What tells the errors of a kind apart: the name that the core agent gave it, or how the call to the core agent
   * ended where the REST server speaks for itself. Undefined where neither is said.
   */
  readonly name: string | undefined;
  readonly message: string;
}

/** The REST server could not connect to the core agent, so that nothing was asked of it. */
export const CORE_NOT_CONNECTED = 'CoreNotConnected';
/** The call to the core agent ended in any other way than an answer of it. */
const CORE_CALL_FAILED = 'CoreCallFailed';

const named = /^SvcError :: (\w+):/;
const relayed = /^status: \w+,/;
// A failed connection has no name and shares its kind with errors of calls that were made; only its words tell.
const notConnected = /^status: Unavailable, message: "error trying to connect:/;

/** Undefined when the body is empty or no error of Mayastor's. */
export function parseSvcError(body: string): SvcError | undefined {
  if (body === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const kind = textAt(value, 'kind');
  if (kind === undefined) return undefined;
  const message = textAt(value, 'message') ?? '';
  return { kind, name: nameOf(message), message: message === '' ? (textAt(value, 'details') ?? kind) : message };
}

function nameOf(message: string): string | undefined {
  const name = named.exec(message)?.[1];
  if (name !== undefined) return name;
  if (notConnected.test(message)) return CORE_NOT_CONNECTED;
  return relayed.test(message) ? CORE_CALL_FAILED : undefined;
}
