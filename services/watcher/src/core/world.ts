import {
  nodeToken,
  type ClusterObserved,
  type Intent,
  type NodeObserved,
  type PolicyObserved,
  type PoolObserved,
} from '@couchestor/shared/messages';
import { ActiveMoves } from './active-moves.ts';
import { Census } from './census.ts';
import { clusterFact, nodeFact } from './node-facts.ts';
import type {
  Control,
  DiskPoolObject,
  NodeReading,
  PersistentVolumeObject,
  PolicyObject,
  PoolReading,
  RebuildProgress,
  VolumeAnswer,
} from './objects.ts';
import { OurCordons } from './our-cordons.ts';
import { Policies } from './policies.ts';
import { poolFacts } from './pool-facts.ts';
import { same } from './same.ts';
import { Sightings, type Sighting } from './sightings.ts';
import { VolumeInventory } from './volume-inventory.ts';

/** Told whose fact may be another now. */
export interface WorldNews {
  policyFact(policyId: string): void;
  volumeFact(volumeId: string): void;
  poolFact(diskPoolId: string): void;
  nodeFact(token: string): void;
  clusterFact(): void;
  /** A replica of the volume is filled further, or not filled any more. */
  rebuild(volumeId: string): void;
  /** What the status of this policy, or of all, is made of has changed. */
  policyStatus(policyId?: string): void;
  /** `work` has something to do. */
  work(): void;
}

/** Everything that is known of the cluster, and what follows from it. It is told news and says what they change. */
export class World {
  readonly volumes = new VolumeInventory();
  readonly policies = new Policies();
  readonly census = new Census({
    ids: () => this.volumes.ids(),
    reading: (volumeId) => this.volumes.reading(volumeId),
    persistentVolume: (volumeId) => this.volumes.persistentVolume(volumeId),
  });
  readonly moves = new ActiveMoves();
  readonly #news: WorldNews;
  readonly #cordons = new OurCordons();
  readonly #diskPools = new Map<string, DiskPoolObject>();
  readonly #poolReadings = new Sightings<PoolReading>();
  readonly #nodeReadings = new Sightings<NodeReading>();
  readonly #rebuilds = new Map<string, RebuildProgress>();
  readonly #nodeFacts = new Map<string, NodeObserved>();
  #poolFacts: ReadonlyMap<string, PoolObserved> = new Map();
  #control: Control | undefined;
  /** What waits for `work`, since it concerns many and comes in bursts. */
  readonly #due = { policies: false, pools: false, poolLabels: false };
  #hasNodes = false;
  #hasPass = false;

  constructor(news: WorldNews) {
    this.#news = news;
  }

  get control(): Control | undefined {
    return this.#control;
  }

  /** Whether Mayastor was read whole at least once, without which nothing can be counted. */
  get isComplete(): boolean {
    return this.#hasPass;
  }

  setPolicy(next: PolicyObject | undefined, previous: PolicyObject | undefined): void {
    const policyId = next?.policyId ?? previous?.policyId;
    if (policyId === undefined) return;
    const changed = next === undefined ? this.policies.remove(policyId) : this.policies.set(next);
    this.#news.policyStatus(policyId);
    if (!changed) return;
    this.#news.policyFact(policyId);
    this.#due.policies = true;
    this.#news.work();
  }

  setPersistentVolume(next: PersistentVolumeObject | undefined, previous: PersistentVolumeObject | undefined): void {
    if (previous !== undefined && previous.volumeId !== next?.volumeId) {
      if (this.volumes.removePersistentVolume(previous)) this.#volumeChanged(previous.volumeId);
    }
    if (next !== undefined && this.volumes.setPersistentVolume(next)) this.#volumeChanged(next.volumeId);
  }

  setDiskPool(next: DiskPoolObject | undefined, previous: DiskPoolObject | undefined): void {
    if (same(next, previous)) return;
    if (previous !== undefined) {
      this.#diskPools.delete(previous.diskPoolId);
      // A former watcher may have published it, even if this one has not seen its pool yet.
      this.#news.poolFact(previous.diskPoolId);
    }
    if (next !== undefined) this.#diskPools.set(next.diskPoolId, next);
    if (!same(next?.labels, previous?.labels) || next?.name !== previous?.name) this.#due.poolLabels = true;
    this.#poolsDue();
  }

  setPools(pools: ReadonlyMap<string, PoolReading>): void {
    this.#poolReadings.setAll(new Map([...pools].map(([name, pool]) => [name, this.#withKnownSizes(pool)])));
    this.#cordons.noteRead(new Set([...pools.values()].filter(({ cordoned }) => cordoned).map(({ name }) => name)));
    this.#poolsDue();
  }

