import { stringAt, type JsonObject } from './json.ts';

const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/;

/**
 * What is wrong with the first of these times that is not written to the microsecond. The real server takes exactly six
 * digits after the point, so that what `Date.toISOString` gives is refused.
 */
export function microTimeFault(object: JsonObject, paths: readonly (readonly string[])[]): string | undefined {
  for (const path of paths) {
    const text = stringAt(object, ...path);
    if (text === undefined || microTime.test(text)) continue;
    const rest = text.slice('2006-01-02T15:04:05'.length);
    return `parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05.000000Z07:00": cannot parse ${JSON.stringify(rest)} as ".000000"`;
  }
  return undefined;
}

/** The object with these times cut to the second, as the server stores them. */
export function toSeconds<Content extends JsonObject>(object: Content, names: readonly string[]): Content {
  const cut: Record<string, string> = {};
  for (const name of names) {
    const text = object[name];
    if (typeof text !== 'string') continue;
    const thenMs = Date.parse(text);
    if (!Number.isNaN(thenMs)) cut[name] = `${new Date(thenMs).toISOString().slice(0, 19)}Z`;
  }
  return { ...object, ...cut };
}
