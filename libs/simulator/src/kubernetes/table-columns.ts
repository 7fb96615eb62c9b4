import { humanAge } from './human-duration.ts';
import { isJsonArray, isJsonObject, stringAt, type Json } from './json.ts';
import type { KubeObject } from './kube-object.ts';
import type { TableColumn } from './resource-kind.ts';

export const nameColumn: TableColumn = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'The name of the object, unique within its namespace.',
  priority: 0,
  cell: ({ metadata }) => metadata.name ?? '',
};

/** A column of a built-in kind: always a string to the client. */
export function column(
  name: string,
  cell: (object: KubeObject, nowMs: number) => Json,
  priority = 0,
  description = '',
): TableColumn {
  return { name, type: 'string', format: '', description, priority, cell };
}

export const ageColumn = column('Age', ({ metadata }, nowMs) => humanAge(metadata.creationTimestamp, nowMs));

/** A column that a CustomResourceDefinition declares. */
export function printerColumn(declared: Json): TableColumn {
  const type = stringAt(declared, 'type') ?? 'string';
  const path = parseJsonPath(stringAt(declared, 'jsonPath') ?? '');
  const priority = isJsonObject(declared) ? declared['priority'] : 0;
  return {
    name: stringAt(declared, 'name') ?? '',
    type,
    format: stringAt(declared, 'format') ?? '',
    description: stringAt(declared, 'description') ?? '',
    priority: typeof priority === 'number' ? priority : 0,
    cell: (object, nowMs) => cellOf(type, readPath(object, path), nowMs),
  };
}

type PathStep =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'filter'; readonly name: string; readonly value: string };

const step = /\.([A-Za-z0-9_-]+)|\['([^']+)'\]|\[(\d+)\]|\[\?\(@\.([A-Za-z0-9_]+)\s*==\s*["']([^"']*)["']\)\]/gy;

/** The part of JSONPath that printer columns use: members, indexes, and filters on equality. Throws on the rest. */
function parseJsonPath(text: string): PathStep[] {
  const steps: PathStep[] = [];
  step.lastIndex = 0;
  const unescaped = text.replaceAll(String.raw`\.`, '\u0002');
  while (step.lastIndex < unescaped.length) {
    const match = step.exec(unescaped);
    if (match === null) throw new TypeError(`the model does not understand the JSONPath ${text}`);
    const [, member, quoted, index, filterName, filterValue] = match;
    const name = (member ?? quoted)?.replaceAll('\u0002', '.');
    if (name !== undefined) steps.push({ kind: 'member', name });
    else if (index !== undefined) steps.push({ kind: 'index', index: Number(index) });
    else steps.push({ kind: 'filter', name: filterName ?? '', value: filterValue ?? '' });
  }
  return steps;
}

function readPath(value: Json, steps: readonly PathStep[]): Json | undefined {
  let found: Json | undefined = value;
  for (const next of steps) {
    switch (next.kind) {
      case 'member':
        found = isJsonObject(found) ? found[next.name] : undefined;
        break;
      case 'index':
        found = isJsonArray(found) ? found[next.index] : undefined;
        break;
      case 'filter':
        found = isJsonArray(found)
          ? found.find((item) => isJsonObject(item) && item[next.name] === next.value)
          : undefined;
        break;
    }
  }
  return found;
}

function cellOf(type: string, value: Json | undefined, nowMs: number): Json {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? humanAge(value, nowMs) : null;
    default:
      return typeof value === 'string' ? value : JSON.stringify(value);
  }
}
