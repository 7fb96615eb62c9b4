import { labelSelectorSchema, selectorMatches, type Labels } from './label-selector.ts';
import type { PolicySpec } from './policy-spec.ts';

/** The part of a policy that says which volumes are its own; it may be readable where the rest of the policy is not. */
export type ClaimingSpec = Pick<PolicySpec, 'enabled' | 'storageClassName' | 'volumeSelector'>;

export interface ClaimingPolicy {
  readonly policyId: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly spec: ClaimingSpec;
}

export interface ClaimedVolume {
  readonly storageClassName: string;
  readonly labels: Labels;
}

export type Claim<P extends ClaimingPolicy> =
  | { readonly kind: 'unclaimed' }
  /** `overlapping` are younger enabled policies that claim the same volume and lose it. */
  | { readonly kind: 'claimed'; readonly policy: P; readonly overlapping: readonly P[] };

/**
 * What a stored policy claims, also one with an error: it keeps its volumes, since a typing mistake in a watermark must not
 * hand them over to a younger policy. A selector that cannot be read means all of its class.
 */
export function readClaims(stored: unknown): ClaimingSpec {
  const spec = (typeof stored === 'object' ? stored : null) ?? {};
  const { enabled, storageClassName, volumeSelector }: Record<string, unknown> = { ...spec };
  const selector = labelSelectorSchema.safeParse(volumeSelector ?? {});
  return {
    enabled: enabled !== false,
    storageClassName: typeof storageClassName === 'string' ? storageClassName : 'mayastor',
    volumeSelector: selector.success ? selector.data : {},
  };
}

export function policyClaims(spec: ClaimingSpec, volume: ClaimedVolume): boolean {
  return spec.storageClassName === volume.storageClassName && selectorMatches(spec.volumeSelector, volume.labels);
}

/** Older wins; of two of the same second, the one whose name sorts first, so that everybody sees the same winner. */
export function byAge(a: ClaimingPolicy, b: ClaimingPolicy): number {
  return a.createdAtMs - b.createdAtMs || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

const NONE: readonly never[] = [];

/**
 * Which policy a volume belongs to. Enabled policies come before disabled ones: a disabled policy still watches what
 * nobody else claims, so that its counts stay true, but it never takes a volume from a working one.
 */
export function claimOf<P extends ClaimingPolicy>(policies: readonly P[], volume: ClaimedVolume): Claim<P> {
  let only: P | undefined;
  let claiming: P[] | undefined;
  for (const policy of policies) {
    if (!policyClaims(policy.spec, volume)) continue;
    if (only === undefined) only = policy;
    else claiming = [...(claiming ?? [only]), policy];
  }
  if (only === undefined) return { kind: 'unclaimed' };
  // Nearly all are claimed by one policy, and each pass asks of each of 100,000.
  if (claiming === undefined) return { kind: 'claimed', policy: only, overlapping: NONE };
  claiming.sort(byAge);
  const enabled = claiming.filter((policy) => policy.spec.enabled);
  const [winner = only] = enabled.length > 0 ? enabled : claiming;
  return { kind: 'claimed', policy: winner, overlapping: enabled.filter((policy) => policy !== winner) };
}
