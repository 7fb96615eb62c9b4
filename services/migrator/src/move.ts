import { BusUnavailableError, ConflictError, type IntentStore } from '@couchestor/shared/bus';
import { pause, type Clock } from '@couchestor/shared/clock';
import type { Leases } from '@couchestor/shared/leases';
import type { Outcome } from '@couchestor/shared/mayastor';
import { cordonLabelOf, type ActiveIntent, type Intent, type MigrationEventName } from '@couchestor/shared/messages';
import type { Capabilities, Evidence, EvidenceKind, SeenPool } from './core/evidence.ts';
import { holdsOf, type FleetLimits } from './core/holds.ts';
import * as change from './core/intent-changes.ts';
import { nextStep } from './core/next-step.ts';
import { refusedGrowth } from './core/refused-growth.ts';
import type { Step, WaitReason } from './core/step.ts';
import { keepLease, type HeldLease } from './held-lease.ts';
import type { Mayastor, MoveEvents, Permission } from './ports.ts';
import { createSighting } from './sighting.ts';

/** The part of a logger that a move needs. */
export interface MoveLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface MoveSettings {
  readonly capabilities: Capabilities;
  readonly fleet: FleetLimits;
  /** Deadline of one call to Mayastor. A call starts only if permit and leases outlast it by `marginMs`. */
  readonly callTimeoutMs: number;
  readonly marginMs: number;
  readonly leaseTtlMs: number;
  readonly backoff: change.BackoffPolicy;
}

export interface MoveContext {
  readonly mayastor: Mayastor;
  readonly intents: IntentStore;
  readonly leases: Leases;
  readonly events: MoveEvents;
  readonly permission: Permission;
  readonly clock: Clock;
  readonly logger: MoveLogger;
  readonly settings: MoveSettings;
  /** Bytes that other moves are about to put on a pool, by pool. */
  readonly arriving: (exceptVolumeId: string) => ReadonlyMap<string, number>;
  /** Whether a person wants this migration rolled back. */
  readonly abortRequested: (intent: ActiveIntent) => boolean;
  /** Told of each step, for progress and metrics. */
  readonly onStep: (intent: ActiveIntent, step: Step, evidence: Evidence) => void;
}

/** `ended`: the record says how. `lost`: another migrator has it now. `released`: we stop, another may go on. */
export type MoveResult = 'ended' | 'lost' | 'released';

/** Evidence older than this is read again before anything rests on it. */
const FRESH_MS = 2_000;
const FENCE_RETRY_MS = 100;
/** After this a move that waits for the fence looks around again. */
const FENCE_PATIENCE_MS = 30_000;
/** A stopping process takes its cordons away, for this long at most. */
const FAREWELL_MS = 6_000;

/**
 * Walks one move to its end: look, decide the next step, do it, look again. All that is known between two steps is in
 * the intent and in Mayastor, so the walk may break off anywhere and be taken up by somebody else.
 *
 * @param ownership of the volume; the caller gives it back afterwards
 * @param token of that ownership
 */
