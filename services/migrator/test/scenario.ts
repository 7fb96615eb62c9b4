import type { MayastorVersion } from '@couchestor/simulator/mayastor';
import { checkLeases, checkRest } from './checks.ts';
import { createFleetWorld, SIZE_BYTES, type FleetWorld } from './fleet-world.ts';
import { createPeople } from './people.ts';

/** What one seed comes to: everything that should not be, and what was done. */
export interface ScenarioReport {
  readonly seed: number;
  readonly version: MayastorVersion;
  readonly wrongs: readonly string[];
  readonly outcomes: Readonly<Record<string, number>>;
  readonly moves: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** How long faults and foreign actions go on. */
const TROUBLE_MS = 15 * MINUTE_MS;
const FAULT_RATE = 0.12;
const ATTEMPTS_MAX = 3;

const volumeIdOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** Some volumes, two migrators, a quarter of an hour of trouble; then everything is repaired and must come to rest. */
export async function runScenario(
  seed: number,
  {
    faultRate = FAULT_RATE,
    standstillRate = 0,
  }: { readonly faultRate?: number; readonly standstillRate?: number } = {},
): Promise<ScenarioReport> {
  const random = seededRandom(seed);
  const chance = (share: number): boolean => random() < share;
  const upTo = (ms: number): number => Math.floor(random() * ms);
  const pick = <T>(items: readonly [T, ...T[]]): T => items[Math.floor(random() * items.length)] ?? items[0];
  const version = pick<MayastorVersion>(['2.12.2', '2.12.2', '2.10.0', '2.7.1']);
  const apart = version === '2.7.1';
  const nodes = apart ? ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'] : ['n1', 'n2', 'n3', 'n4'];
  let troubled = true;
  let replicasMayBeLeft = false;
  const world = createFleetWorld({
    random,
    version,
    steer: chance(0.15) ? 'ignored' : 'cordon',
    nodes,
    tiersOf: (node) => (apart ? (node > 'n3' ? ['hot'] : ['cold']) : ['hot', 'cold']),
    fleetMax: 2,
    faultRate,
    standstillRate,
    troubled: () => troubled,
    // The replica that it was about to destroy stays on the disk, if its node goes away too.
    onCutOff: () => {
      replicasMayBeLeft = true;
    },
  });
  const { model, clock, bucket } = world;
  const volumes = [1, 2, 3].map(volumeIdOf);
  const shapes: readonly [readonly string[], ...(readonly string[])[]] = apart
    ? [['cold-n1'], ['cold-n1', 'cold-n2'], ['cold-n3', 'cold-n1', 'cold-n2'], ['hot-n4', 'cold-n2']]
    : [['cold-n1'], ['cold-n1', 'cold-n2'], ['cold-n3', 'cold-n1', 'cold-n2'], ['hot-n1', 'cold-n2']];
  /** Counts that a volume may have at the end: in the middle of a move nobody can tell a person's change from ours. */
  const wantedCount = new Map<string, Set<number>>();
  for (const uuid of volumes) {
    const placement = pick(shapes);
    const publishedOn = pick(['n1', 'n2', 'n3', 'n4']);
    model.createVolume({ uuid, sizeBytes: SIZE_BYTES, placement, publishedOn });
    wantedCount.set(uuid, new Set([placement.length]));
  }

  world.start('one');
  world.start('two');
  world.startHeartbeat();

  const people = createPeople(world, {
    random,
    volumes,
    nodes,
    wantedCount,
    troubledUntilMs: TROUBLE_MS,
    mayLeaveReplicas: () => {
      replicasMayBeLeft = true;
    },
  });
  for (let position = 0; position < 6; position += 1) if (chance(0.6)) clock.after(upTo(TROUBLE_MS), people.act);
  if (chance(0.5)) clock.after(upTo(TROUBLE_MS), () => disturbAMigrator(world, random));
  if (chance(0.5)) clock.after(upTo(TROUBLE_MS), () => disturbAMigrator(world, random));
  if (chance(0.1)) clock.after(upTo(TROUBLE_MS), () => world.leaseServer.flush());
  if (chance(0.1)) clock.after(upTo(TROUBLE_MS), () => world.leaseServer.restart());

  const attempts = new Map<string, number>();
  const offer = (volumeId: string): void => {
    const attempt = (attempts.get(volumeId) ?? 0) + 1;
    if (attempt > ATTEMPTS_MAX || !troubled) return;
    const record = bucket.records().get(volumeId)?.intent;
    if (record?.state !== 'active' && world.poolsOf(volumeId).some((pool) => pool.startsWith('cold-'))) {
      attempts.set(volumeId, attempt);
      world.request(volumeId, attempt);
    }
    clock.after(2.5 * MINUTE_MS, () => offer(volumeId));
  };
  for (const volumeId of volumes) clock.after(upTo(MINUTE_MS), () => offer(volumeId));

  await world.runUntil(() => false, TROUBLE_MS);
  troubled = false;
  people.repair();
  const active = (): string[] =>
    [...bucket.records().values()].flatMap(({ intent }) => (intent.state === 'active' ? [intent.volumeId] : []));
  await world.runUntil(() => false, 3 * MINUTE_MS);
  let rested = await world.runUntil(() => active().length === 0, 2 * HOUR_MS);
  if (!rested) {
    for (const volumeId of active()) {
      const intent = bucket.records().get(volumeId)?.intent;
      if (intent?.state !== 'active') continue;
      if (intent.attention === undefined) world.wrongs.push(`${volumeId} neither ended nor asked for attention`);
      world.aborts.add(intent.migrationId);
    }
    rested = await world.runUntil(() => active().length === 0, 2 * HOUR_MS);
    if (!rested) {
      const stuck = active().map((volumeId) => JSON.stringify(bucket.records().get(volumeId)?.intent));
      world.wrongs.push(`a person's abort does not end ${stuck.join(' ')}`);
    }
  }
  // Limits of a migrator that died between its last two steps lapse by themselves.
  await world.runUntil(() => false, 11 * MINUTE_MS);
  checkRest(world, wantedCount, replicasMayBeLeft);
  const restingCalls = world.callCount;
  await world.runUntil(() => false, 5 * MINUTE_MS);
  if (rested && world.callCount > restingCalls) world.wrongs.push('Mayastor is asked though nothing moves');
  await world.stopAll();
  await checkLeases(world, volumes);

  const outcomes: Record<string, number> = {};
  for (const { name } of world.events) outcomes[name] = (outcomes[name] ?? 0) + 1;
  const moves = new Set(world.events.map(({ migrationId }) => migrationId)).size;
  return { seed, version, wrongs: world.wrongs, outcomes, moves };
}

function disturbAMigrator(world: FleetWorld, random: () => number): void {
  const running = world.migrators.filter(
    ({ process, ended, stop }) => !process.isDead && ended === undefined && !stop.signal.aborted,
  );
  const chosen = running[Math.floor(random() * running.length)];
  if (chosen === undefined) return;
  const lot = random();
  const successor = `${chosen.process.name}'`;
  if (lot < 0.4) {
    chosen.process.kill();
    world.clock.after(1_000 + Math.floor(random() * 60_000), () => world.start(successor));
  } else if (lot < 0.7) {
    chosen.process.pauseFor(1_000 + Math.floor(random() * 60_000));
  } else {
    chosen.stop.abort(new Error('SIGTERM'));
    world.clock.after(1_000 + Math.floor(random() * 60_000), () => world.start(successor));
  }
}

function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
