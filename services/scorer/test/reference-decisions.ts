import type { DecisionReason, NodeObserved, PoolObserved, Score, VolumeObserved } from '@couchestor/shared/messages';
import type { LabelSelector, PolicySpec, Tier } from '@couchestor/shared/policy';
import type {
  ActiveMove,
  EndedMove,
  IntentState,
  ValidPolicy,
  World,
  WorldPolicy,
  WorldVolume,
} from '../src/core/world.ts';
import { referenceWatermarks } from './reference-watermarks.ts';

/**
 * The decisions once more, from what the documents say and by other means than the core: every question is answered by
 * going through everything again, nothing is remembered, nothing is fast. Of the core it has only the types. Where the
 * two differ, one of them has the rules wrong.
 */
export interface ReferenceDecision {
  readonly tierNow: string;
  readonly tierWanted: string | undefined;
  readonly action: 'move' | 'hold';
  readonly reason: DecisionReason;
  readonly nextEligibleAtMs: number | undefined;
  readonly policyId: string | undefined;
  readonly comparedWith: Compared | undefined;
  /** Of a move: the pools that could take its first replica, best first. */
  readonly targetPools: readonly string[] | undefined;
}

interface Compared {
  readonly highIops: number;
  readonly lowIops: number;
  readonly warmIops?: number;
}

const MIB = 1_048_576;
const GIB = 1_024 * MIB;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Why {
  readonly reason: DecisionReason;
  readonly until?: number | undefined;
}
/** Rules are asked in order; the first that has something to say is right. */
type Rule = () => Why | undefined;
const first = (rules: readonly Rule[]): Why | undefined => {
  for (const rule of rules) {
    const why = rule();
    if (why !== undefined) return why;
  }
  return undefined;
};
const when = (holds: boolean, reason: DecisionReason, until?: number): Why | undefined =>
  holds ? { reason, until } : undefined;

export function referenceDecisions(given: World, now: number): ReadonlyMap<string, ReferenceDecision> {
  const world = { ...given, policies: given.policies.map((policy) => rankedPolicy(given, policy, now)) };
  const answers = new Map<string, ReferenceDecision>();
  const wanting: Wanting[] = [];
  for (const volume of world.volumes) {
    const found = judge(world, volume, now);
    if ('to' in found) wanting.push(found);
    else answers.set(volume.fact.volumeId, found);
  }
  const promised: Promise_[] = [];
  // Policies are served in the order of their age.
  for (const policy of byAge(world.policies)) {
    if (policy.kind === 'invalid') continue;
    const own = wanting.filter((one) => one.policy === policy);
    for (const [one, outcome] of share(world, policy, own, promised, now)) {
      const why = 'reason' in outcome ? outcome : undefined;
      answers.set(one.volume.fact.volumeId, {
        tierNow: one.tierNow,
        tierWanted: one.to,
        action: why === undefined ? 'move' : 'hold',
        reason: why?.reason ?? one.reason,
        nextEligibleAtMs: why?.until,
        policyId: policy.policyId,
        comparedWith: comparedWith(policy),
        targetPools: 'targetPools' in outcome ? outcome.targetPools : undefined,
      });
    }
  }
  return answers;
}

function comparedWith({ spec }: ValidPolicy): Compared {
  const { highWatermarkIops: highIops, lowWatermarkIops: lowIops, warmWatermarkIops: warmIops } = spec;
  return { highIops, lowIops, ...(warmIops === undefined ? {} : { warmIops }) };
}

/** A volume that should move and whose own state allows it. */
interface Wanting {
  readonly volume: WorldVolume;
  readonly policy: ValidPolicy;
  readonly tierNow: string;
  readonly to: Tier;
  readonly reason: DecisionReason;
}

// ---------------------------------------------------------------- whose it is, where it is, where it belongs

const byAge = (policies: readonly WorldPolicy[]): readonly WorldPolicy[] =>
  [...policies].sort(
    (a, b) => a.createdAtMs - b.createdAtMs || compare(a.name, b.name) || compare(a.policyId, b.policyId),
  );
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function matches(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(selector.matchLabels ?? {});
  if (wanted.some(([key, value]) => labels[key] !== value)) return false;
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const has = Object.hasOwn(labels, key);
    const isListed = has && values.includes(labels[key] ?? '');
    const holds = { In: isListed, NotIn: !isListed, Exists: has, DoesNotExist: !has }[operator];
    if (!holds) return false;
  }
  return true;
}

/** The oldest policy that is enabled and means the volume; if none is enabled, the oldest that means it. */
function policyOf(world: World, { persistentVolume }: VolumeObserved): WorldPolicy | undefined {
  if (persistentVolume === undefined) return undefined;
  const meaning = byAge(world.policies).filter(
    ({ spec }) =>
      spec.storageClassName === persistentVolume.storageClassName &&
      matches(spec.volumeSelector, persistentVolume.labels),
  );
  return meaning.find(({ spec }) => spec.enabled) ?? meaning[0];
}

const TIERS = ['hot', 'warm', 'cold'] as const;