export async function runMove(
  context: MoveContext,
  start: { readonly intent: ActiveIntent; readonly revision: number },
  ownership: HeldLease,
  token: number,
  signal: AbortSignal,
): Promise<MoveResult> {
  const { mayastor, intents, leases, events, permission, clock, logger, settings } = context;
  const { capabilities } = settings;
  const leadMs = settings.callTimeoutMs + settings.marginMs;
  const { migrationId, volumeId, volumeName } = start.intent;
  const sighting = createSighting();
  // Reads go on while we say farewell, so they have an end of their own.
  const reads = new AbortController();
  let intent: ActiveIntent = start.intent;
  let { revision } = start;
  let fence: HeldLease | undefined;
  let evidence: (Evidence & { readonly readAtMs: number }) | undefined;
  let farewellEndsMs: number | undefined;

  const ownerLost = (): boolean => ownership.lost;
  const mayAct = (): boolean =>
    !signal.aborted &&
    ownership.lasts(leadMs) &&
    (fence === undefined || fence.lasts(leadMs)) &&
    permission.mayAct(leadMs);
  const mayActFenced = (): boolean => fence !== undefined && mayAct();
  const mayLift = (): boolean => permission.mayLift(leadMs);

  // Events that were decided and not told yet travel with each further write until they are.
  let untold: readonly change.OutboxEntry[] = start.intent.outbox;

  const write = async (next: Intent): Promise<void> => {
    const record = { ...next, outbox: [...untold, ...next.outbox] };
    await withDeadline('a write of the intent', async (deadline) => {
      revision = await intents.update(record, revision, deadline);
    });
    if (record.state === 'active') intent = record;
    untold = record.outbox;
    await tell(record.traceparent);
  };
  const tell = async (traceparent: string | undefined): Promise<void> => {
    for (const entry of untold) {
      await withDeadline('an event', (deadline) =>
        events.publish(entry.name as MigrationEventName, migrationId, entry.data, {
          messageId: entry.messageId,
          signal: deadline,
          ...(traceparent === undefined ? {} : { traceparent }),
        }),
      );
      untold = untold.filter((other) => other !== entry);
    }
  };
  /** The bus waits out an outage; a move with cordons in the cluster must not wait with it. */
  const withDeadline = async (what: string, call: (deadline: AbortSignal) => Promise<void>): Promise<void> => {
    const late = new AbortController();
    const cancel = clock.after(settings.callTimeoutMs, () => late.abort(new BusUnavailableError(what)));
    try {
      await call(AbortSignal.any([reads.signal, late.signal]));
    } finally {
      cancel();
    }
  };

  const standing = (): Pick<Evidence, 'mayAct' | 'fenceHeld' | 'abortRequested'> => ({
    mayAct: mayAct(),
    fenceHeld: fence !== undefined && !fence.lost,
    abortRequested: context.abortRequested(intent),
  });
  const read = async (): Promise<Evidence & { readonly readAtMs: number }> => {
    const volume = await mayastor.readVolume(volumeId, reads.signal);
    const readAtMs = clock.monotonicMs();
    return {
      nowMs: clock.nowMs(),
      volume,
      stableForMs: sighting.see(volume, readAtMs),
      ...standing(),
      readAtMs,
    };
  };
  const look = async (at: EvidenceKind, seen: Evidence & { readonly readAtMs: number }): Promise<typeof seen> => {
    switch (at) {
      case 'idle':
        // The probe first and the volume after it: with `idle`, what is read then is final.
        return {
          ...(await withFreshVolume(await mayastor.probeIdle(volumeId, reads.signal))),
          ...keep(seen, 'cluster', 'owners'),
        };
      case 'cluster': {
        const { pools, nodes } = await mayastor.readCluster(reads.signal);
        const arriving = context.arriving(volumeId);
        const withArriving = pools.map((pool): SeenPool => ({ ...pool, arrivingBytes: arriving.get(pool.name) ?? 0 }));
        return {
          ...seen,
          cluster: {
            pools: new Map(withArriving.map((pool) => [pool.name, pool])),
            nodes: new Map(nodes.map((node) => [node.name, node])),
          },
        };
      }
      case 'owners':
        return { ...seen, owners: await mayastor.readOwners(volumeId, reads.signal) };
    }
  };
  const withFreshVolume = async (
    idle: NonNullable<Evidence['idle']>,
  ): Promise<Evidence & { readonly readAtMs: number }> => ({
    ...(await read()),
    idle,
  });

  const holdFence = async (): Promise<boolean> => {
    if (fence?.lost === true) await dropFence();
    if (fence !== undefined) return true;
    const answer = await leases.acquireFence({ kind: 'steer', migrationId, token });
    if (!answer.granted) return false;
    fence = keepLease({
      clock,
      term: answer,
      renewEveryMs: settings.leaseTtlMs / 3,
      renew: async () => {
        const renewal = await leases.renewFence(migrationId, token);
        return renewal.renewed ? renewal : undefined;
      },
      release: () => leases.releaseFence(migrationId, token),
      onError: (error) =>
        logger.warn({ volume: volumeName, volumeId, migrationId, err: error }, 'fence lease not renewed'),
    });
    return true;
  };
  const dropFence = async (): Promise<void> => {
    const held = fence;
    fence = undefined;
    await held?.release();
  };

  const sleep = async (ms: number): Promise<void> => {
    evidence = undefined;
    const woken = new AbortController();
    const wake = (): void => woken.abort(new Error('woken'));
    if (farewellEndsMs === undefined) signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted && farewellEndsMs === undefined) wake();
    const permissionChanged = permission.changed(woken.signal).then(wake);
    await pause(clock, ms, woken.signal);
    signal.removeEventListener('abort', wake);
    wake();
    await permissionChanged;
  };

  /** Does the step. True if what was read before it still tells the truth. */
  const perform = async (step: Exclude<Step, { kind: 'look' | 'wait' | 'end' }>): Promise<boolean> => {
    const nowMs = clock.nowMs();
    switch (step.kind) {
      case 'takeFence': {
        // Waiting costs Mayastor nothing: what was read before it is worth nothing after it anyway.
        const untilMs = clock.monotonicMs() + FENCE_PATIENCE_MS;
        while (!(await holdFence()) && mayAct() && clock.monotonicMs() < untilMs) await sleep(FENCE_RETRY_MS);
        return false;
      }
      case 'planSteer':
        await write(change.steerPlanned(intent, step.steer));
        return true;
      case 'startRound': {
        for (const round of step.rounds) {
          const answer = await leases.swapHolds({ migrationId, token, holds: holdsOf(intent, round, settings.fleet) });
          if (!answer.granted) continue;
          await write(change.roundStarted(intent, round));
          return true;
        }
        await dropFence();
        await sleep(capabilities.cachePeriodMs);
        return false;
      }
      case 'recordAdded':
        await write(change.replicaAdded(intent, step, nowMs));
        return true;
      case 'recordSynced':
        await write(change.replicaSynced(intent, nowMs));
        return true;
      case 'forgetCordons':
        await write(change.cordonsForgotten(intent));
        await dropFence();
        return true;
      case 'endRound':
        await write(change.roundEnded(intent, step.moved));
        // A pool that is full of us no longer must not be counted while we wait for the next: two moves that did would
        // wait for each other for ever.
        await leases.swapHolds({ migrationId, token, holds: holdsOf(intent, undefined, settings.fleet) });
        await dropFence();
        return true;
      case 'rollBack':
        await write(change.rolledBack(intent, step.rollback));
        return true;
      case 'attend':
        if (intent.attention === undefined) {
          await write(change.attentionNeeded(intent, step.reason, step.message, nowMs));
          await leases.releaseHolds(migrationId, token);
          await dropFence();
          logger.error(
            { volume: volumeName, volumeId, migrationId, reason: step.reason, detail: step.message },
            'migration needs attention',
          );
        }
        await sleep(2 * capabilities.cachePeriodMs);
        return false;
      case 'fencePools':
        settleAll(
          await Promise.all(step.pools.map((pool) => mayastor.cordonPool(pool, mayActFenced))),
          'cordon of a pool',
        );
        return false;
      case 'fenceNodes':
        settleAll(
          await Promise.all(
            step.nodes.map((node) => mayastor.cordonNode(node, cordonLabelOf(migrationId), mayActFenced)),
          ),
          'cordon of a node',
        );
        return false;
      case 'grow': {
        await write(change.growthCounted(intent));
        const outcome = await mayastor.setReplicaCount(volumeId, step.replicaCount, mayActFenced);
        settle(outcome, 'growth');
        const rollback = outcome.kind === 'refused' ? refusedGrowth(outcome) : undefined;
        if (rollback !== undefined) await write(change.rolledBack(intent, rollback));
        return false;
      }
      case 'steerByCordon':
        settle(await mayastor.cordonNode(step.node, cordonLabelOf(migrationId), mayActFenced), 'cordon of a node');
        return false;
      case 'steerByChildRemoval':
        settle(await mayastor.removeChild(step.nexusId, step.childUri, mayActFenced), 'removal of a child');
        return false;
      case 'shrink':
        await write(change.shrinkCounted(intent));
        settle(
          await mayastor.setReplicaCount(
            volumeId,
            step.replicaCount,
            intent.round?.steer === undefined ? mayAct : mayActFenced,
          ),
          'shrink',
        );
        return false;
      case 'lift':
        settleAll(
          await Promise.all([
            ...step.pools.map((pool) => mayastor.uncordonPool(pool, mayLift)),
            ...step.nodes.map((node) => mayastor.uncordonNode(node, cordonLabelOf(migrationId), mayLift)),
          ]),
          'removal of a cordon',
        );
        return false;
    }
  };
  const settleAll = (outcomes: readonly Outcome<unknown>[], what: string): void => {
    for (const outcome of outcomes) settle(outcome, what);
  };
  const settle = (outcome: Outcome<unknown>, what: string): void => {
    if (outcome.kind === 'done') return;
    if (outcome.kind === 'refused' && (outcome.code === 'AlreadyCordoned' || outcome.code === 'NotCordoned')) return;
    logger.info(
      {
        volume: volumeName,
        volumeId,
        migrationId,
        call: what,
        outcome: outcome.kind === 'refused' ? outcome.code : 'unknown',
        detail: outcome.message,
      },
      'a call to Mayastor was not done',
    );
  };

  const end = async (step: Extract<Step, { kind: 'end' }>): Promise<void> => {
    await write(change.ended(intent, step.end, clock.nowMs(), settings.backoff));
    await leases.releaseHolds(migrationId, token);
  };

  try {
    for (;;) {
      if (signal.aborted) {
        farewellEndsMs ??= clock.monotonicMs() + FAREWELL_MS;
        if (clock.monotonicMs() > farewellEndsMs) return 'released';
      }
      const stale = evidence === undefined || clock.monotonicMs() - evidence.readAtMs > FRESH_MS;
      try {
        // Cordons must go also while NATS is away, so an event that cannot be told does not hold up the walk.
        if (untold.length > 0) await tell(intent.traceparent).catch(raiseUnlessRetriable);
        if (stale || evidence === undefined) evidence = await read();
        const seen = { ...evidence, ...standing() };
        const step = nextStep(intent, seen, capabilities);
        context.onStep(intent, step, seen);
        if (step.kind === 'look') {
          evidence = await look(step.at, seen);
          continue;
        }
        if (step.kind === 'wait') {
          if (ownerLost() && step.reason === 'Stopped') return 'lost';
          if (signal.aborted && step.reason === 'Stopped') return 'released';
          if (!holdsNeeded(step.reason)) await dropFence();
          await sleep(waitMs(step.reason, seen, capabilities));
          continue;
        }
        if (step.kind === 'end') {
          if (!seen.mayAct && seen.volume !== 'absent') return 'released';
          await end(step);
          return 'ended';
        }
        if (intent.attention !== undefined && step.kind !== 'attend' && step.kind !== 'lift') {
          const answer = await leases.acquireHolds({
            migrationId,
            token,
            holds: holdsOf(intent, intent.round, settings.fleet),
          });
          if (!answer.granted) {
            await sleep(capabilities.cachePeriodMs);
            continue;
          }
          await write(change.attentionOver(intent));
        }
        if (!(await perform(step))) evidence = undefined;
      } catch (error) {
        if (error instanceof ConflictError) return 'lost';
        if (!isRetriable(error)) throw error;
        evidence = undefined;
        logger.info({ volume: volumeName, volumeId, migrationId, err: error }, 'a dependency is away, the move waits');
        if (ownerLost()) return 'lost';
        await sleep(1_000);
      }
    }
  } finally {
    reads.abort(new Error('the move ended here'));
    await dropFence().catch((error: unknown) => {
      logger.info({ volume: volumeName, volumeId, migrationId, err: error }, 'fence lease not given back, it lapses');
    });
  }
}

