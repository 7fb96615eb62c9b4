import { readFile } from 'node:fs/promises';
import { HistoryError, scoresOf, type History, type Setting } from '@couchestor/replay';
import { parsePolicySpec, type PolicySpec } from '@couchestor/shared/policy';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

export interface NamedPolicy {
  readonly name: string;
  readonly spec: PolicySpec;
}

const policySchema = z.object({
  kind: z.literal('StoragePolicy'),
  metadata: z.object({ name: z.string() }),
  spec: z.unknown(),
});

/**
 * The StoragePolicies of a file, whose other documents are left alone.
 *
 * @throws HistoryError that names the file, the field and the remedy
 */
export async function readPolicies(path: string): Promise<readonly NamedPolicy[]> {
  const documents = parseAllDocuments(await readFile(path, 'utf8'));
  const policies = documents.flatMap((document) => {
    const [fault] = document.errors;
    if (fault !== undefined) throw new HistoryError(`${path} is no YAML: ${fault.message}`);
    const stored = policySchema.safeParse(document.toJS());
    return stored.success ? [stored.data] : [];
  });
  if (policies.length === 0) throw new HistoryError(`${path} holds no StoragePolicy with a name.`);
  return policies.map(({ metadata: { name }, spec }) => {
    const parsed = parsePolicySpec(spec);
    if (parsed.kind === 'invalid') throw new HistoryError(`${path}, ${name}: ${parsed.problems.join('; ')}`);
    return { name, spec: parsed.spec };
  });
}

/**
 * A policy as the scorer would follow it: its scores, watermarks and cooldown, which doubles after regret, and its moves
 * an hour. Pools, windows and what is wrong with a volume are not in a history.
 */
export function policySetting(history: History, { name, spec }: NamedPolicy): Setting {
  const { hotSharePercent } = spec.scoring;
  return {
    name,
    ...(hotSharePercent === undefined ? {} : { hotShare: hotSharePercent / 100 }),
    scoreAt: scoresOf(history, spec),
    watermarks: spec,
    cooldownMs: spec.cooldownMs,
    cooldownDoubles: true,
    minCoverage: spec.metrics.minCoverage,
    maxMovesPerHour: spec.limits.maxMovesPerHour,
  };
}
