import type { ActiveIntent } from '@couchestor/shared/messages';
import { parseDurationMs } from '@couchestor/shared/units';
import type { SimulatedProcess } from '../world/process.ts';
import { HIGH_IOPS, LOW_IOPS, WINDOW_OPEN_MINUTES, type PolicySpecText } from '../world/profile.ts';
import { DRAIN, type World } from '../world/world.ts';
import { CLOCK_TOLERANCE_MS, NEWS_MS, NOTICE_MS } from './knowable.ts';

/**
 * What must hold of a move in the moment in which it is asked for, and in that in which it is taken up. The scorer and
 * the migrator each look at most of it, and each of them alone has to be right.
 */
export type Start = Pick<
  ActiveIntent,
  'migrationId' | 'volumeId' | 'policyId' | 'policyGeneration' | 'fromTier' | 'toTier' | 'replicaCount'
> & { readonly rollback?: ActiveIntent['rollback'] };

const HOUR_MS = 3_600_000;
/** Records are dated to the second. */
const JUDGED_MS = 1_500;

export const isAstray = (wallAheadMs: number): boolean => Math.abs(wallAheadMs) > CLOCK_TOLERANCE_MS / 2;
/** Of two clocks that are both wrong nobody can tell. */
export const nobodyIsRight = ({ wallOffsetMs }: SimulatedProcess, { heartbeatAheadMs }: World['truth']): boolean =>
  isAstray(wallOffsetMs) && isAstray(heartbeatAheadMs);

/**
 * What a call did that came too late is undone at once: such a volume is not as it should be, and no limit holds for it.
 * Nothing else may pass for such.
 */
export const isRepair = (
  { rollback, volumeId }: Pick<Start, 'rollback' | 'volumeId'>,
  truth: World['truth'],
): boolean => rollback?.reason === 'LateCall' && wasCalledLate(volumeId, truth.latePaths.keys());

export const wasCalledLate = (volumeId: string, latePaths: Iterable<string>): boolean =>
  [...latePaths].some((path) => path.startsWith(`/volumes/${volumeId}/replica_count/`));

export function specOf(
  { policyId, policyGeneration }: Pick<Start, 'policyId' | 'policyGeneration'>,
  truth: World['truth'],
): PolicySpecText {
  const versions = truth.policyVersions.get(policyId) ?? [];
  const version = versions.find(({ generation }) => generation === policyGeneration);
  if (version === undefined) throw new Error(`${policyId} never had generation ${policyGeneration}`);
  return version.spec;
}

/** I5 */
export function startsWithoutScore(start: Start, world: World): string | undefined {
  const { prometheus, clock, profile, kubernetes, truth } = world;
  if (start.fromTier === 'mixed' || start.fromTier === 'none') return undefined;
  if (isRepair(start, truth) || truth.outOfTurn.has(start.migrationId)) return undefined;
  if (kubernetes.persistentVolumes.get(start.volumeId)?.view.pinTier !== undefined) return undefined;
  // A score holds for two cycles, a request for two more; both may be longer after slow answers.
  const sinceMs = clock.monotonicMs() - 4 * Math.max(profile.cycleMs, 60_000) - CLOCK_TOLERANCE_MS;
  const supports = ({ iops }: { readonly iops: number }): boolean =>
    start.toTier === 'hot' ? iops >= HIGH_IOPS : iops <= LOW_IOPS;
  const answers = prometheus.answersOf(start.volumeId);
  if (answers.some((answer) => answer.atMs >= sinceMs && supports(answer))) return undefined;
  return `${start.volumeId} moves to ${start.toTier} without a score that says so`;
}

/** I5: of too many volumes of the policy Prometheus has said nothing for long. */
export function startsAmongUnknown({ policyId, policyGeneration }: Start, world: World): string | undefined {
  const { truth, clock, model, kubernetes, profile } = world;
  if (truth.unseen === undefined || clock.monotonicMs() - truth.unseen.sinceMs < NEWS_MS + 4 * profile.cycleMs)
    return undefined;
  const { volumeSelector, metrics } = specOf({ policyId, policyGeneration }, truth);
  const published = [...kubernetes.persistentVolumes].flatMap(([id, { view }]) =>
    Object.entries(volumeSelector.matchLabels).every(([key, value]) => view.labels[key] === value) &&
    model.volume(id)?.target !== undefined
      ? [id]
      : [],
  );
  const unseen = published.filter((id) => truth.unseen?.volumes.has(id) === true).length;
  // One more or less may have been published meanwhile.
  return (unseen - 1) * 100 > metrics.maxUnknownPercent * published.length
    ? `a move of ${policyId} is asked for while ${unseen} of its ${published.length} volumes have no score`
    : undefined;
}

