import type { MigrationEvent, StoredIntent } from '@couchestor/shared/bus';
import type { ActiveIntent, EndedIntent, Heartbeat, MigrationRequested } from '@couchestor/shared/messages';
import { invariants, type InvariantId } from './invariants.ts';
import { changeOf, type SeenCall } from './seen-call.ts';
import type { ArrivingCall } from '../world/mayastor.ts';
import { createProcess, type SimulatedProcess } from '../world/process.ts';
import { profileOf } from '../world/profile-of.ts';
import { GIB, SIZE_BYTES, volumeIdOf, type PolicySpecText, type Profile } from '../world/profile.ts';
import { createWorld, nobody, type World } from '../world/world.ts';

/** Worlds in which one thing is wrong, for tests of what has to notice it. */

export const VOLUME = volumeIdOf(1);
/** One replica more than the volume has, and as many as it had. */
export const growCall = { method: 'PUT', path: `/volumes/${VOLUME}/replica_count/3` } as const;
export const shrinkCall = { method: 'PUT', path: `/volumes/${VOLUME}/replica_count/2` } as const;
export const MINUTE_MS = 60_000;

export function aWorld(change: Partial<Profile> = {}, spec: Partial<PolicySpecText> = {}): World {
  const base = profileOf(1);
  const [policy] = base.policies;
  if (policy === undefined) throw new Error('a world has a policy');
  const world = createWorld({
    seed: 1,
    profile: {
      ...base,
      version: '2.12.2',
      steer: 'cordon',
      nodes: ['n1', 'n2', 'n3', 'n4'],
      tiersOf: () => ['hot', 'cold'],
      zoneOf: () => undefined,
      fleetMax: 2,
      isThin: true,
      poolBytes: { hot: 1_000 * GIB, cold: 1_000 * GIB },
      rebuildMs: 60_000,
      faultRate: 0,
      volumes: [1, 2, 3].map((number) => ({
        id: volumeIdOf(number),
        placement: ['cold-n1', 'cold-n2'],
        publishedOn: 'n1',
        snapshots: 0,
        labels: {},
      })),
      policies: [{ id: policy.id, spec: { ...policy.spec, cooldownPeriod: '10m', windows: [], ...spec } }],
      ...change,
    },
    only: undefined,
    observer: nobody,
  });
  world.truth.heartbeatAtMs = 0;
  world.truth.openHeartbeatAtMs = 0;
  return world;
}

export const processOf = (world: World, name = 'migrator-1', wallOffsetMs = 0): SimulatedProcess =>
  createProcess({ name, clock: world.clock, wallOffsetMs, onKill: () => undefined });

export function anIntent(change: Partial<ActiveIntent> = {}): ActiveIntent {
  return {
    state: 'active',
    migrationId: 'move-1',
    proposalId: 'proposal',
    attempt: 0,
    volumeId: VOLUME,
    volumeName: `pvc-${VOLUME}`,
    policyId: 'policy-1',
    policyName: 'policy-1',
    policyGeneration: 1,
    fromTier: 'cold',
    toTier: 'hot',
    startedAt: '2026-01-01T00:00:00Z',
    seenIds: [],
    failuresInRow: 0,
    outbox: [],
    replicaCount: 2,
    sizeBytes: SIZE_BYTES,
    syncTimeoutMs: 60_000,
    allowSnapshots: false,
    allowReducedRedundancy: false,
    maxPoolUsedPercent: 85,
    limits: { policy: 2, perPool: 1, perNode: 1 },
    targetPools: ['hot-n3', 'hot-n4'],
    replicasMoved: 0,
    roundsStarted: 1,
    owner: 'migrator-1',
    ownerToken: 1,
    ...change,
  };
}

export const aRound = (
  change: Partial<NonNullable<ActiveIntent['round']>> = {},
): NonNullable<ActiveIntent['round']> => ({
  number: 1,
  startedAt: '2026-01-01T00:00:00Z',
  replicasBefore: [{ replicaId: 'r', pool: 'cold-n1', node: 'n1' }],
  sourceReplicaId: 'r',
  targetPool: 'hot-n3',
  targetNode: 'n3',
  growths: 1,
  shrinks: 1,
  ...change,
});

