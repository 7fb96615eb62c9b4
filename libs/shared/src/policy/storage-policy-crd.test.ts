import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { formatStoragePolicy } from './storage-policy-crd.ts';

interface Schema {
  readonly description?: string;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly type: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly 'x-kubernetes-validations'?: readonly {
    readonly rule: string;
    readonly message: string;
    readonly fieldPath?: string;
  }[];
}

const definition = parse(formatStoragePolicy()) as {
  spec: { versions: readonly { schema: { openAPIV3Schema: Schema } }[] };
};
const root = definition.spec.versions[0]?.schema.openAPIV3Schema;

/** Every field below one, by its path; those of items and of maps' values under `[]`. */
function fieldsOf(schema: Schema, path: string): readonly (readonly [path: string, field: Schema])[] {
  const members = Object.entries(schema.properties ?? {}).map(([name, member]) => [`${path}.${name}`, member] as const);
  const inner = [schema.items, schema.additionalProperties].flatMap((each) =>
    each === undefined ? [] : [[`${path}[]`, each] as const],
  );
  return [...members, ...inner].flatMap(([at, field]) => [[at, field] as const, ...fieldsOf(field, at)]);
}

const fields = ['spec', 'status'].flatMap((name) => {
  const schema = root?.properties?.[name];
  return schema === undefined ? [] : [[name, schema] as const, ...fieldsOf(schema, name)];
});

test('kubectl explain has something to say on every field', () => {
  expect(fields.length).toBeGreaterThan(100);
  const silent = fields.filter(([path, { description = '' }]) => !path.endsWith('[]') && !description.endsWith('.'));
  expect(silent.map(([path]) => path)).toEqual([]);
});

test('every text, list and map that people write is bounded, or the API server could not bound the cost of rules', () => {
  const bounds = { string: 'maxLength', array: 'maxItems' } as const;
  const unbounded = fields.filter(([path, field]) => {
    if (!path.startsWith('spec') || 'enum' in field) return false;
    if (field.additionalProperties !== undefined) return field.maxProperties === undefined;
    return (field.type === 'string' || field.type === 'array') && field[bounds[field.type]] === undefined;
  });
  expect(unbounded.map(([path]) => path)).toEqual([]);
});

test('every rule names its field, and behind a colon what to change', () => {
  const rules = fields.flatMap(([path, field]) =>
    (field['x-kubernetes-validations'] ?? []).map(({ message, fieldPath = '' }) => ({ path, message, fieldPath })),
  );
  expect(rules.length).toBeGreaterThan(30);
  for (const { path, message, fieldPath } of rules) {
    const name = /\.(\w+)$/.exec(`${path}${fieldPath}`)?.[1] ?? 'label';
    expect(message).toMatch(new RegExp(`^[^:]*\\b${name}\\b[^:]*: [a-z]+ `));
  }
});
