import { LEASE_TTL_MS, type FleetWorld } from './fleet-world.ts';

const MINUTE_MS = 60_000;
/** Mayastor needs so long to see that a node is gone. */
const NOTICE_MS = 12_000;

/** What a cluster at rest must not show. */
export function checkRest(
  world: FleetWorld,
  wantedCount: ReadonlyMap<string, ReadonlySet<number>>,
  replicasMayBeLeft: boolean,
): void {
  const { model, wrongs, bucket, events, clock } = world;
  const calls = new Map(model.ledger.calls().map((call) => [call.number, call]));
  for (const violation of model.ledger.redundancyViolations()) {
    const call = calls.get(violation.call);
    if (call !== undefined && world.lateCalls.has(call.path)) continue;
    if (wasUnknowable(world, violation)) continue;
    if (call === undefined || /replica_count|children/.test(call.path)) {
      wrongs.push(
        `redundancy ${violation.from} to ${violation.to} by ${call?.method} ${call?.path} at ${violation.atMs}`,
      );
    }
  }
  for (const cordon of model.ledger.cordons()) wrongs.push(`left behind: ${cordon}`);
  if (!replicasMayBeLeft) for (const replica of model.orphans()) wrongs.push(`left behind: replica ${replica}`);
  for (const [volumeId, counts] of wantedCount) {
    const truth = model.volume(volumeId);
    const record = bucket.records().get(volumeId)?.intent;
    if (truth === undefined) continue;
    if (record?.state === 'active') continue;
    // Whoever sent it looks after it, unless it has died since.
    const wasLate = [...world.lateCalls].some(
      ([path, process]) => path.startsWith(`/v0/volumes/${volumeId}/replica_count/`) && !world.isRunning(process),
    );
    if (!counts.has(truth.replicaCount) && !wasLate)
      wrongs.push(`${volumeId} has a count of ${truth.replicaCount}, not ${[...counts].join(' or ')}`);
    if (truth.replicas.length !== truth.replicaCount) wrongs.push(`${volumeId} has ${truth.replicas.length} replicas`);
  }
  const terminal = new Map<string, string[]>();
  for (const { name, migrationId } of events) {
    const names = terminal.get(migrationId) ?? [];
    if (/completed|failed|aborted/.test(name)) names.push(name);
    else if (names.length > 0 && name !== 'migration.refused')
      wrongs.push(`${migrationId}: ${name} after ${names.join()}`);
    terminal.set(migrationId, names);
  }
  for (const [migrationId, names] of terminal) {
    const accepted = events.some((event) => event.migrationId === migrationId && event.name === 'migration.accepted');
    const record = [...bucket.records().values()].find(({ intent }) => intent.migrationId === migrationId)?.intent;
    if (accepted && record?.state !== 'active' && names.length !== 1)
      wrongs.push(`${migrationId} ended ${names.length} times: ${names.join()}`);
  }
  if (clock.monotonicMs() > 0 && world.callCount / (clock.monotonicMs() / 1_000) > 6) {
    wrongs.push(`${world.callCount} calls in ${clock.monotonicMs()} ms`);
  }
}

/** A replica was lost just before, and Mayastor itself did not know yet. */
function wasUnknowable(
  { model }: FleetWorld,
  { volume, atMs }: { readonly volume: string; readonly atMs: number },
): boolean {
  return model.ledger
    .changes()
    .some(
      (change) => change.volume === volume && change.cause.kind === 'fault' && isWithin(atMs - change.atMs, NOTICE_MS),
    );
}

const isWithin = (ms: number, limitMs: number): boolean => ms >= 0 && ms <= limitMs;

/** What the migrators left in Redis, asked from outside. */
export async function checkLeases(world: FleetWorld, volumes: readonly string[]): Promise<void> {
  const { leases, wrongs, clock } = world;
  const done = { value: false };
  const check = async (): Promise<void> => {
    const epoch = await leases.epoch();
    if (epoch.state !== 'open') return;
    const resting = [...world.bucket.records().values()].every(({ intent }) => intent.state === 'ended');
    if (!resting) return;
    for (const volumeId of volumes) {
      const grant = await leases.acquireOwnership(volumeId, 'outside');
      if (!grant.granted) wrongs.push(`the ownership of ${volumeId} is left behind`);
    }
    const keys = [
      'fleet',
      'bytes',
      'policy/policy',
      ...world.model.poolIds().map((pool) => `pool/${pool}` as const),
    ] as const;
    for (const key of keys) {
      const answer = await leases.acquireHolds({
        migrationId: `outside-${key}`,
        token: Number.MAX_SAFE_INTEGER,
        holds: [{ key, amount: 1, limit: 1 }],
      });
      if (!answer.granted) wrongs.push(`a hold of ${key} is left behind`);
    }
    const fence = await leases.acquireFence({ migrationId: 'outside', token: Number.MAX_SAFE_INTEGER });
    if (!fence.granted) wrongs.push('the fence lease is left behind');
  };
  await world.runUntil(() => false, LEASE_TTL_MS + 1_000);
  const checking = check().finally(() => {
    done.value = true;
  });
  clock.after(1, () => undefined);
  await world.runUntil(() => done.value, MINUTE_MS);
  await checking;
}
