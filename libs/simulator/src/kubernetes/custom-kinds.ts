import { compileRules } from './cel-rules.ts';
import { isJsonArray, isJsonObject, stringAt, valueAt, type Json, type JsonObject } from './json.ts';
import { allVerbs, type ResourceKind, type ServedVersion } from './resource-kind.ts';
import { validateValue } from './schema-validation.ts';
import { readSchema, type StructuralSchema } from './structural-schema.ts';
import { ageColumn, nameColumn, printerColumn } from './table-columns.ts';

function strings(value: Json | undefined): string[] {
  return isJsonArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function required(crd: JsonObject, ...path: readonly string[]): string {
  const value = stringAt(crd, ...path);
  if (value === undefined) throw new TypeError(`the CustomResourceDefinition has no ${path.join('.')}`);
  return value;
}

/**
 * Reads a `v1` CustomResourceDefinition. Throws on a schema or rule that the model cannot hold objects to, rather than
 * accept what a real cluster would refuse. Conversion webhooks are not supported: versions differ by name and schema.
 */
export function customKind(crd: JsonObject): ResourceKind {
  const group = required(crd, 'spec', 'group');
  const kind = required(crd, 'spec', 'names', 'kind');
  const plural = required(crd, 'spec', 'names', 'plural');
  const versions = valueAt(crd, 'spec', 'versions');
  if (!isJsonArray(versions)) throw new TypeError(`${plural}.${group} has no versions`);
  const served = versions.filter(isJsonObject).filter((version) => version['served'] === true);
  const stored = versions.find((version) => isJsonObject(version) && version['storage'] === true);
  const namespaced = stringAt(crd, 'spec', 'scope') === 'Namespaced';
  return {
    kind,
    listKind: stringAt(crd, 'spec', 'names', 'listKind') ?? `${kind}List`,
    plural,
    singular: stringAt(crd, 'spec', 'names', 'singular') ?? kind.toLowerCase(),
    shortNames: strings(valueAt(crd, 'spec', 'names', 'shortNames')),
    categories: strings(valueAt(crd, 'spec', 'names', 'categories')),
    namespaced,
    versions: served.map((version) => servedVersion(group, version)).sort(byPriority),
    storageApiVersion: `${group}/${stringAt(stored, 'name') ?? ''}`,
    isCustom: true,
    hasStatus: served.some((version) => valueAt(version, 'subresources', 'status') !== undefined),
    hasGeneration: true,
    verbs: allVerbs,
    nameForm: 'subdomain',
    mergeKeys: {},
    returnsDeleted: false,
    takesUnconditionalUpdate: false,
    createsOnUpdate: false,
  };
}

function servedVersion(group: string, version: JsonObject): ServedVersion {
  const openApi = valueAt(version, 'schema', 'openAPIV3Schema');
  const schema = readSchema(openApi);
  compileRules(schema);
  for (const { path, value, at } of defaultsIn(schema, '')) {
    const [fault] = validateValue(value, at, path);
    if (fault !== undefined) throw new TypeError(`the default of ${fault.field} is refused: ${fault.detail}`);
  }
  const declared = version['additionalPrinterColumns'];
  return {
    group,
    version: required(version, 'name'),
    columns: [nameColumn, ...(isJsonArray(declared) ? declared.map(printerColumn) : [ageColumn])],
    schema,
    openApi: isJsonObject(openApi) ? openApi : {},
    selectableFields: ['metadata.name', 'metadata.namespace'],
  };
}

interface Default {
  readonly path: string;
  readonly value: Json;
  readonly at: StructuralSchema;
}

/** Every default is held to its own schema and rules, before those of its members are filled in. */
function defaultsIn(at: StructuralSchema, path: string): readonly Default[] {
  const own = at.default === undefined ? [] : [{ path, value: at.default, at }];
  const inner = [...at.properties].flatMap(([name, property]) => defaultsIn(property, `${path}.${name}`));
  const nested = [at.items, at.additionalProperties].flatMap((each) =>
    each === undefined ? [] : defaultsIn(each, `${path}[]`),
  );
  return [...own, ...inner, ...nested];
}

/** Stable before beta before alpha, later before earlier: the order in which discovery lists versions. */
function byPriority(left: ServedVersion, right: ServedVersion): number {
  const rank = ({ version }: ServedVersion): readonly number[] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    const stability = match?.[2] === 'alpha' ? 0 : match?.[2] === 'beta' ? 1 : 2;
    return [stability, Number(match?.[1] ?? 0), Number(match?.[3] ?? 0)];
  };
  const leftRank = rank(left);
  const rightRank = rank(right);
  for (const [index, value] of leftRank.entries()) {
    const difference = (rightRank[index] ?? 0) - value;
    if (difference !== 0) return difference;
  }
  return 0;
}
