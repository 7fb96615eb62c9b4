import type { PolicyObserved } from '@couchestor/shared/messages';
import { labelSelectorSchema, parsePolicySpec, type ClaimingSpec, type ParsedSpec } from '@couchestor/shared/policy';
import type { CensusPolicy } from './census.ts';
import type { PolicyObject } from './objects.ts';

export interface KnownPolicy {
  readonly object: PolicyObject;
  readonly parsed: ParsedSpec;
}

/** The policies as Kubernetes holds them now, each read once per version of its spec. */
export class Policies {
  readonly #byId = new Map<string, KnownPolicy>();

  get(policyId: string): KnownPolicy | undefined {
    return this.#byId.get(policyId);
  }

  ids(): IterableIterator<string> {
    return this.#byId.keys();
  }

  all(): IterableIterator<KnownPolicy> {
    return this.#byId.values();
  }

  /** Returns whether its spec is another than before. */
  set(object: PolicyObject): boolean {
    const known = this.#byId.get(object.policyId);
    const isSameSpec = known?.object.generation === object.generation;
    this.#byId.set(object.policyId, { object, parsed: isSameSpec ? known.parsed : parsePolicySpec(object.spec) });
    return !isSameSpec;
  }

  remove(policyId: string): boolean {
    return this.#byId.delete(policyId);
  }

  /** A policy that cannot be read is a fact too: the scorer says of its volumes that they stay, and why. */
  fact(policyId: string): PolicyObserved | undefined {
    const known = this.#byId.get(policyId);
    if (known === undefined) return undefined;
    const { name, generation, createdAt, spec } = known.object;
    return { policyId, name, generation, createdAt, spec };
  }

  forCensus(): CensusPolicy[] {
    const policies: CensusPolicy[] = [];
    for (const { object, parsed } of this.#byId.values()) {
      const { policyId, name, createdAtMs } = object;
      const valid = parsed.kind === 'valid' ? parsed.spec : undefined;
      const spec = valid ?? claimingSpecOf(object.spec);
      if (spec !== undefined) policies.push({ policyId, name, createdAtMs, spec, valid });
    }
    return policies;
  }
}

/**
 * What a policy with an error claims: a typing mistake in a watermark must not hand its volumes over to a younger policy.
 * Undefined if that part of it is wrong too.
 */
function claimingSpecOf(stored: unknown): ClaimingSpec | undefined {
  if (typeof stored !== 'object' || stored === null) return undefined;
  const { enabled = true, storageClassName = 'mayastor', volumeSelector = {} } = stored as Record<string, unknown>;
  const selector = labelSelectorSchema.safeParse(volumeSelector);
  if (typeof enabled !== 'boolean' || typeof storageClassName !== 'string' || !selector.success) return undefined;
  return { enabled, storageClassName, volumeSelector: selector.data };
}