/** A pool is of a tier if that tier's selector matches, and no other. */
function tierOf(spec: PolicySpec, pool: PoolObserved): Tier | undefined {
  const of = TIERS.filter((tier) => {
    const selector = spec.poolSelectors[tier];
    return selector !== undefined && matches(selector, pool.labels);
  });
  return of.length === 1 ? of[0] : undefined;
}

const poolNamed = (world: World, name: string | undefined): PoolObserved | undefined =>
  world.pools.find((pool) => pool.name === name);
const nodeNamed = (world: World, name: string | undefined): NodeObserved | undefined =>
  world.nodes.find((node) => node.name === name);

function tiersOf(world: World, spec: PolicySpec, { replicas }: VolumeObserved): readonly (Tier | undefined)[] {
  return replicas.map(({ pool }) => {
    const known = poolNamed(world, pool);
    return known === undefined ? undefined : tierOf(spec, known);
  });
}

/** A replica of which the pool is not told says nothing about the place. */
function placeOf(world: World, spec: PolicySpec, volume: VolumeObserved): string {
  const told = tiersOf(world, spec, volume).filter((_, index) => volume.replicas[index]?.pool !== undefined);
  const kinds = new Set(told);
  if (kinds.size > 1) return 'mixed';
  return told[0] ?? 'none';
}

type Deserved =
  | { readonly kind: 'tier'; readonly tier: Tier; readonly reason: DecisionReason }
  | { readonly kind: 'stay' }
  | { readonly kind: 'unknown'; readonly reason: DecisionReason };

/** The score of a volume, if it has one that is believed. */
function loadOf({ fact }: WorldVolume, { spec, scores }: ValidPolicy): Extract<Score, { kind: 'value' }> | undefined {
  const score = fact.targetNode === undefined ? undefined : scores.scores.get(fact.volumeId);
  return score?.kind === 'value' && score.coverage >= spec.metrics.minCoverage ? score : undefined;
}

/** What a volume is demoted by. Where places are given by rank, being busy lately is enough to keep one. */
function lastingLoad({ iops, demoteIops = iops }: Extract<Score, { kind: 'value' }>, { scoring }: PolicySpec): number {
  return scoring.hotSharePercent === undefined ? demoteIops : Math.max(iops, demoteIops);
}

function deserved(world: World, volume: WorldVolume, policy: ValidPolicy): Deserved {
  const { fact, wishes } = volume;
  const { spec } = policy;
  if (wishes.pin.kind === 'tier') return { kind: 'tier', tier: wishes.pin.tier, reason: 'Pinned' };
  if (fact.targetNode === undefined) return { kind: 'unknown', reason: 'NotPublished' };
  const score = loadOf(volume, policy);
  if (score === undefined) return { kind: 'unknown', reason: 'ScoreUnknown' };
  const up = score.iops;
  const down = lastingLoad(score, spec);
  const { highWatermarkIops: high, lowWatermarkIops: low, warmWatermarkIops: warm } = spec;
  if (up >= high) return { kind: 'tier', tier: 'hot', reason: 'AboveHighWatermark' };
  // What speaks for a hotter tier is heard first.
  const speaksForWarm = warm !== undefined && up >= warm;
  if (down <= low && !speaksForWarm) return { kind: 'tier', tier: 'cold', reason: 'BelowLowWatermark' };
  if (speaksForWarm && down < high) return { kind: 'tier', tier: 'warm', reason: 'AboveWarmWatermark' };
  if (placeOf(world, spec, fact) !== 'mixed') return { kind: 'stay' };
  const at = tiersOf(world, spec, fact);
  // Where places are given by rank, part of it has one.
  if (spec.scoring.hotSharePercent !== undefined && at.includes('hot')) {
    return { kind: 'tier', tier: 'hot', reason: 'FinishMixed' };
  }
  const counts = TIERS.map((tier) => at.filter((one) => one === tier).length);
  if (counts.filter((count) => count > 0).length < 2) return { kind: 'stay' };
  // Of two with as many the hotter one, and they are listed from hot to cold.
  const majority = TIERS[counts.indexOf(Math.max(...counts))];
  return majority === undefined ? { kind: 'stay' } : { kind: 'tier', tier: majority, reason: 'FinishMixed' };
}

// ---------------------------------------------------------------- what may keep it