export function store(world: World, ...intents: readonly ActiveIntent[]): void {
  const records = world.bus.intents as Map<string, StoredIntent>;
  for (const intent of intents) records.set(intent.volumeId, { intent, revision: records.size + 1 });
}

/** Everything that the invariants say to it, by name. */
export function said(
  world: World,
  happening: {
    readonly call?: Pick<ArrivingCall, 'method' | 'path'> & { readonly readAgoMs?: number };
    readonly intent?: ActiveIntent;
    readonly request?: MigrationRequested;
    readonly event?: MigrationEvent;
    readonly heartbeat?: Heartbeat;
    readonly ended?: EndedIntent;
  },
  wallOffsetMs = 0,
): InvariantId[] {
  const writer = processOf(world, 'migrator-1', wallOffsetMs);
  const { request, event, heartbeat, ended } = happening;
  return invariants.flatMap((invariant) => {
    const { id, onArrival, onAccepted, onIntent, afterStep } = invariant;
    const words = [
      afterStep?.(world),
      request && invariant.onRequested?.(request, world, processOf(world, 'scorer-1')),
      event && invariant.onEvent?.(event, world),
      heartbeat && invariant.onHeartbeat?.(heartbeat, world),
      ended && onIntent?.(ended, anIntent(), world, writer),
    ];
    if (happening.call !== undefined) {
      const { readAgoMs = 0 } = happening.call;
      world.truth.volumeReadAtMs.set(`${writer.name}/${VOLUME}`, world.clock.monotonicMs() - readAgoMs);
      const call: SeenCall = { process: writer, ...happening.call, change: changeOf(happening.call), isLate: false };
      words.push(onArrival?.(call, world));
    }
    if (happening.intent !== undefined) {
      words.push(onAccepted?.(happening.intent, world, writer), onIntent?.(happening.intent, undefined, world, writer));
    }
    return words.some((word) => word !== undefined) ? [id] : [];
  });
}

/** The request that the intent came from. */
export function aRequest(change: Partial<MigrationRequested> = {}): MigrationRequested {
  const { replicas: _, ...intent } = anIntent();
  const { migrationId, proposalId, attempt, volumeId, volumeName, policyId, policyName, policyGeneration } = intent;
  return {
    migrationId,
    proposalId,
    attempt,
    volumeId,
    volumeName,
    policyId,
    policyName,
    policyGeneration,
    fromTier: 'cold',
    toTier: 'hot',
    reason: 'AboveHighWatermark',
    notAfter: '2026-01-01T01:00:00Z',
    replicaCount: 2,
    replicas: [{ replicaId: 'r', pool: 'cold-n1', node: 'n1' }],
    targetPools: ['hot-n3'],
    sizeBytes: SIZE_BYTES,
    ...change,
  };
}

export function anEnd(change: Partial<EndedIntent> = {}): EndedIntent {
  const { migrationId, proposalId, attempt, volumeId, volumeName, policyId, policyName } = anIntent();
  return {
    migrationId,
    proposalId,
    attempt,
    volumeId,
    volumeName,
    policyId,
    policyName,
    state: 'ended',
    fromTier: 'cold',
    toTier: 'hot',
    startedAt: '2026-01-01T00:00:00Z',
    endedAt: '2026-01-01T00:01:00Z',
    seenIds: [],
    failuresInRow: 0,
    outcome: 'completed',
    outbox: [],
    ...change,
  };
}

export const scored = async (world: World, iops: number): Promise<void> => {
  world.truth.iops.set(VOLUME, iops);
  const signal = new AbortController().signal;
  const server = world.prometheus.serverOf(processOf(world, 'scorer-1'));
  const reading = server.vector('sum(rate(x[60s]))', 'pv_name', 0, signal);
  await world.clock.advance(10);
  await reading;
};
