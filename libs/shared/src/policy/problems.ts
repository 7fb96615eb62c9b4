import { z } from 'zod';

/**
 * The API server's own words for faults of type and bound, so that a policy reads the same whoever refuses it. Sentences
 * of rules come from the rules.
 */
export function wordIssue(issue: z.core.$ZodRawIssue): string | undefined {
  const { input } = issue;
  const field = pathOf(issue.path ?? [], '.');
  const shown = JSON.stringify(input);
  if (input === undefined) return 'Required value';
  switch (issue.code) {
    case 'invalid_type':
      return `Invalid value: "${typeOf(input)}": ${field} in body must be of type ${typeNamed(issue.expected, issue.inst)}: "${typeOf(input)}"`;
    case 'invalid_value':
      return `Unsupported value: ${shown}: supported values: ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return issue.origin === 'string'
        ? `Invalid value: ${shown}: ${field} in body should be at least ${issue.minimum} chars long`
        : `Invalid value: ${shown}: ${field} in body should be greater than or equal to ${issue.minimum}`;
    case 'too_big':
      if (Array.isArray(input)) return tooMany(input.length, Number(issue.maximum));
      return `Invalid value: ${shown}: ${field} in body should be less than or equal to ${issue.maximum}`;
    case 'custom':
    case 'invalid_element':
    case 'invalid_format':
    case 'invalid_key':
    case 'invalid_union':
    case 'not_multiple_of':
    case 'unrecognized_keys':
      // A rule's own sentence, or what the schema has no use for.
      return undefined;
  }
}

export function tooMany(found: number, max: number): string {
  return `Too many: ${found}: must have at most ${max} items`;
}

/** As `kubectl` prints a cause: the field, a colon, the sentence. */
export function problemOf(issue: z.core.$ZodIssue): string {
  const isRule = issue.code === 'custom' && issue.params?.['rule'] === true;
  return `${pathOf(issue.path, isRule ? '[' : '.')}: ${issue.message}`;
}

/** Where the API server names a label by its key, it does so in brackets for a rule and behind a dot for a bound. */
function pathOf(path: readonly PropertyKey[], beforeKey: '.' | '['): string {
  return path.reduce<string>((text, part, index) => {
    const isKey = path[index - 1] === 'matchLabels' && beforeKey === '[';
    return typeof part === 'number' || isKey ? `${text}[${String(part)}]` : `${text}.${String(part)}`;
  }, 'spec');
}

function typeNamed(expected: string, schema: unknown): string {
  if (schema instanceof z.ZodNumberFormat) return 'integer';
  return expected === 'record' ? 'object' : expected;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (Number.isInteger(value)) return 'integer';
  return typeof value;
}

/** The API server takes a member that is null for one that is not there. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([name, member]) => [name, withoutNulls(member)]),
  );
}