function judge(world: World, volume: WorldVolume, now: number): Wanting | ReferenceDecision {
  const { fact, wishes } = volume;
  const policy = policyOf(world, fact);
  const intent = world.intents.get(fact.volumeId);
  const tierNow = policy?.kind === 'valid' ? placeOf(world, policy.spec, fact) : 'none';
  const answer = (why: Why, tierWanted?: string): ReferenceDecision => ({
    tierNow,
    tierWanted,
    action: 'hold',
    reason: why.reason,
    nextEligibleAtMs: why.until,
    policyId: policy?.policyId,
    comparedWith: policy?.kind === 'valid' ? comparedWith(policy) : undefined,
    targetPools: undefined,
  });
  const moving = intent?.state === 'active' ? intent : undefined;
  if (moving !== undefined) {
    const reason = moving.attention === undefined ? 'AlreadyMoving' : 'NeedsAttention';
    return answer({ reason }, policy?.kind === 'valid' ? moving.toTier : undefined);
  }
  if (policy === undefined) return answer({ reason: 'NoPolicy' });
  if (policy.kind === 'invalid') return answer({ reason: 'PolicyInvalid' });
  const belongs = deserved(world, volume, policy);
  if (!policy.spec.enabled) {
    return answer({ reason: 'PolicyDisabled' }, belongs.kind === 'tier' ? belongs.tier : undefined);
  }
  if (wishes.pin.kind === 'unreadable') return answer({ reason: 'Held' });
  if (belongs.kind === 'unknown') return answer({ reason: belongs.reason });
  if (belongs.kind === 'stay') {
    return answer({ reason: 'BetweenWatermarks' }, ['mixed', 'none'].includes(tierNow) ? undefined : tierNow);
  }
  const to = belongs.tier;
  if (tierNow === to) return answer({ reason: 'OnWantedTier' }, to);
  const isHalfway = to === 'hot' && belongs.reason !== 'Pinned' && tiersOf(world, policy.spec, fact).includes('hot');
  const why =
    keeps(world, volume, policy, to, now) ??
    // By rank it would have to leave again as soon as it could.
    (isHalfway && policy.spec.scoring.hotSharePercent !== undefined
      ? first([() => closedIn(world, fact, policy.spec, 'cold'), () => noPool(world, fact, policy.spec, 'cold', [])])
      : undefined);
  return why === undefined ? { volume, policy, tierNow, to, reason: belongs.reason } : answer(why, to);
}

/** What of the volume's own keeps it from that tier. */
function keeps(world: World, volume: WorldVolume, { spec }: ValidPolicy, to: Tier, now: number): Why | undefined {
  const { fact, wishes, observedAtMs } = volume;
  const intent = world.intents.get(fact.volumeId);
  return first([
    () => when(wishes.hold.kind === 'forever' || wishes.hold.kind === 'unreadable', 'Held'),
    () => (wishes.hold.kind === 'until' ? when(now < wishes.hold.atMs, 'Held', wishes.hold.atMs) : undefined),
    () => unwell(world, fact, spec),
    () => closedIn(world, fact, spec, to),
    () => noPool(world, fact, spec, to, []),
    () => (finishes(world, volume, spec, to) ? undefined : cooling(wishes, intent, spec, now)),
    () => backingOff(intent, now),
    () => {
      if (intent?.state !== 'ended' || observedAtMs >= intent.endedAtMs) return undefined;
      return when(now < intent.endedAtMs + MINUTE, 'VolumeNotReady', intent.endedAtMs + MINUTE);
    },
    () => refused(world, volume, now),
    () =>
      when(
        volume.fact.replicas.some(({ node }) => node !== undefined && repaired(world).has(node)),
        'BrakePool',
      ),
  ]);
}

/** Whether a cordoned pool holds a replica that would stay while another goes. */
function closedIn(world: World, fact: VolumeObserved, spec: PolicySpec, to: Tier): Why | undefined {
  const shut = tiersOf(world, spec, fact).filter((_, at) => poolNamed(world, fact.replicas[at]?.pool)?.cordoned);
  return when(shut.length > 1 || shut.includes(to), 'VolumeNotReady');
}

/** Nodes of volumes that Mayastor fills by itself. */
function repaired(world: World): ReadonlySet<string | undefined> {
  const ill = world.volumes.filter(
    ({ fact }) => fact.rebuilding && world.intents.get(fact.volumeId)?.state !== 'active',
  );
  return new Set(ill.flatMap(({ fact }) => fact.replicas.map(({ node }) => node)));
}

/** In the order of the document: ready, used, without snapshots, free to shrink, whole, its nodes at peace. */
function unwell(world: World, volume: VolumeObserved, spec: PolicySpec): Why | undefined {
  const { persistentVolume, replicas, replicaCount, targetNode } = volume;
  const versions = world.cluster?.mayastorVersions ?? [];
  const isOld = (version: string): boolean => {
    const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
    return major < 2 || (major === 2 && minor < 9);
  };
  const involved = [...new Set([targetNode, ...replicas.map(({ node }) => node)])]
    .filter((name): name is string => name !== undefined)
    .sort(compare);
  return first([
    () => when(persistentVolume !== undefined && persistentVolume.phase !== 'Bound', 'VolumeNotReady'),
    () => when(volume.specStatus !== 'Created' || !volume.selfHeal || replicaCount < 1, 'VolumeNotReady'),
    () => when(targetNode === undefined, 'NotPublished'),
    () => when((volume.snapshotCount > 0 || volume.fromSnapshot) && !spec.moves.allowSnapshots, 'HasSnapshots'),
    () =>
      when(
        volume.affinityGroup !== undefined && replicaCount === 1 && (versions.length === 0 || versions.some(isOld)),
        'AffinityGroupRestricted',
      ),
    () => when(volume.status === 'Unknown' || volume.status === 'Shutdown', 'VolumeNotReady'),
    () => when(volume.status !== 'Online' || volume.rebuilding || replicas.length !== replicaCount, 'VolumeDegraded'),
    () =>
      when(
        replicas.some(
          ({ state, childState, node, pool }) =>
            state !== 'Online' || childState !== 'Online' || node === undefined || pool === undefined,
        ),
        'VolumeDegraded',
      ),
    ...involved.map((name): Rule => () => {
      const node = nodeNamed(world, name);
      if (node?.status !== 'Online') return { reason: 'VolumeDegraded' };
      const holds = replicas.some((replica) => replica.node === name);
      return when(node.draining || (replicaCount > 1 && holds && node.cordonLabels.length > 0), 'VolumeNotReady');
    }),
  ]);
}