/** I5: what a request says is old. */
export function startsTooLate({ migrationId, volumeId }: Start, { truth, clock }: World): string | undefined {
  const lateMs = clock.nowMs() - (truth.notAfterMs.get(migrationId) ?? Number.POSITIVE_INFINITY);
  return lateMs > CLOCK_TOLERANCE_MS + NOTICE_MS
    ? `${volumeId} moves by a request that ran out ${lateMs} ms ago`
    : undefined;
}

/** I8: by a clock that differs from that of the watcher, and has done so for a while. */
export function startsByWrongClock(
  start: Start,
  { truth, clock }: World,
  writer: SimulatedProcess,
): string | undefined {
  const apartMs = Math.abs(writer.wallOffsetMs - truth.heartbeatAheadMs);
  const isNew = clock.monotonicMs() - Math.max(writer.jumpedAtMs, truth.heartbeatJumpedAtMs) < CLOCK_TOLERANCE_MS;
  return apartMs > 1.2 * CLOCK_TOLERANCE_MS && !isNew && !isRepair(start, truth)
    ? `${start.volumeId} starts by a clock that is ${apartMs} ms from that of the watcher`
    : undefined;
}

/** I11: the volume has long been where the move would bring it. */
export function startsForNothing(
  { volumeId, toTier, migrationId }: Start,
  { model, truth, clock }: World,
): string | undefined {
  const volume = model.volume(volumeId);
  if (volume === undefined || truth.outOfTurn.has(migrationId)) return undefined;
  const changedAtMs = model.ledger.changes().findLast(({ volume: id }) => id === volumeId)?.atMs ?? 0;
  const sinceMs = clock.monotonicMs() - Math.max(changedAtMs, truth.relabelledAtMs.get(toTier) ?? 0);
  return sinceMs > NEWS_MS && volume.replicas.every(({ pool }) => pool.startsWith(toTier))
    ? `${volumeId} is to move to ${toTier}, where it has been for ${sinceMs} ms`
    : undefined;
}

/** I10: Mayastor showed other replicas already when the request was judged, after which it is asked. */
export function startsFromElsewhere(
  start: Start & Pick<ActiveIntent, 'replicas' | 'startedAt'>,
  { model, truth, clock }: World,
  { wallOffsetMs }: SimulatedProcess,
): string | undefined {
  const { volumeId, replicas, startedAt } = start;
  const volume = model.volume(volumeId);
  if (volume === undefined || replicas === undefined || isRepair(start, truth)) return undefined;
  const present = new Set(volume.replicas.map(({ uuid }) => uuid));
  if (replicas.every(({ replicaId }) => present.has(replicaId))) return undefined;
  const changedAtMs = model.ledger.changes().findLast(({ volume: id }) => id === volumeId)?.atMs ?? 0;
  const judgedAtMs = Date.parse(startedAt) - wallOffsetMs - (clock.nowMs() - clock.monotonicMs());
  return changedAtMs < judgedAtMs - JUDGED_MS
    ? `${volumeId} starts from replicas that were gone ${judgedAtMs - changedAtMs} ms before`
    : undefined;
}

/** I6: moves of the policy fail one after the other. `newsMs`: so long it may not be known. */
export function startsAmongFailures(start: Start, { truth, clock, model }: World): string | undefined {
  const row = truth.failedInRow.get(start.policyId);
  const nowMs = clock.monotonicMs();
  if (row === undefined || truth.outOfTurn.has(start.migrationId)) return undefined;
  const isNew = nowMs - row.lastAtMs < NEWS_MS || row.lastAtMs - row.completedAtMs < NEWS_MS;
  if (isNew || nowMs - row.lastAtMs > HOUR_MS - NEWS_MS) return undefined;
  const most = Math.max(
    ...(truth.policyVersions.get(start.policyId) ?? []).map(({ spec }) => spec.limits.maxConsecutiveFailures),
  );
  // A record lives as long as its volume.
  const failed = [...row.volumes].filter((id) => model.volume(id) !== undefined).length;
  return failed < most
    ? undefined
    : `a move of ${start.policyId} is asked for after those of ${failed} volumes failed in a row`;
}

/** I6: the moves of a policy within an hour. */
export function startsTooMany({ policyId }: Start, { truth, clock }: World): string | undefined {
  const sinceMs = clock.monotonicMs() - HOUR_MS + CLOCK_TOLERANCE_MS;
  // Scorers count them; who asks out of turn does not.
  const lately = [...truth.accepted].filter(
    ([id, start]) => start.policyId === policyId && start.atMs > sinceMs && !truth.outOfTurn.has(id),
  );
  const versions = truth.policyVersions.get(policyId) ?? [];
  const most = Math.max(...versions.map(({ spec }) => spec.limits.maxMovesPerHour));
  return lately.length <= most
    ? undefined
    : `${lately.length} moves of ${policyId} within an hour, at most ${most} may begin`;
}

