import { z } from 'zod';

/**
 * What must hold of a value beyond its type and bounds. The API server evaluates `cel`; `holds` is the same for a policy
 * that was stored before the rule existed, and both refuse it with one sentence.
 */
export interface SpecRule<Self> {
  readonly cel: string;
  /** A text is the API server's own, for what CEL cannot evaluate and so takes for broken. */
  readonly holds: (self: Self) => boolean | string;
  /**
   * Names the field and, after a colon, what to change. A part in brackets holds a text in braces (`{}` is the value
   * itself, `{name}` a member of it). Numbers cannot be shown: the API server takes a number made into text for endlessly
   * long, and refuses a rule that could cost so much.
   */
  readonly sentence: string;
  /** The member that the sentence is about. */
  readonly member?: string;
  /** That member is not there and must be. */
  readonly missing?: true;
}

/** Holds a schema to rules: when it parses, and in the CustomResourceDefinition that is made from it. */
export function withRules<S extends z.ZodType>(schema: S, ...rules: readonly SpecRule<z.output<S>>[]): S {
  const checked = schema.superRefine((self, context) => {
    for (const rule of rules) {
      const held = rule.holds(self);
      if (held === true) continue;
      const path = rule.member === undefined || typeof held === 'string' ? [] : [rule.member];
      const message =
        typeof held === 'string'
          ? `${held} evaluating rule: ${shortened(rule.sentence)}`
          : sentenceFor(rule.sentence, self);
      context.addIssue({ code: 'custom', path, message, params: { rule: true } });
    }
  });
  return checked.meta({ 'x-kubernetes-validations': rules.map((rule) => validationOf(rule)) });
}

/** An entry of `x-kubernetes-validations`. */
function validationOf({ cel, sentence, member, missing }: SpecRule<never>): Readonly<Record<string, string>> {
  const expression = messageExpression(sentence);
  return {
    rule: cel,
    ...(member === undefined ? {} : { fieldPath: `.${member}` }),
    ...(missing === undefined ? {} : { reason: 'FieldValueRequired' }),
    message: shortened(sentence),
    ...(expression === undefined ? {} : { messageExpression: expression }),
  };
}

/**
 * A bounded text; a character beyond the first 65,536 counts once, as the API server counts. One that is too long is held
 * to no rule, since the API server leaves all rules out then.
 */
export function textMax(characters: number): z.ZodString {
  return z
    .string()
    .superRefine((text, context) => {
      if (text.length <= characters || Array.from(text).length <= characters) return;
      const message = `Too long: may not be more than ${characters} bytes`;
      context.addIssue({ code: 'custom', message, continue: false });
    })
    .meta({ maxLength: characters });
}

function shortened(sentence: string): string {
  return sentence.replaceAll(bracketed, '');
}

const bracketed = /\[([^\]{]*)\{([^}]*)\}([^\]]*)\]/g;

/** @throws TypeError for what is no text: then the rule should not have been broken, or is wrong. */
function sentenceFor(sentence: string, self: unknown): string {
  const full = sentence.replaceAll(bracketed, (_, before: string, name: string, after: string) => {
    const value: unknown = name === '' ? self : (self as Readonly<Record<string, unknown>>)[name];
    if (typeof value !== 'string') throw new TypeError(`a sentence cannot show ${name}`);
    return `${before}${value}${after}`;
  });
  // The API server takes no sentence of several lines.
  return /[\r\n]/.test(full) ? shortened(sentence) : full;
}

/** The sentence as CEL, where it holds values. */
function messageExpression(sentence: string): string | undefined {
  const parts: string[] = [];
  let end = 0;
  for (const match of sentence.matchAll(bracketed)) {
    const [whole, before = '', name = '', after = ''] = match;
    parts.push(
      celText(sentence.slice(end, match.index) + before),
      name === '' ? 'self' : `self.${name}`,
      celText(after),
    );
    end = match.index + whole.length;
  }
  if (parts.length === 0) return undefined;
  parts.push(celText(sentence.slice(end)));
  return parts.filter((part) => part !== '""').join(' + ');
}

/** A text as CEL writes it, which is as JSON does. */
export function celText(text: string): string {
  return JSON.stringify(text);
}