  /** Whether a read shows a cordon that would be news: perhaps ours, of an intent that is still on its way here. */
  hasUnknownCordon(pools: ReadonlyMap<string, PoolReading>): boolean {
    for (const { name, cordoned } of pools.values()) {
      const before = this.#poolReadings.look(name);
      const wasCordoned = before.kind === 'present' && before.value.cordoned;
      if (cordoned && !wasCordoned && !this.#cordons.isOurs(name)) return true;
    }
    return false;
  }

  setNodes(nodes: ReadonlyMap<string, NodeReading>): void {
    this.#nodeReadings.setAll(nodes);
    const tokens = new Set(this.#nodeFacts.keys());
    this.#nodeFacts.clear();
    for (const reading of this.#nodeReadings.values()) {
      const token = nodeToken(reading.name);
      this.#nodeFacts.set(token, nodeFact(reading));
      tokens.add(token);
    }
    this.#hasNodes = true;
    for (const token of tokens) this.#news.nodeFact(token);
    this.#news.clusterFact();
  }

  setControl(control: Control): void {
    this.#control = control;
    this.#news.clusterFact();
    this.#news.policyStatus();
  }

  setIntent(volumeId: string, intent: Intent | undefined): void {
    this.#cordons.setIntent(volumeId, intent);
    this.#poolsDue();
    for (const policyId of this.moves.setIntent(volumeId, intent)) this.#news.policyStatus(policyId);
  }

  diskPoolIds(): IterableIterator<string> {
    return this.#diskPools.keys();
  }

  nodeTokens(): IterableIterator<string> {
    return this.#nodeFacts.keys();
  }

  beginPass(): void {
    this.volumes.beginPass();
  }

  setVolume({ reading, rebuilds }: VolumeAnswer): void {
    if (this.volumes.setReading(reading)) this.#volumeChanged(reading.volumeId);
    this.#setRebuilds(reading.volumeId, rebuilds);
  }

  /** How far the replicas of the volume are filled that are not whole yet. */
  rebuilds(volumeId: string): RebuildProgress | undefined {
    return this.#rebuilds.get(volumeId);
  }

  /** Mayastor said of this one volume that it does not exist. */
  missVolume(volumeId: string): void {
    if (!this.volumes.missed(volumeId)) return;
    this.#rebuilds.delete(volumeId);
    this.#volumeChanged(volumeId);
  }

  endPass(): void {
    for (const volumeId of this.volumes.endPass()) {
      this.#rebuilds.delete(volumeId);
      this.#volumeChanged(volumeId);
    }
    if (this.#hasPass) return;
    this.#hasPass = true;
    this.#news.work();
  }

  /**
   * Does what is due, and counts up to `max` volumes anew.
   * @returns the volumes that it counted: their policy, their placement or the tier of a replica may be another now
   */
  work(max: number): string[] {
    if (this.#due.policies) this.census.setPolicies(this.policies.forCensus());
    if (this.#due.poolLabels) {
      this.census.setPoolLabels(new Map([...this.#diskPools.values()].map(({ name, labels }) => [name, labels])));
    }
    if (this.#due.pools) this.#renewPoolFacts();
    Object.assign(this.#due, { policies: false, pools: false, poolLabels: false });
    const { revision } = this.census;
    const counted = this.census.work(max);
    if (this.census.revision !== revision) this.#news.policyStatus();
    return counted;
  }

  get hasWork(): boolean {
    return this.census.staleCount > 0 || this.#due.policies || this.#due.pools || this.#due.poolLabels;
  }

  policyFact(policyId: string): Sighting<PolicyObserved> {
    const value = this.policies.fact(policyId);
    return value === undefined ? { kind: 'absent' } : { kind: 'present', value };
  }

  poolFact(diskPoolId: string): Sighting<PoolObserved> {
    const value = this.#poolFacts.get(diskPoolId);
    if (value !== undefined) return { kind: 'present', value };
    // With a DiskPool it is only too early to say what Mayastor has of it.
    return { kind: this.#diskPools.has(diskPoolId) ? 'unproven' : 'absent' };
  }

  nodeFact(token: string): Sighting<NodeObserved> {
    const value = this.#nodeFacts.get(token);
    if (value !== undefined) return { kind: 'present', value };
    return { kind: this.#nodeReadings.isProven ? 'absent' : 'unproven' };
  }

  clusterFact(): Sighting<ClusterObserved> {
    if (this.#control === undefined || !this.#hasNodes) return { kind: 'unproven' };
    return { kind: 'present', value: clusterFact(this.#control, this.#nodeReadings.values()) };
  }

  /** Mayastor shows no sizes of a pool whose node is away, which does not make them 0. */
  #withKnownSizes(pool: PoolReading): PoolReading {
    const before = this.#poolReadings.look(pool.name);
    if (pool.status !== 'Unknown' || pool.capacityBytes > 0 || before.kind !== 'present') return pool;
    const { capacityBytes, usedBytes, committedBytes } = before.value;
    return { ...pool, capacityBytes, usedBytes, committedBytes };
  }

  #setRebuilds(volumeId: string, rebuilds: RebuildProgress | undefined): void {
    if (same(this.#rebuilds.get(volumeId), rebuilds)) return;
    if (rebuilds === undefined) this.#rebuilds.delete(volumeId);
    else this.#rebuilds.set(volumeId, rebuilds);
    this.#news.rebuild(volumeId);
  }

  #volumeChanged(volumeId: string): void {
    this.census.mark(volumeId);
    this.#news.volumeFact(volumeId);
    this.#news.work();
  }

  #poolsDue(): void {
    this.#due.pools = true;
    this.#news.work();
  }

  #renewPoolFacts(): void {
    const before = this.#poolFacts;
    this.#poolFacts = poolFacts(this.#diskPools.values(), this.#poolReadings, (pool) => this.#cordons.isOurs(pool));
    for (const [diskPoolId, fact] of this.#poolFacts) {
      if (!same(fact, before.get(diskPoolId))) this.#news.poolFact(diskPoolId);
    }
    for (const diskPoolId of before.keys()) if (!this.#poolFacts.has(diskPoolId)) this.#news.poolFact(diskPoolId);
  }
}
