import { scoreForPlaces, watermarksByRank, type Standing } from '@couchestor/shared/scoring';
import { holdAgainst, targetQuestion, type Candidate, type Surroundings } from './assess-volume.ts';
import { whereItIs, type TierPools } from './cluster.ts';
import type { Hold } from './decision.ts';
import { scoreOf } from './score-table.ts';
import type { Steps } from './steps.ts';
import type { IntentState, ValidPolicy, WorldVolume } from './world.ts';

/** As many volumes as are looked at in one step. */
const STEP = 64;

/** How many volumes of a policy with `scoring.hotSharePercent` the hot tier has places for, and who has them. */
export interface HotPlaces {
  /** The policy with watermarks that follow the fleet. */
  readonly policy: ValidPolicy;
  readonly places: number;
  /** Volumes that are on the hot tier, wholly or in part, or on their way to it. */
  readonly taken: ReadonlySet<string>;
}

/**
 * Gives the places of the hot tier to the volumes with the highest scores. Who cannot move now, for whatever reason of
 * its own, keeps the place that it has, and keeps none free.
 */
export function* sharingHotPlaces(
  policy: ValidPolicy,
  hotSharePercent: number,
  volumes: readonly WorldVolume[],
  tierPools: TierPools,
  intents: ReadonlyMap<string, IntentState>,
  around: Surroundings,
): Steps<HotPlaces> {
  const taken = new Set<string>();
  const standings: Standing[] = [];
  let looked = 0;
  for (const volume of volumes) {
    if (looked++ % STEP === 0) yield;
    const { volumeId } = volume.fact;
    const intent = intents.get(volumeId);
    const standing = standingOf(volume, policy, tierPools, intent, around);
    const onHot = standing?.onHot ?? staysOnHot(volume, tierPools, intent);
    if (onHot) taken.add(volumeId);
    if (standing !== undefined) standings.push(standing);
  }
  const places = Math.max(1, Math.floor((volumes.length * hotSharePercent) / 100));
  const fixed = taken.size - standings.filter(({ onHot }) => onHot).length;
  const watermarks = watermarksByRank({
    standings,
    places: places - fixed,
    floorIops: policy.spec.lowWatermarkIops,
  });
  return { policy: { ...policy, spec: { ...policy.spec, ...watermarks } }, places, taken };
}

/**
 * Why a volume has to wait for its place: whoever leaves goes first. Those whose request is under way are counted first,
 * since they may come whatever is decided now.
 */
export function placeHolds(
  { places, taken }: HotPlaces,
  candidates: readonly Candidate[],
  isRequested: (volumeId: string) => boolean,
): ReadonlyMap<string, Hold> {
  const coming = candidates.filter(
    ({ to, reason, volume }) => to === 'hot' && reason === 'AboveHighWatermark' && !taken.has(volume.volumeId),
  );
  const inOrder = coming.toSorted(
    (a, b) =>
      Number(isRequested(b.volume.volumeId)) - Number(isRequested(a.volume.volumeId)) ||
      iopsOf(b) - iopsOf(a) ||
      (a.volume.volumeId < b.volume.volumeId ? -1 : 1),
  );
  const message = `The hot tier has ${places} places by scoring.hotSharePercent, and ${taken.size} are taken; another leaves first.`;
  return new Map(
    inOrder
      .slice(Math.max(0, places - taken.size))
      .map(({ volume }) => [volume.volumeId, { reason: 'AwaitingSlot', message }]),
  );
}

function iopsOf({ decision: { score } }: Candidate): number {
  return score.kind === 'value' ? score.iops : 0;
}

/** Undefined for a volume that is not to be ranked. */
function standingOf(
  volume: WorldVolume,
  policy: ValidPolicy,
  tierPools: TierPools,
  intent: IntentState | undefined,
  around: Surroundings,
): Standing | undefined {
  const { fact, wishes } = volume;
  if (intent?.state === 'active' || wishes.pin.kind !== 'none') return undefined;
  const published = fact.targetNode !== undefined;
  const score = scoreOf(policy.scores, fact.volumeId, published, policy.spec.metrics.minCoverage);
  if (score.kind === 'unknown') return undefined;
  const place = whereItIs(fact, tierPools);
  const onHot = place.replicaTiers.includes('hot');
  const target = targetQuestion(fact, policy, tierPools, onHot ? 'cold' : 'hot', around);
  if (holdAgainst(volume, policy, place, target, intent, around) !== undefined) return undefined;
  const { iops, demoteIops = iops } = scoreForPlaces(score);
  return { onHot, iops, demoteIops };
}

/** A volume on its way out has given its place away, one on its way in has taken it. */
function staysOnHot({ fact }: WorldVolume, tierPools: TierPools, intent: IntentState | undefined): boolean {
  if (intent?.state === 'active') return intent.toTier === 'hot';
  return whereItIs(fact, tierPools).replicaTiers.includes('hot');
}
