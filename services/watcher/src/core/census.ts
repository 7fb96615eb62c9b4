import {
  claimOf,
  placementOf,
  tierOfPool,
  type ClaimingPolicy,
  type Placement,
  type PolicySpec,
  type Tier,
} from '@couchestor/shared/policy';
import type { PersistentVolumeObject, VolumeReading } from './objects.ts';
import type { PlacementCounts } from './status.ts';

export interface CensusPolicy extends ClaimingPolicy {
  /** Undefined for a policy with an error: it keeps its volumes, but says nothing valid of tiers. */
  readonly valid: PolicySpec | undefined;
}

export interface CensusSource {
  reading(volumeId: string): VolumeReading | undefined;
  persistentVolume(volumeId: string): PersistentVolumeObject | undefined;
  ids(): Iterable<string>;
}

interface Line {
  readonly policyId: string;
  readonly placement: Placement;
  /** Younger policies that claim the volume as well and do not get it. */
  readonly losers: readonly string[];
}

const placements: readonly Placement[] = ['hot', 'warm', 'cold', 'mixed', 'none'];

type Counts = { -readonly [K in keyof PlacementCounts]: number };

interface Tally {
  readonly counts: Counts;
  /** Volumes lost to an older policy, by that policy's id. */
  readonly lostTo: Map<string, number>;
}

const noPlacements: PlacementCounts = {
  watchedVolumes: 0,
  hotVolumes: 0,
  warmVolumes: 0,
  coldVolumes: 0,
  mixedVolumes: 0,
};

/**
 * Which policy claims each volume and on which tier it is, counted as it changes. News only marks volumes; `work` counts
 * them anew a few at a time, for a new policy concerns all of them and nothing else may wait for that.
 */
export class Census {
  readonly #source: CensusSource;
  readonly #lines = new Map<string, Line>();
  readonly #tallies = new Map<string, Tally>();
  readonly #stale = new Set<string>();
  readonly #tierOfPool = new Map<string, Map<string, Tier | undefined>>();
  /** Everything is marked already, and nothing was counted since. */
  #isAllStale = false;
  #policies: readonly CensusPolicy[] = [];
  #revision = 0;
  #poolLabels: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map();

  constructor(source: CensusSource) {
    this.#source = source;
  }

  /** Grows with every change of a count. */
  get revision(): number {
    return this.#revision;
  }

  /** Volumes whose count is out of date. */
  get staleCount(): number {
    return this.#stale.size;
  }

  /** Disabled policies count too: they watch what nobody else claims. */
  setPolicies(policies: readonly CensusPolicy[]): void {
    this.#policies = policies;
    this.#markAll();
  }

  setPoolLabels(labelsByPool: ReadonlyMap<string, Readonly<Record<string, string>>>): void {
    this.#poolLabels = labelsByPool;
    this.#markAll();
  }

  mark(volumeId: string): void {
    this.#stale.add(volumeId);
  }

  /** Counts up to `max` marked volumes anew, and answers them. */
  work(max: number): string[] {
    this.#isAllStale = false;
    const counted: string[] = [];
    let left = max;
    for (const volumeId of this.#stale) {
      if (left-- === 0) break;
      this.#stale.delete(volumeId);
      this.#count(volumeId);
      counted.push(volumeId);
    }
    return counted;
  }

  /** Counts this one volume anew. */
  settle(volumeId: string): Placement | undefined {
    this.#isAllStale = false;
    this.#stale.delete(volumeId);
    this.#count(volumeId);
    return this.placement(volumeId);
  }

  isStale(volumeId: string): boolean {
    return this.#stale.has(volumeId);
  }

