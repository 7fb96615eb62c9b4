import type { MayastorVersion } from '@couchestor/simulator/mayastor';
import { createFleetWorld, LEASE_TTL_MS, SIZE_BYTES, type FleetWorld } from './fleet-world.ts';

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
const PERSON = 'maintenance';
/** Mayastor needs so long to see that a node is gone. */
const NOTICE_MS = 12_000;

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

function checkRest(
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
    const wasLate = [...world.lateCalls].some((path) => path.startsWith(`/v0/volumes/${volumeId}/replica_count/`));
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
async function checkLeases(world: FleetWorld, volumes: readonly string[]): Promise<void> {
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
    const fence = await leases.acquireFence({ kind: 'steer', migrationId: 'outside', token: Number.MAX_SAFE_INTEGER });
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

interface People {
  /** Does one thing to the cluster that no migrator knows of. */
  readonly act: () => void;
  /** Undoes all of it. */
  readonly repair: () => void;
}

function createPeople(
  world: FleetWorld,
  scene: {
    readonly random: () => number;
    readonly volumes: readonly string[];
    readonly nodes: readonly string[];
    readonly wantedCount: Map<string, Set<number>>;
    readonly troubledUntilMs: number;
    readonly mayLeaveReplicas: () => void;
  },
): People {
  const { model, clock, bucket } = world;
  const { random, volumes, nodes, wantedCount, troubledUntilMs } = scene;
  const repairs: (() => void)[] = [];
  const pick = (items: readonly string[]): string => items[Math.floor(random() * items.length)] ?? '';
  const send = async (method: string, path: string, body?: unknown): Promise<boolean> => {
    const { status } = await model.handle({ method, path: `/v0${path}`, ...(body === undefined ? {} : { body }) });
    return status < 300;
  };
  const persist = (method: string, path: string, body?: unknown): void => {
    void send(method, path, body).then((done) => {
      if (!done && clock.monotonicMs() < troubledUntilMs + 5 * MINUTE_MS)
        clock.after(2_000, () => persist(method, path, body));
    });
  };
  /** Undone after a while, at the repair at the latest. */
  const until = (undo: () => void): void => {
    let undone = false;
    const once = (): void => {
      if (undone) return;
      undone = true;
      undo();
    };
    repairs.push(once);
    clock.after(Math.floor(random() * 5 * MINUTE_MS), once);
  };

  const scale = (volumeId: string, by: 1 | -1): void => {
    const before = model.volume(volumeId);
    if (before === undefined || before.replicaCount + by < 1) return;
    const next = before.replicaCount + by;
    if (by < 0) model.ledger.declare(volumeId, Math.min(model.ledger.volume(volumeId)?.declared ?? next, next));
    wantedCount.get(volumeId)?.add(next);
    void send('PUT', `/volumes/${volumeId}/replica_count/${next}`).then((done) => {
      // A count that is lowered while a child is outside its target leaves a replica behind, whoever lowers it.
      if (!done && by < 0) scene.mayLeaveReplicas();
    });
  };
  const publish = (volumeId: string): void =>
    persist('PUT', `/volumes/${volumeId}/target`, { publish_context: {}, protocol: 'nvmf' });

  const deeds: readonly (() => void)[] = [
    () => {
      const node = pick(nodes);
      model.faults.nodeDown(node, { graceful: random() < 0.5 });
      until(() => model.faults.nodeUp(node));
    },
    () => {
      const node = pick(nodes);
      persist('PUT', `/nodes/${node}/cordon/${PERSON}`);
      until(() => persist('DELETE', `/nodes/${node}/cordon/${PERSON}`));
    },
    () => {
      const node = pick(nodes);
      persist('PUT', `/nodes/${node}/drain/${PERSON}`);
      until(() => persist('DELETE', `/nodes/${node}/cordon/${PERSON}`));
    },
    () => {
      const volumeId = pick(volumes);
      persist('DELETE', `/volumes/${volumeId}/target`);
      until(() => publish(volumeId));
    },
    () => void model.faults.failRebuild(pick(volumes)),
    () => model.faults.crashCore(),
    () => model.faults.restartCore(),
    () => {
      const node = pick(nodes);
      model.faults.nodeHangs(node);
      until(() => model.faults.nodeRecovers(node));
    },
    () => {
      const record = bucket.records().get(pick(volumes))?.intent;
      if (record?.state === 'active') world.aborts.add(record.migrationId);
    },
    () => {
      world.paused = true;
      until(() => {
        world.paused = false;
      });
    },
    () => {
      world.stopHeartbeat();
      until(() => world.startHeartbeat());
    },
    () => scale(pick(volumes), random() < 0.5 ? 1 : -1),
    () => {
      const volumeId = pick(volumes);
      wantedCount.delete(volumeId);
      persist('DELETE', `/volumes/${volumeId}`);
    },
    () => {
      model.faults.storeHangs();
      until(() => model.faults.storeRecovers());
    },
  ];
  return {
    act: () => deeds[Math.floor(random() * deeds.length)]?.(),
    repair: () => {
      for (const repair of repairs) repair();
      // A cordon of a person that had no answer may come after its removal, as ours may.
      clock.after(30_000, () => {
        for (const node of nodes) persist('DELETE', `/nodes/${node}/cordon/${PERSON}`);
      });
      // A target that lost its node for good is made again by whoever uses the volume.
      for (const volumeId of volumes) if (model.volume(volumeId)?.target === undefined) publish(volumeId);
    },
  };
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
