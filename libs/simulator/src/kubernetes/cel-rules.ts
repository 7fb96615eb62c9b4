import { Environment } from '@marcbachmann/cel-js';
import { isJsonArray, isJsonObject, type Json } from './json.ts';
import type { StructuralSchema, ValidationRule } from './structural-schema.ts';

const environment = new Environment()
  .registerVariable('self', 'dyn')
  .registerVariable('oldSelf', 'dyn')
  // Of CEL's extended strings, which every API server has and the library lacks.
  .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
    text.replaceAll(from, to),
  );

type Program = (context: Record<string, unknown>) => unknown;

export interface CompiledRule {
  readonly source: ValidationRule;
  /** It compares with the stored value, so it says nothing about a new one. */
  readonly isTransition: boolean;
  readonly evaluate: Program;
  readonly message: Program | undefined;
}

const compiled = new WeakMap<ValidationRule, CompiledRule>();

/** Compiles each rule once; throws where an expression does not parse or calls what the evaluator does not have. */
export function compileRule(source: ValidationRule): CompiledRule {
  const known = compiled.get(source);
  if (known !== undefined) return known;
  const rule: CompiledRule = {
    source,
    isTransition: /\boldSelf\b/.test(source.rule),
    evaluate: parse(source.rule),
    message: source.messageExpression === undefined ? undefined : parse(source.messageExpression),
  };
  compiled.set(source, rule);
  return rule;
}

function parse(expression: string): Program {
  const program = environment.parse(expression);
  return (context) => program(context) as unknown;
}

/** Compiles every rule of a schema, so that a bad one is found when the kind is registered. */
export function compileRules(schema: StructuralSchema): void {
  for (const rule of schema.rules) compileRule(rule);
  for (const property of schema.properties.values()) compileRules(property);
  if (schema.items !== undefined) compileRules(schema.items);
  if (schema.additionalProperties !== undefined) compileRules(schema.additionalProperties);
}

export function hasRules(schema: StructuralSchema): boolean {
  return (
    schema.rules.length > 0 ||
    [...schema.properties.values()].some(hasRules) ||
    (schema.items !== undefined && hasRules(schema.items)) ||
    (schema.additionalProperties !== undefined && hasRules(schema.additionalProperties))
  );
}

/** JSON as CEL sees it: by the schema's types, for CEL does not mix integers and doubles. */
export function celValue(value: Json | undefined, schema: StructuralSchema): unknown {
  if (isJsonArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item) => celValue(item, items));
  }
  if (isJsonObject(value)) {
    const members: Record<string, unknown> = {};
    for (const [name, member] of Object.entries(value)) {
      const memberSchema = schema.properties.get(name) ?? schema.additionalProperties;
      if (memberSchema !== undefined && member !== undefined) members[name] = celValue(member, memberSchema);
    }
    return members;
  }
  if (typeof value === 'number' && Number.isInteger(value) && (schema.type === 'integer' || schema.intOrString)) {
    return BigInt(value);
  }
  if (typeof value === 'string' && schema.format === 'date-time') return new Date(value);
  return value;
}