/** Bringing the rest of a volume to a tier on which part of it is, unless its last move was completed to another one. */
function finishes(world: World, { fact }: WorldVolume, spec: PolicySpec, to: Tier): boolean {
  const intent = world.intents.get(fact.volumeId);
  const wentElsewhere = intent?.state === 'ended' && intent.outcome === 'completed' && intent.toTier !== to;
  return placeOf(world, spec, fact) === 'mixed' && tiersOf(world, spec, fact).includes(to) && !wentElsewhere;
}

function cooling(
  { lastMigration }: WorldVolume['wishes'],
  intent: IntentState | undefined,
  { cooldownMs }: PolicySpec,
  now: number,
): Why | undefined {
  if (lastMigration.kind === 'unreadable') return { reason: 'CoolingDown' };
  const ends = [
    ...(lastMigration.kind === 'at' ? [lastMigration.atMs] : []),
    ...(intent?.lastCompletedAtMs === undefined ? [] : [intent.lastCompletedAtMs]),
    ...(intent?.state === 'ended' && intent.outcome === 'completed' ? [intent.endedAtMs] : []),
  ];
  if (ends.length === 0) return undefined;
  // Doubled for each move in a row that undid the one before it, 64-fold at most.
  const until = Math.max(...ends) + cooldownMs * Math.min(64, 2 ** (intent?.regretsInRow ?? 0));
  return when(now < until, 'CoolingDown', until);
}

function backingOff(intent: IntentState | undefined, now: number): Why | undefined {
  if (intent?.state !== 'ended' || intent.outcome === 'completed') return undefined;
  let pause = 5 * MINUTE;
  for (let failure = 1; failure < intent.failuresInRow; failure += 1) pause = Math.min(2 * pause, 24 * HOUR);
  const until = intent.retryAtMs ?? intent.endedAtMs + pause;
  return when(now < until, 'BackingOff', until);
}

const ofSight = ['VolumeNotFound', 'VolumeChanged', 'VolumeDegraded', 'NotPublished', 'HasSnapshots', 'Held'];

function refused(world: World, { fact, observedAtMs }: WorldVolume, now: number): Why | undefined {
  const refusal = world.refusals.get(fact.volumeId);
  if (refusal === undefined || observedAtMs > refusal.atMs) return undefined;
  if (['NoSlot', 'Paused'].includes(refusal.reason)) return undefined;
  const isSeenByBoth = ofSight.includes(refusal.reason);
  let pause = isSeenByBoth ? MINUTE : 5 * MINUTE;
  for (let time = 1; time < refusal.inRow; time += 1) pause = Math.min(2 * pause, HOUR);
  if (refusal.reason === 'ClockSkew') pause = MINUTE;
  return when(now < refusal.atMs + pause, 'BackingOff', refusal.atMs + pause);
}

// ---------------------------------------------------------------- places of the hot tier

/** Where the hot tier has places for a share of the volumes, its watermarks follow from who could have them. */
function rankedPolicy(world: World, policy: WorldPolicy, now: number): WorldPolicy {
  if (policy.kind === 'invalid' || policy.spec.scoring.hotSharePercent === undefined) return policy;
  const { places, owners } = hotPlaces(world, policy);
  const free = world.volumes.flatMap((volume) => {
    const { fact, wishes } = volume;
    if (policyOf(world, fact) !== policy || world.intents.get(fact.volumeId)?.state === 'active') return [];
    const load = loadOf(volume, policy);
    const isHot = tiersOf(world, policy.spec, fact).includes('hot');
    const isKept =
      wishes.pin.kind !== 'none' || keeps(world, volume, policy, isHot ? 'cold' : 'hot', now) !== undefined;
    return load === undefined || isKept ? [] : [{ volume, isHot, up: load.iops, down: lastingLoad(load, policy.spec) }];
  });
  const fixed = owners.filter((owner) => !free.some(({ volume }) => volume === owner)).length;
  const watermarks = referenceWatermarks(free, places - fixed, policy.spec.lowWatermarkIops);
  return { ...policy, spec: { ...policy.spec, ...watermarks } };
}

