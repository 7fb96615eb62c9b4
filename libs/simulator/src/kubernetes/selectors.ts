import { badRequest } from './api-error.ts';
import { stringAt } from './json.ts';
import type { KubeObject } from './kube-object.ts';

export type ObjectFilter = (object: KubeObject) => boolean;

interface Requirement {
  readonly key: string;
  readonly matches: (value: string | undefined) => boolean;
}

const token = /\s*(!=|==|=|!|,|\(|\)|>|<|[^\s,()=!<>]+)/y;

/** Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`; throws 400 with the API server's words. */
export function parseLabelSelector(text: string): ObjectFilter | undefined {
  const tokens = tokenize(text);
  if (tokens.length === 0) return undefined;
  const requirements: Requirement[] = [];
  let position = 0;
  const next = (): string => tokens[position++] ?? '';
  const expect = (found: string, accepted: string): ApiFault => unparsable(`found '${found}', expected: ${accepted}`);
  for (;;) {
    requirements.push(readRequirement(next, () => tokens[position] ?? '', expect));
    const separator = next();
    if (separator === '') break;
    if (separator !== ',') throw expect(separator, "',' or 'end of string'");
  }
  return ({ metadata }) => requirements.every(({ key, matches }) => matches(metadata.labels?.[key]));
}

type ApiFault = ReturnType<typeof badRequest>;

function unparsable(why: string): ApiFault {
  return badRequest(`unable to parse requirement: ${why}`);
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  const trimmed = text.trimEnd();
  while (token.lastIndex < trimmed.length) {
    const match = token.exec(trimmed);
    if (match?.[1] === undefined) throw unparsable(`found '${trimmed}', expected: identifier`);
    tokens.push(match[1]);
  }
  return tokens;
}

function readRequirement(
  next: () => string,
  peek: () => string,
  expect: (found: string, accepted: string) => ApiFault,
): Requirement {
  const first = next();
  if (first === '!') {
    const key = next();
    return { key, matches: (value) => value === undefined };
  }
  if (first === '' || /^[,()=!<>]/.test(first)) throw expect(first, "!, identifier, or 'end of string'");
  const key = first;
  const operator = peek();
  switch (operator) {
    case '':
    case ',':
      return { key, matches: (value) => value !== undefined };
    case '=':
    case '==':
    case '!=': {
      next();
      const wanted = peek() === ',' || peek() === '' ? '' : next();
      return operator === '!='
        ? { key, matches: (value) => value !== wanted }
        : { key, matches: (value) => value === wanted };
    }
    case 'in':
    case 'notin': {
      next();
      const values = readValues(next, expect);
      return operator === 'in'
        ? { key, matches: (value) => value !== undefined && values.has(value) }
        : { key, matches: (value) => value === undefined || !values.has(value) };
    }
    case '>':
    case '<': {
      next();
      const bound = Number(next());
      return {
        key,
        matches: (value) => value !== undefined && (operator === '>' ? Number(value) > bound : Number(value) < bound),
      };
    }
    default:
      throw expect(operator, 'in, notin, =, ==, !=, gt, lt');
  }
}

function readValues(next: () => string, expect: (found: string, accepted: string) => ApiFault): Set<string> {
  const opening = next();
  if (opening !== '(') throw expect(opening, "'('");
  const values = new Set<string>();
  for (;;) {
    const value = next();
    if (value === ')') return values;
    if (value === '' || value === '(') throw expect(value, "',', ')' or identifier");
    if (value !== ',') values.add(value);
  }
}

/** Reads `metadata.name=x,reason!=y` over the fields that the kind can select by; throws 400 for any other. */
export function parseFieldSelector(
  text: string,
  selectable: readonly string[],
  custom: boolean,
): ObjectFilter | undefined {
  const requirements = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^(.*?)(!=|==|=)(.*)$/.exec(part);
      const [, field = '', operator = '', wanted = ''] = match ?? [];
      if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
      if (!selectable.includes(field)) {
        throw badRequest(
          custom
            ? `field label not supported: ${field}`
            : `"${field}" is not a known field selector: only ${selectable.map((name) => `"${name}"`).join(', ')}`,
        );
      }
      return { path: field.split('.'), isEqual: operator !== '!=', wanted };
    });
  if (requirements.length === 0) return undefined;
  return (object) =>
    requirements.every(({ path, isEqual, wanted }) => ((stringAt(object, ...path) ?? '') === wanted) === isEqual);
}