/** I6: volumes of a policy in motion at a time, one at least. */
export function movesTooMany(
  { policyId }: Pick<Start, 'policyId'>,
  { bus, truth, kubernetes }: World,
): string | undefined {
  const moving = [...bus.intents.values()].filter(
    ({ intent }) =>
      intent.policyId === policyId &&
      intent.state === 'active' &&
      !truth.outOfTurn.has(intent.migrationId) &&
      !isRepair(intent, truth),
  ).length;
  const specs = (truth.policyVersions.get(policyId) ?? []).map(({ spec }) => spec);
  const percent = Math.max(...specs.map(({ limits }) => limits.maxVolumesInMotionPercent));
  const watched = kubernetes.persistentVolumes.size;
  const most = Math.max(1, Math.floor((watched * percent) / 100));
  return moving <= most
    ? undefined
    : `${moving} volumes of ${policyId} are in motion, at most ${most} of ${watched} may be`;
}

/** I7. `newsMs`: so long it may not be known that a move has ended. */
export function startsTooSoon(start: Start, { truth, clock }: World, newsMs: number): string | undefined {
  if (isRepair(start, truth)) return undefined;
  const { volumeId } = start;
  const nowMs = clock.monotonicMs();
  const failure = truth.failures.get(volumeId);
  if (failure !== undefined && nowMs - failure.atMs > newsMs && nowMs < failure.untilMs - CLOCK_TOLERANCE_MS) {
    return `${volumeId} moves again ${nowMs - failure.atMs} ms after it failed ${failure.inRow} times in a row`;
  }
  const completedAtMs = truth.completedAtMs.get(volumeId);
  if (completedAtMs === undefined || start.fromTier === 'mixed') return undefined;
  // Who asks knows of moves that were undone; who takes up a request goes by the policy alone.
  const regrets = newsMs > 0 ? (truth.lastMoves.get(volumeId)?.regrets ?? 0) : 0;
  const cooldownMs = (parseDurationMs(specOf(start, truth).cooldownPeriod) ?? 0) * 2 ** regrets;
  const sinceMs = nowMs - completedAtMs;
  return sinceMs < newsMs || sinceMs >= cooldownMs - CLOCK_TOLERANCE_MS
    ? undefined
    : `${volumeId} moves again after ${sinceMs} ms, the cooldown is ${cooldownMs} ms`;
}

/** How many moves in a row, this one included, undo the one before too soon; no more than is certain. */
export function regretsOf(
  { migrationId, volumeId, policyId, toTier }: Pick<Start, 'migrationId' | 'volumeId' | 'policyId' | 'toTier'>,
  truth: World['truth'],
  nowMs: number,
): number {
  const last = truth.lastMoves.get(volumeId);
  const completedAtMs = truth.completedAtMs.get(volumeId);
  if (last === undefined || completedAtMs === undefined || truth.outOfTurn.has(migrationId)) return 0;
  const versions = truth.policyVersions.get(policyId) ?? [];
  const leastMs = Math.min(...versions.map(({ spec }) => parseDurationMs(spec.cooldownPeriod) ?? 0));
  const soonMs = 2 * leastMs * 2 ** last.regrets - CLOCK_TOLERANCE_MS;
  return last.fromTier === toTier && nowMs - completedAtMs < soonMs ? last.regrets + 1 : 0;
}

/** I8 */
export function startsOutsideWindow(start: Start, { truth, clock }: World): string | undefined {
  const { windows } = specOf(start, truth);
  if (windows.length === 0 || truth.outOfTurn.has(start.migrationId)) return undefined;
  const inTenMs = clock.nowMs() % 600_000;
  const lateMs = inTenMs - WINDOW_OPEN_MINUTES * 60_000;
  const isOutside = lateMs > CLOCK_TOLERANCE_MS && 600_000 - inTenMs > CLOCK_TOLERANCE_MS;
  return isOutside ? `${start.volumeId} starts ${lateMs} ms after the window closed` : undefined;
}