/** A volume owns a place as long as it has a replica there, and from the start of its move to the start of the one back. */
function hotPlaces(
  world: World,
  policy: ValidPolicy,
): { readonly places: number; readonly owners: readonly WorldVolume[] } {
  const own = world.volumes.filter(({ fact }) => policyOf(world, fact) === policy);
  const owners = own.filter(({ fact }) => {
    const intent = world.intents.get(fact.volumeId);
    return intent?.state === 'active' ? intent.toTier === 'hot' : tiersOf(world, policy.spec, fact).includes('hot');
  });
  const share = policy.spec.scoring.hotSharePercent ?? 100;
  return { places: Math.max(1, Math.floor((own.length * share) / 100)), owners };
}

/** Those for whom there is no place yet: places go to requests under way, then to the highest scores. */
function withoutPlace(
  world: World,
  policy: ValidPolicy,
  own: readonly Wanting[],
  waiting: ReadonlySet<string>,
): readonly Wanting[] {
  if (policy.spec.scoring.hotSharePercent === undefined) return [];
  const { places, owners } = hotPlaces(world, policy);
  const isBefore = (a: Wanting, b: Wanting): boolean => {
    const [isA, isB] = [a, b].map(({ volume }) => waiting.has(volume.fact.volumeId));
    if (isA !== isB) return isA === true;
    const [x = 0, y = 0] = [a, b].map(({ volume }) => loadOf(volume, policy)?.iops);
    return x === y ? a.volume.fact.volumeId < b.volume.fact.volumeId : x > y;
  };
  const coming = own.filter(({ reason, volume }) => reason === 'AboveHighWatermark' && !owners.includes(volume));
  const free = Math.max(0, places - owners.length);
  return coming.filter((one) => coming.filter((other) => isBefore(other, one)).length >= free);
}

// ---------------------------------------------------------------- pools

/** A move to a pool that is under way, or that was promised in this very pass. */
interface Promise_ {
  readonly pool: string;
  readonly volume: Pick<VolumeObserved, 'sizeBytes' | 'thin' | 'allocatedBytes'>;
}

function underWay(world: World, promised: readonly Promise_[]): readonly Promise_[] {
  const moving = [...world.intents].filter((entry): entry is [string, ActiveMove] => entry[1].state === 'active');
  return [
    ...moving.map(([volumeId, { targetPool, sizeBytes }]) => ({
      pool: targetPool,
      volume: world.volumes.find(({ fact }) => fact.volumeId === volumeId)?.fact ?? { sizeBytes, thin: false },
    })),
    ...promised,
  ];
}

/** What a copy takes: all of a thick volume, what is allocated of a thin one, and Mayastor's 8 MiB. */
function copyOf({ sizeBytes, thin, allocatedBytes = sizeBytes }: Promise_['volume']): number {
  return 8 * MIB + (thin ? Math.min(sizeBytes, allocatedBytes) : sizeBytes);
}

type Fit = 'fits' | 'topology' | 'no';

/** Whether Mayastor would put a replica on the pool, and we want it there, with that on its way; `taken` nodes aside. */
function fits(
  world: World,
  volume: VolumeObserved,
  spec: PolicySpec,
  pool: PoolObserved,
  taken: readonly (string | undefined)[],
  promised: readonly Promise_[],
): Fit {
  const node = nodeNamed(world, pool.node);
  if (node === undefined) return 'no';
  const { allowedNodes = [], nodeInclusion = {}, nodeExclusion = {}, poolInclusion = {} } = volume.topology ?? {};
  const has = (labels: Readonly<Record<string, string>>, [key, value]: [string, string]): boolean =>
    Object.hasOwn(labels, key) && (value === '' || labels[key] === value);
  if (allowedNodes.length > 0 && !allowedNodes.includes(pool.node)) return 'topology';
  if (!Object.entries(nodeInclusion).every((wanted) => has(node.labels, wanted))) return 'topology';
  if (Object.entries(nodeExclusion).some((unwanted) => unwanted[1] !== '' && has(node.labels, unwanted)))
    return 'topology';
  if (!Object.entries(poolInclusion).every((wanted) => has(pool.mayastorLabels, wanted))) return 'topology';

  const coming = underWay(world, promised).filter((one) => one.pool === pool.name);
  const comingBytes = coming.reduce((sum, one) => sum + copyOf(one.volume), 0);
  const comingSizes = coming.reduce((sum, one) => sum + one.volume.sizeBytes, 0);
  const free = pool.capacityBytes - pool.usedBytes - comingBytes;
  const reserved = volume.sizeBytes + 8 * MIB;
  const thinNeeds =
    volume.allocatedBytes === undefined
      ? volume.sizeBytes
      : Math.min(volume.sizeBytes, volume.allocatedBytes + 0.4 * volume.sizeBytes);
  const sameGroup = world.volumes.filter(
    ({ fact }) =>
      volume.affinityGroup !== undefined &&
      volume.replicaCount === 1 &&
      fact.volumeId !== volume.volumeId &&
      fact.affinityGroup === volume.affinityGroup &&
      fact.replicaCount === 1,
  );
  const isFit =
    !(volume.encrypted === true && pool.encrypted !== true) &&
    !(pool.capacityBytes > 0 && pool.capacityBytes <= volume.sizeBytes) &&
    node.status === 'Online' &&
    !node.draining &&
    node.cordonLabels.length === 0 &&
    !taken.includes(pool.node) &&
    pool.status === 'Online' &&
    pool.capacityBytes > 0 &&
    !pool.cordoned &&
    (volume.thin
      ? pool.committedBytes + comingSizes + reserved <= 2.5 * pool.capacityBytes && free > Math.max(16 * MIB, thinNeeds)
      : free > reserved) &&
    !sameGroup.some(({ fact }) => fact.replicas.some((replica) => replica.node === pool.node)) &&
    pool.usedBytes + comingBytes + copyOf(volume) <= (pool.capacityBytes * spec.maxPoolUsedPercent) / 100;
  return isFit ? 'fits' : 'no';
}