/** Errors of dependencies carry a code of ours; anything else is a defect and ends the process. */
function isRetriable(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('COUCHESTOR_')
  );
}

function raiseUnlessRetriable(error: unknown): void {
  if (!isRetriable(error)) throw error;
}

function keep<K extends 'cluster' | 'owners'>(seen: Evidence, ...kinds: readonly K[]): Partial<Pick<Evidence, K>> {
  const kept: Partial<Pick<Evidence, K>> = {};
  for (const kind of kinds) if (seen[kind] !== undefined) kept[kind] = seen[kind];
  return kept;
}

/** Short states keep the fence; nothing that lasts does. */
function holdsNeeded(reason: WaitReason): boolean {
  return reason === 'Busy' || reason === 'ReplicaNotPlaced' || reason === 'ReattachPending';
}

function waitMs(reason: WaitReason, evidence: Evidence, { cachePeriodMs }: Capabilities): number {
  switch (reason) {
    case 'Busy':
    case 'ReattachPending':
      return Math.min(1_000, cachePeriodMs);
    case 'Settling':
      return Math.max(10, Math.min(cachePeriodMs, cachePeriodMs - evidence.stableForMs + 1));
    case 'Stopped':
      return 1_000;
    case 'Rebuilding':
    case 'ReplicaNotPlaced':
    case 'HalfDoneGrowth':
    case 'VictimNodeAway':
    case 'KeptReplicaCordoned':
    case 'OwnersDiffer':
    case 'NotPublished':
    case 'VolumeDegraded':
      return cachePeriodMs;
  }
}