  counts(policyId: string): PlacementCounts {
    return { ...(this.#tallies.get(policyId)?.counts ?? noPlacements) };
  }

  /** Ids of older policies that take volumes which this policy claims as well. */
  overlappedBy(policyId: string): string[] {
    return [...(this.#tallies.get(policyId)?.lostTo.keys() ?? [])];
  }

  placement(volumeId: string): Placement | undefined {
    return this.#lines.get(volumeId)?.placement;
  }

  policyOf(volumeId: string): string | undefined {
    return this.#lines.get(volumeId)?.policyId;
  }

  /** The tier of a pool under the policy that claims the volume. */
  tierOf(volumeId: string, pool: string): Tier | undefined {
    const policyId = this.policyOf(volumeId);
    const policy = this.#policies.find((each) => each.policyId === policyId);
    return policy === undefined ? undefined : this.#tierUnder(policy, pool);
  }

  #markAll(): void {
    this.#tierOfPool.clear();
    // Policies and labels of pools often come together, and to mark 100,000 volumes takes a while.
    if (this.#isAllStale) return;
    this.#isAllStale = true;
    for (const volumeId of this.#source.ids()) this.#stale.add(volumeId);
    for (const volumeId of this.#lines.keys()) this.#stale.add(volumeId);
  }

  #count(volumeId: string): void {
    const before = this.#lines.get(volumeId);
    const after = this.#lineOf(volumeId, before);
    if (sameLine(before, after)) return;
    this.#revision += 1;
    if (before !== undefined) this.#add(before, -1);
    if (after === undefined) this.#lines.delete(volumeId);
    else {
      this.#lines.set(volumeId, after);
      this.#add(after, 1);
    }
  }

  #lineOf(volumeId: string, before: Line | undefined): Line | undefined {
    const reading = this.#source.reading(volumeId);
    const persistentVolume = this.#source.persistentVolume(volumeId);
    if (reading === undefined || persistentVolume === undefined) return undefined;
    const claim = claimOf(this.#policies, persistentVolume.view);
    if (claim.kind === 'unclaimed') return undefined;
    const { policy, overlapping } = claim;
    const losers = overlapping.map(({ policyId }) => policyId);
    const lastPlacement =
      before?.policyId === policy.policyId ? before.placement : placementNamed(persistentVolume.currentTier);
    return {
      policyId: policy.policyId,
      placement: this.#placementUnder(policy, reading) ?? lastPlacement ?? 'none',
      losers,
    };
  }

  /**
   * Undefined while a replica's pool cannot be seen because its node is away, or the policy has an error: the volume has
   * not left its tier by that.
   */
  #placementUnder(policy: CensusPolicy, { replicas }: VolumeReading): Placement | undefined {
    if (replicas.length === 0 || policy.valid === undefined) return undefined;
    const tiers: (Tier | undefined)[] = [];
    for (const { pool } of replicas) {
      if (pool === undefined) return undefined;
      tiers.push(this.#tierUnder(policy, pool));
    }
    return placementOf(tiers);
  }

  #tierUnder({ policyId, valid }: CensusPolicy, pool: string): Tier | undefined {
    let tiers = this.#tierOfPool.get(policyId);
    if (tiers === undefined) this.#tierOfPool.set(policyId, (tiers = new Map<string, Tier | undefined>()));
    if (tiers.has(pool)) return tiers.get(pool);
    const labels = this.#poolLabels.get(pool);
    const tier = labels === undefined || valid === undefined ? undefined : tierOfPool(valid, labels);
    tiers.set(pool, tier);
    return tier;
  }

  #add({ policyId, placement, losers }: Line, sign: 1 | -1): void {
    const { counts } = this.#tallyOf(policyId);
    counts.watchedVolumes += sign;
    switch (placement) {
      case 'hot':
        counts.hotVolumes += sign;
        break;
      case 'warm':
        counts.warmVolumes += sign;
        break;
      case 'cold':
        counts.coldVolumes += sign;
        break;
      case 'mixed':
        counts.mixedVolumes += sign;
        break;
      case 'none':
        break;
    }
    for (const loser of losers) {
      const { lostTo } = this.#tallyOf(loser);
      const volumes = (lostTo.get(policyId) ?? 0) + sign;
      if (volumes === 0) lostTo.delete(policyId);
      else lostTo.set(policyId, volumes);
    }
  }

  #tallyOf(policyId: string): Tally {
    let tally = this.#tallies.get(policyId);
    if (tally === undefined) {
      tally = { counts: { ...noPlacements }, lostTo: new Map() };
      this.#tallies.set(policyId, tally);
    }
    return tally;
  }
}

/** What a watcher wrote on the volume when it last knew; a restart while a node is away is no reason to forget it. */
function placementNamed(currentTier: string | undefined): Placement | undefined {
  return placements.find((placement) => placement === currentTier);
}

function sameLine(a: Line | undefined, b: Line | undefined): boolean {
  return (
    a?.policyId === b?.policyId &&
    a?.placement === b?.placement &&
    (a?.losers.length ?? 0) === (b?.losers.length ?? 0) &&
    (a?.losers ?? []).every((loser, index) => loser === b?.losers[index])
  );
}