interface Options {
  readonly tierPools: readonly PoolObserved[];
  /** Pools that can take a replica as things are. */
  readonly now: readonly PoolObserved[];
  /** Whether, with the places that come free, there is one for each replica that is to go. */
  readonly enough: boolean;
  readonly detour: 'spare node' | 'one replica less' | undefined;
  /** Pools that can take one once the replica on their node has gone. */
  readonly later: readonly PoolObserved[];
  readonly topologyAlone: boolean;
}

function optionsFor(
  world: World,
  volume: VolumeObserved,
  spec: PolicySpec,
  to: Tier,
  promised: readonly Promise_[],
): Options {
  const leaving = volume.replicas.filter(({ pool }) => {
    const known = poolNamed(world, pool);
    return known === undefined || tierOf(spec, known) !== to;
  });
  const staying = volume.replicas.filter((replica) => !leaving.includes(replica)).map(({ node }) => node);
  const everywhere = volume.replicas.map(({ node }) => node);
  const tierPools = world.pools.filter((pool) => tierOf(spec, pool) === to);
  const fit = (pool: PoolObserved, taken: readonly (string | undefined)[]): Fit =>
    fits(world, volume, spec, pool, taken, promised);
  const able = tierPools.filter((pool) => fit(pool, staying) === 'fits');
  const zoneOf = (node: string | undefined): string | undefined =>
    world.nodes.find(({ name }) => name === node)?.labels['topology.kubernetes.io/zone'];
  const spreadOver = (nodes: readonly (string | undefined)[]): number =>
    new Set(nodes.map(zoneOf).filter((zone) => zone !== undefined)).size;
  const spread = spreadOver(everywhere);
  /** In the place of one that leaves, with all others where they are. */
  const keepsSpread = ({ node }: PoolObserved): boolean =>
    leaving.some(
      (replica) =>
        replica.node !== undefined &&
        spreadOver([...volume.replicas.filter((other) => other !== replica).map((other) => other.node), node]) >=
          spread,
    ) || spread < 2;
  const now = able.filter((pool) => !everywhere.includes(pool.node) && keepsSpread(pool));
  // As far apart as they can come to lie: each that leaves takes one zone that none of the staying is in.
  const newZones = new Set(able.map(({ node }) => zoneOf(node)).filter((zone) => zone !== undefined));
  for (const node of staying) newZones.delete(zoneOf(node) ?? '');
  const spreadAtBest = spreadOver(staying) + Math.min(leaving.length, newZones.size);
  const places = new Set(able.map(({ node }) => node));
  const leavesPlaces = now.length === 0 && leaving.every(({ node }) => node !== undefined && places.has(node));
  const spare = world.pools.some((pool) => fit(pool, everywhere) === 'fits' && keepsSpread(pool));
  const mayShrink = spec.moves.allowReducedRedundancy && volume.replicaCount > 2;
  return {
    tierPools,
    now,
    later: able.filter((pool) => !now.includes(pool)),
    enough: now.length > 0 && places.size >= leaving.length && spreadAtBest >= spread,
    detour: !leavesPlaces ? undefined : spare ? 'spare node' : mayShrink ? 'one replica less' : undefined,
    topologyAlone: tierPools.every((pool) => fit(pool, staying) === 'topology'),
  };
}

function noPool(
  world: World,
  volume: VolumeObserved,
  spec: PolicySpec,
  to: Tier,
  promised: readonly Promise_[],
): Why | undefined {
  const { tierPools, enough, detour, topologyAlone } = optionsFor(world, volume, spec, to, promised);
  if (tierPools.length === 0) return { reason: 'TargetPoolMissing' };
  if (topologyAlone) return { reason: 'TopologyExcludesTier' };
  return when(!enough && detour === undefined, 'NoEligiblePool');
}

// ---------------------------------------------------------------- who may start

interface Start {
  readonly targetPools: readonly string[];
}