/** I10. `newsMs`: so long it may not be known that a volume is not whole. */
export function shouldHaveStayed(start: Start, world: World, newsMs: number): string | undefined {
  const { model, profile, truth, clock, kubernetes } = world;
  if (isRepair(start, truth)) return undefined;
  const { volumeId } = start;
  const nowMs = clock.monotonicMs();
  const { volumeSelector, moves } = specOf(start, truth);
  const labels = kubernetes.persistentVolumes.get(volumeId)?.view.labels;
  const isOthers =
    labels !== undefined && Object.entries(volumeSelector.matchLabels).some(([key, value]) => labels[key] !== value);
  if (isOthers) return `${volumeId} belongs to another policy than ${start.policyId}`;
  const elder = elderOf(start, world);
  if (elder !== undefined) return `${volumeId} belongs to ${elder}, which is older than ${start.policyId}`;
  const snapshots = profile.volumes.find(({ id }) => id === volumeId)?.snapshots ?? 0;
  if (snapshots > 0 && !moves.allowSnapshots) return `${volumeId} has snapshots`;
  const volume = model.volume(volumeId);
  if (volume === undefined) return undefined;
  // Who takes up a request looks at that before the first round.
  const drained = truth.outOfTurn.has(start.migrationId) ? undefined : drainedNode(volumeId, world, NEWS_MS);
  if (drained !== undefined) return `${volumeId} lies on the drained ${drained}`;
  const isWhole = volume.replicas.length === start.replicaCount && volume.replicas.every(({ synced }) => synced);
  if (isWhole) return undefined;
  // Nor may it be known yet that it moves already, and that what is too many or not filled is the new replica of that.
  const record = world.bus.intents.get(volumeId)?.intent;
  if (record?.state === 'active' && record.round !== undefined) {
    const before = new Set(record.round.replicasBefore.map(({ replicaId }) => replicaId));
    const isByMove = volume.replicas.every(({ uuid, synced }) => synced || !before.has(uuid));
    const movesSinceMs = truth.accepted.get(record.migrationId)?.atMs ?? Number.NEGATIVE_INFINITY;
    if (isByMove && nowMs - movesSinceMs <= newsMs) return undefined;
  }
  const brokenAtMs = model.ledger.changes().findLast(({ volume: id }) => id === volumeId)?.atMs ?? 0;
  return nowMs - brokenAtMs > newsMs ? `${volumeId} is degraded for long` : undefined;
}

/** A policy that claims the volume as well, and has done so for longer, since before anybody could have missed it. */
function elderOf({ policyId, volumeId, migrationId }: Start, { kubernetes, truth, clock }: World): string | undefined {
  const own = kubernetes.policies.get(policyId);
  const labels = kubernetes.persistentVolumes.get(volumeId)?.view.labels;
  if (own === undefined || labels === undefined || truth.outOfTurn.has(migrationId)) return undefined;
  return [...kubernetes.policies.values()].find((policy) => {
    const last = truth.policyVersions.get(policy.policyId)?.at(-1);
    if (last === undefined || clock.monotonicMs() - last.sinceMs < NEWS_MS || !last.spec.enabled) return false;
    const claims = Object.entries(last.spec.volumeSelector.matchLabels).every(([key, value]) => labels[key] === value);
    return claims && policy.createdAtMs < own.createdAtMs;
  })?.policyId;
}

/** A node with a replica of the volume that a person has drained for longer than that. */
export function drainedNode(volumeId: string, { model, truth, clock }: World, forMs: number): string | undefined {
  const cordons = new Set(model.ledger.cordons());
  return model.volume(volumeId)?.replicas.find(({ node }) => {
    const sinceMs = truth.drainedSinceMs.get(node);
    return sinceMs !== undefined && cordons.has(`node/${node}/${DRAIN}`) && clock.monotonicMs() - sinceMs > forMs;
  })?.node;
}

/** I12: what people said that should stay, longer ago than news takes. */
export function startsAgainstWishes(start: Start, world: World): string | undefined {
  const { truth, clock, kubernetes } = world;
  if (isRepair(start, truth)) return undefined;
  const { volumeId, policyId, toTier } = start;
  const nowMs = clock.monotonicMs();
  const isOld = (sinceMs: number): boolean => nowMs - sinceMs > NEWS_MS;
  const last = truth.policyVersions.get(policyId)?.at(-1);
  if (last !== undefined && isOld(last.sinceMs)) {
    const agoMs = nowMs - last.sinceMs;
    if (!last.spec.enabled) return `${volumeId} starts though its policy was disabled ${agoMs} ms ago`;
    if (last.spec.dryRun) return `${volumeId} starts though its policy was only to try ${agoMs} ms ago`;
    if (last.generation !== start.policyGeneration)
      return `${volumeId} starts by a version of its policy that was replaced ${agoMs} ms ago`;
  }
  const view = kubernetes.persistentVolumes.get(volumeId)?.view;
  const annotatedAtMs = truth.annotatedAtMs.get(volumeId);
  if (view === undefined || annotatedAtMs === undefined || !isOld(annotatedAtMs)) return undefined;
  if (view.hold === 'true') return `${volumeId} starts though a person holds it since ${nowMs - annotatedAtMs} ms`;
  if (view.pinTier === undefined || view.pinTier === toTier || truth.outOfTurn.has(start.migrationId)) return undefined;
  return `${volumeId} moves to ${toTier} though a person pinned it to ${view.pinTier} ${nowMs - annotatedAtMs} ms ago`;
}