function share(
  world: World,
  policy: ValidPolicy,
  own: readonly Wanting[],
  promised: Promise_[],
  now: number,
): readonly (readonly [Wanting, Why | Start])[] {
  const { spec } = policy;
  const { limits } = spec;
  const watched = world.volumes.filter(({ fact }) => policyOf(world, fact) === policy);
  const begun = [...world.outstanding].filter(([volumeId, request]) => {
    const intent = world.intents.get(volumeId);
    const takenUp =
      intent?.migrationId === request.migrationId || intent?.seenIds.includes(request.migrationId) === true;
    const refusal = world.refusals.get(volumeId);
    const turnedDown = refusal?.migrationId === request.migrationId && refusal.atMs >= request.sentAtMs;
    return now <= request.notAfterMs && !takenUp && !turnedDown;
  });
  const waiting = new Set(begun.map(([volumeId]) => volumeId));
  const late = withoutPlace(world, policy, own, waiting);
  const stop = stopOf(world, policy, watched);
  const whyNot = (one: Wanting): Why | undefined =>
    stop ?? when(late.includes(one), 'AwaitingSlot') ?? mayNotStart(world, policy, one, now);
  const stopped = own.flatMap((one): (readonly [Wanting, Why])[] => {
    const why = whyNot(one);
    return why === undefined ? [] : [[one, why]];
  });
  const ready = own.filter((one) => !stopped.some(([other]) => other === one));
  const elsewhere = begun.filter(
    ([volumeId, request]) =>
      request.policyId === policy.policyId && !ready.some(({ volume }) => volume.fact.volumeId === volumeId),
  ).length;

  const records = [...world.intents.values()].filter((intent) => intent.policyId === policy.policyId);
  const inMotion = records.filter((intent) => intent.state === 'active' && intent.attention === undefined).length;
  const everywhere = [...world.intents.values()].filter(
    (intent) => intent.state === 'active' && intent.attention === undefined,
  ).length;
  const fleetRoom = (world.movers.map((mover) => mover.fleetLimit).sort((a, b) => b - a)[0] ?? Infinity) - everywhere;
  const starts = new Map([...world.recentStarts, ...world.intents.values()].map((start) => [start.migrationId, start]));
  const lately = [...starts.values()]
    .filter((start) => start.policyId === policy.policyId && start.startedAtMs > now - HOUR)
    .sort((a, b) => a.startedAtMs - b.startedAtMs);
  const failures = failedInRow(records);
  const pausedUntil = failures.lastMs + HOUR;
  const tooMany = failures.count >= limits.maxConsecutiveFailures;
  const leaving = lately[lately.length - limits.maxMovesPerHour];
  const room: readonly (readonly [number, Why])[] = [
    [
      Math.max(0, Math.min(spec.maxConcurrentMigrations - inMotion, fleetRoom)) + 2 - elsewhere,
      { reason: 'AwaitingSlot' },
    ],
    [
      Math.max(1, Math.floor((watched.length * limits.maxVolumesInMotionPercent) / 100)) - inMotion - elsewhere,
      { reason: 'BrakeFleet' },
    ],
    [
      limits.maxMovesPerHour - lately.length - elsewhere,
      { reason: 'BrakeFleet', until: leaving === undefined ? undefined : leaving.startedAtMs + HOUR },
    ],
    !tooMany
      ? [Infinity, { reason: 'BrakeFleet' }]
      : now < pausedUntil
        ? [0, { reason: 'BrakeFleet', until: pausedUntil }]
        : [1 - inMotion - elsewhere, { reason: 'BrakeFleet' }],
  ];
  const [places, full] = room.reduce((least, next) => (next[0] < least[0] ? next : least));

  const ranks = new Map(ready.map((one) => [one, rank(world, one)]));
  const inLine = [...ready].sort(
    (a, b) =>
      Number(waiting.has(b.volume.fact.volumeId)) - Number(waiting.has(a.volume.fact.volumeId)) ||
      (ranks.get(b) ?? 0) - (ranks.get(a) ?? 0) ||
      compare(a.volume.fact.volumeId, b.volume.fact.volumeId),
  );
  let taken = 0;
  const served = inLine.map((one): readonly [Wanting, Why | Start] => {
    if (taken >= places) return [one, full];
    const { fact } = one.volume;
    const options = optionsFor(world, fact, spec, one.to, promised);
    const isWaiting = waiting.has(fact.volumeId);
    const isFree = (pool: PoolObserved): boolean => {
      const all = underWay(world, promised);
      const onNode = all.filter((coming) => poolNamed(world, coming.pool)?.node === pool.node);
      const onPool = all.filter((coming) => coming.pool === pool.name);
      return onPool.length < limits.perPool && onNode.length < limits.perNode && !repaired(world).has(pool.node);
    };
    const why = first([
      () => noPool(world, fact, spec, one.to, promised),
      () => when(options.now.length > 0 && !options.now.some(isFree), 'BrakePool'),
    ]);
    if (why !== undefined) {
      if (isWaiting) taken += 1;
      return [one, why];
    }
    taken += 1;
    const all = underWay(world, promised);
    const load = (pool: PoolObserved): readonly number[] => {
      const coming = all.filter((other) => other.pool === pool.name);
      const bytes = coming.reduce((sum, other) => sum + copyOf(other.volume), 0);
      return [
        coming.length,
        all.filter((other) => poolNamed(world, other.pool)?.node === pool.node).length,
        (pool.usedBytes + bytes) / Math.max(1, pool.capacityBytes),
      ];
    };
    const bestFirst = (pools: readonly PoolObserved[]): readonly string[] =>
      [...pools]
        .sort((a, b) => {
          const [x, y] = [load(a), load(b)];
          return (
            (x[0] ?? 0) - (y[0] ?? 0) ||
            (x[1] ?? 0) - (y[1] ?? 0) ||
            (x[2] ?? 0) - (y[2] ?? 0) ||
            compare(a.name, b.name)
          );
        })
        .map(({ name }) => name);
    // First those that are free, then those that others move to now, then those that come free on the way.
    const targetPools = [
      ...bestFirst(options.now.filter(isFree)),
      ...bestFirst(options.now.filter((pool) => !isFree(pool))),
      ...bestFirst(options.later),
    ];
    const [best] = targetPools;
    if (best !== undefined) promised.push({ pool: best, volume: fact });
    return [one, { targetPools }];
  });
  return [...stopped, ...served];
}

function stopOf(world: World, { spec, scores }: ValidPolicy, watched: readonly WorldVolume[]): Why | undefined {
  const methods = world.movers.map(({ method }) => method);
  const published = watched.filter(({ fact }) => fact.targetNode !== undefined);
  const unknown = published.filter(({ fact }) => {
    const score = scores.scores.get(fact.volumeId);
    return score === undefined || score.kind === 'unknown' || score.coverage < spec.metrics.minCoverage;
  });
  return first([
    () =>
      when(
        methods.includes('none') && !methods.includes('poolCordon') && !methods.includes('nodeCordon'),
        'UnsupportedMayastor',
      ),
    () => when(world.cluster === undefined || world.cluster.paused, 'Paused'),
    () => when((world.cluster?.mayastorVersions.length ?? 0) > 1, 'ClusterUpgrading'),
    () => when(scores.metrics.reason === 'ClockSkew', 'BrakeFleet'),
    () => when(unknown.length * 100 > spec.metrics.maxUnknownPercent * published.length, 'TooManyUnknown'),
  ]);
}

function mayNotStart(world: World, { spec, window }: ValidPolicy, one: Wanting, now: number): Why | undefined {
  const lasts = Math.ceil(bytesToCopy(world, one) / world.rebuildBytesPerSecond) * 1_000;
  return first([
    () => (window.kind === 'closed' ? { reason: 'WindowClosed', until: window.opensAtMs } : undefined),
    () =>
      when(
        window.kind === 'open' && window.closesAtMs !== undefined && now + lasts > window.closesAtMs,
        'WindowClosed',
      ),
    () => when(spec.dryRun, 'DryRun'),
    // Nobody in these worlds approves what was proposed.
    () => when(spec.approval.mode === 'Manual', 'AwaitingApproval'),
    () => when(now < world.graceUntilMs, 'StartupGrace', world.graceUntilMs),
  ]);
}

function bytesToCopy(world: World, { volume, policy, to }: Wanting): number {
  const { fact } = volume;
  const moving = tiersOf(world, policy.spec, fact).filter((tier) => tier !== to).length;
  const { now, detour } = optionsFor(world, fact, policy.spec, to, []);
  const copies = now.length === 0 && detour === 'spare node' ? moving + 1 : moving;
  return copies * copyOf(fact);
}

function rank(world: World, one: Wanting): number {
  const { volume, policy, tierNow, reason } = one;
  const { highWatermarkIops: high, lowWatermarkIops: low, warmWatermarkIops: warm = high } = policy.spec;
  const score = policy.scores.scores.get(volume.fact.volumeId);
  const cost = 1 + bytesToCopy(world, one) / GIB;
  const benefit = (crossed: number, iops: number): number => 1 + Math.abs(Math.log2((iops + 1) / (crossed + 1)));
  const [up, down] = score?.kind === 'value' ? [score.iops, score.demoteIops ?? score.iops] : [0, 0];
  if (reason === 'Pinned') return 100 / cost;
  if (reason === 'FinishMixed') return 4 / cost;
  if (reason === 'AboveHighWatermark') return (2 * benefit(high, up)) / cost;
  if (reason === 'BelowLowWatermark') return benefit(low, down) / cost;
  return tierNow === 'hot' ? benefit(high, up) / cost : (2 * benefit(warm, up)) / cost;
}

/** A volume counts once; one that is tried again counts until the try has ended. */
function failedInRow(records: readonly IntentState[]): { readonly count: number; readonly lastMs: number } {
  const telling = records.filter((record) => record.state === 'ended' || record.failuresInRow > 0);
  const at = (record: EndedMove | ActiveMove): number =>
    record.state === 'ended' ? record.endedAtMs : record.startedAtMs;
  const newestFirst = [...telling].sort((a, b) => at(b) - at(a) || compare(a.migrationId, b.migrationId));
  const end = newestFirst.findIndex((record) => record.state === 'ended' && record.outcome === 'completed');
  const since = (end < 0 ? newestFirst : newestFirst.slice(0, end)).filter(
    (record) => record.state === 'active' || record.outcome === 'failed',
  );
  const ended = since.filter((record) => record.state === 'ended');
  return { count: since.length, lastMs: Math.max(-Infinity, ...ended.map(at)) };
}
