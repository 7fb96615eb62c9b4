import { isOurCordonLabel, type EndedIntent, type Intent } from '@couchestor/shared/messages';
import { createFleet, type Fleet, type Role, type Services } from './fleet.ts';
import { restingReasons } from './invariants/at-rest.ts';
import { spreadOver } from './invariants/counts.ts';
import { invariants, type Invariant, type InvariantId } from './invariants/invariants.ts';
import { fillsWithinACall } from './invariants/knowable.ts';
import { changeOf, type SeenCall } from './invariants/seen-call.ts';
import { nobodyIsRight, regretsOf } from './invariants/starts.ts';
import { changeLoads, createPeople } from './people.ts';
import { FAILURE_BACKOFF_MS } from './services/migrator.ts';
import type { Surroundings } from './services/surroundings.ts';
import { noStory, type Story } from './story.ts';
import type { SimulatedProcess } from './world/process.ts';
import { profileOf } from './world/profile-of.ts';
import type { Profile } from './world/profile.ts';
import { seededRandom } from '@couchestor/shared/random';
import { upTo } from './world/random.ts';
import { createWorld, type Observer, type World } from './world/world.ts';

/** A promise of ours that did not hold. `defect`: a service ended by an error that nobody foresaw. */
export interface Breach {
  readonly invariant: InvariantId | 'defect';
  /** Timers run before. */
  readonly step: number;
  readonly atMs: number;
  readonly what: string;
}

/** What one seed comes to. */
export interface SeedReport {
  readonly seed: number;
  readonly breaches: readonly Breach[];
  /** Moves that were taken up. */
  readonly moves: number;
  readonly completed: number;
  readonly calls: number;
  readonly faults: number;
  readonly crashes: number;
  readonly steps: number;
  /** Moves that never came to an end, and things left behind. */
  readonly unsettled: number;
  readonly leftovers: number;
  /** Everything that went wrong by intent, by name. */
  readonly schedule: readonly string[];
  readonly virtualMs: number;
}

export interface SeedOptions {
  /** Nothing but these goes wrong. */
  readonly only?: ReadonlySet<string>;
  readonly story?: Story;
  /** Makes the world another than its seed does. */
  readonly profile?: Partial<Profile>;
  /** What runs in the processes; whole services by default. */
  readonly services?: Services;
  /** The world of a seed; by default that of whole services. */
  readonly profileOf?: (seed: number) => Profile;
  /** Of the virtual clock, in one turn of the event loop: more than one if nothing that runs waits for such a turn. */
  readonly timersPerTurn?: number;
  /** Ends the run at the first breach. */
  readonly stopAtBreach?: boolean;
  /** All has to be at rest within this after the trouble; 90 minutes by default. */
  readonly restWithinMs?: number;
  /** A world that takes more steps than this never rests. */
  readonly stepsMax?: number;
  /** Arranges things by hand, before the services start. Returns what it changes of what they reach. */
  readonly stage?: (world: World, fleet: Fleet) => Partial<Surroundings> | undefined;
}

const MINUTE_MS = 60_000;
const BREACHES_MAX = 20;
const DISTURBANCES_PER_DEED = 0.5;
/** All of this passes without faults before the world has to be at rest. */
const REST_WITHIN_MS = 90 * MINUTE_MS;
/** So many times as long where moves fail until they back off for hours. */
const VAIN_TIMES = 2;
/** A move that asks for a person gets one. */
const PERSON_COMES_MS = 20 * MINUTE_MS;
const QUIET_MS = 2 * MINUTE_MS;
/** What a dead migrator held lapses by itself. */
const HOLDS_LAPSE_MS = 3 * MINUTE_MS;
const STOP_MS = 2 * MINUTE_MS;

/** One world: half an hour of trouble, then everything is repaired and must come to rest. */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedReport> {
  const { story = noStory, stopAtBreach = false, stepsMax = Number.POSITIVE_INFINITY } = options;
  const profile: Profile = { ...(options.profileOf ?? profileOf)(seed), ...options.profile };
  const { restWithinMs = REST_WITHIN_MS * (fillsWithinACall(profile) ? VAIN_TIMES : 1) } = options;
  const breaches: Breach[] = [];
  let step = 0;
  let hasFailed = false;
  const breach = (invariant: Breach['invariant'], what: string): void => {
    hasFailed = true;
    if (breaches.length >= BREACHES_MAX) return;
    breaches.push({ invariant, step, atMs: world.clock.monotonicMs(), what });
    tell(`** ${invariant}`, what);
  };
  const tell = (who: string, what: string): void => {
    if (story.isTold) story.add(world.clock.monotonicMs(), who, what);
  };
  const look = (told: (invariant: Invariant) => string | undefined): void => {
    for (const invariant of invariants) {
      const what = told(invariant);
      if (what !== undefined) breach(invariant.id, what);
    }
  };
  const isLate = ({ stoodStillAtMs }: SimulatedProcess): boolean =>
    world.clock.monotonicMs() - stoodStillAtMs < LATE_MS;
  const observer: Observer = {
    onArrival: (call) => {
      const change = changeOf(call);
      const seen: SeenCall = { ...call, change, isLate: isLate(call.process) };
      tell(call.process.name, `${call.method} ${call.path}`);
      look(({ onArrival }) => onArrival?.(seen, world));
    },
    onIntent: (next, previous, writer) => {
      if (story.isTold) tell(writer.name, describeIntent(next));
      const isSame = previous?.state === 'active' && previous.migrationId === next.migrationId;
      const isNew = next.state === 'active' && !isSame;
      if (isNew) noteStart(next, world);
      look(
        ({ onIntent, onAccepted }) =>
          onIntent?.(next, previous, world, writer) ?? (isNew ? onAccepted?.(next, world, writer) : undefined),
      );
      if (next.state === 'ended' && previous?.state === 'active') noteEnd(next, world, writer);
    },
    onRequest: (request, scorer) => {
      const goodForMs = Date.parse(request.notAfter) - scorer.wallOffsetMs;
      world.truth.notAfterMs.set(request.migrationId, goodForMs);
      if (!isLate(scorer)) look(({ onRequested }) => onRequested?.(request, world, scorer));
    },
    onEvent: (event) => {
      tell(event.source, `event ${event.name} of ${event.data.volumeId}, ${event.data.migrationId.slice(0, 8)}`);
      look(({ onEvent }) => onEvent?.(event, world));
    },
    onHeartbeat: (heartbeat) => look(({ onHeartbeat }) => onHeartbeat?.(heartbeat, world)),
    onRoom: (granted) => look(({ onRoom }) => onRoom?.(granted, world)),
    onRoomBack: (given) => look(({ onRoomBack }) => onRoomBack?.(given, world)),
    onStory: tell,
  };
  const world: World = createWorld({ seed, profile, only: options.only, observer });
  const { clock, chaos, model, bus, truth } = world;

  const random = seededRandom(seed ^ 0x7f4a7c15);
  const surroundings = { ...world.surroundings };
  const fleet = createFleet(
    { ...world, surroundings },
    random,
    (who, error) => breach('defect', `${who}: ${textOf(error)}`),
    tell,
    options.services,
  );
  Object.assign(surroundings, options.stage?.(world, fleet));
  const counts: Readonly<Record<Role, number>> = {
    watcher: profile.watchers,
    scorer: profile.scorers,
    migrator: profile.migrators,
  };
  const people = createPeople(
    world,
    () => fleet.scale('watcher', 0),
    () => fleet.scale('watcher', counts.watcher),
    (role) => fleet.running(role),
  );
  const scaleAll = (): void => {
    for (const role of ['watcher', 'scorer', 'migrator'] as const) fleet.scale(role, counts[role]);
  };

  let violations = 0;
  const runUntil = (done: () => boolean, withinMs: number): Promise<boolean> => {
    const isDone = (): boolean => {
      step += 1;
      if (step === stepsMax) breach('I11', `the world takes more than ${stepsMax} steps`);
      if (model.ledger.violationCount !== violations) {
        violations = model.ledger.violationCount;
        look(({ afterStep }) => afterStep?.(world));
      }
      return (stopAtBreach && hasFailed) || step >= stepsMax || done();
    };
    return clock.runUntil(isDone, withinMs, options.timersPerTurn);
  };
  const pass = (ms: number): Promise<boolean> => runUntil(() => false, ms);
  const report = (unsettled: number, leftovers: number): SeedReport => ({
    seed,
    breaches,
    moves: truth.accepted.size,
    completed: new Set(bus.events.flatMap(({ name, data }) => (name === 'migration.completed' ? data.migrationId : [])))
      .size,
    calls: chaos.calls,
    faults: chaos.faults,
    crashes: fleet.crashes,
    steps: step,
    unsettled,
    leftovers,
    schedule: chaos.drawn,
    virtualMs: clock.monotonicMs(),
  });

  let isTroubled = true;
  const at = (id: string, act: (lotRandom: () => number) => string): void => {
    clock.after(upTo(random, profile.troubleMs), () => {
      const lot = chaos.deed(id);
      if (lot !== undefined) tell('deed', act(lot.random));
    });
  };
  for (let index = 0; index < profile.deeds; index += 1) at(`deed#${index}`, (lot) => people.act(lot));
  const disturbances = profile.emphasis?.disturbances ?? profile.deeds * DISTURBANCES_PER_DEED;
  for (let index = 0; index < disturbances; index += 1) at(`disturb#${index}`, (lot) => fleet.disturb(lot));
  changeLoads(world, random, () => isTroubled);
  // In any order of starts.
  for (const role of ['watcher', 'scorer', 'migrator'] as const) {
    clock.after(upTo(random, 3_000), () => fleet.scale(role, counts[role]));
  }
  await pass(profile.troubleMs);
  if (stopAtBreach && hasFailed) return report(0, 0);

  isTroubled = false;
  truth.repairedAtMs = clock.monotonicMs();
  chaos.end();
  people.repair();
  fleet.setClocksRight();
  scaleAll();
  tell('simulation', 'the trouble is over');
  const personComesAtMs = clock.monotonicMs() + PERSON_COMES_MS;
  let hasCome = false;
  const rest = (isQuiet: () => boolean): Promise<boolean> =>
    runUntil(() => {
      if (!hasCome && clock.monotonicMs() > personComesAtMs) {
        hasCome = true;
        for (const { intent } of bus.intents.values()) if (intent.state === 'active') abort(world, intent);
        openWhatNobodyDoes(world);
      }
      return isQuiet();
    }, restWithinMs);
  let rested = await rest(createQuietWatch(world, fleet));
  if (stopAtBreach && hasFailed) return report(0, 0);
  const unsettled = [...bus.intents.values()].filter(({ intent }) => intent.state === 'active').length;
  if (rested && world.leaseServer.census().holders > 0) {
    await pass(HOLDS_LAPSE_MS);
    rested = await rest(createQuietWatch(world, fleet));
  }
  if (!rested) breach('I11', `the world does not come to rest${describeUnrest(world)}`);
  const orphans = model.orphans().length;
  const before = { calls: truth.changingCalls, kubernetes: world.kubernetes.writes, facts: bus.factWrites };
  await pass(QUIET_MS);
  if (rested) {
    // What a policy is told of its window changes by the clock alone.
    const hasWindows = profile.policies.some(({ spec }) => spec.windows.length > 0);
    if (truth.changingCalls > before.calls) breach('I11', 'Mayastor is changed though nothing moves');
    if (!hasWindows && world.kubernetes.writes > before.kubernetes)
      breach('I11', 'Kubernetes is written to though nothing changes');
    // What Mayastor itself takes from its disks is news: of one pool for each replica.
    const news = Math.max(0, orphans - model.orphans().length);
    if (!hasWindows && bus.factWrites > before.facts + news)
      breach('I11', 'facts are published though nothing changes');
  }
  truth.lostCalls = [...truth.latePaths].flatMap(([path, sender]) => (sender.isDead ? [path] : []));
  let leftovers = 0;
  for (const role of ['migrator', 'scorer', 'watcher'] as const) fleet.scale(role, 0);
  if (!(await runUntil(() => fleet.running().length === 0, STOP_MS))) {
    breach(
      'I12',
      `${fleet
        .running()
        .map(({ name }) => name)
        .join()} did not stop within two minutes`,
    );
  }
  for (const { id, atRest } of invariants) {
    for (const what of atRest?.(world) ?? []) {
      breach(id, what);
      if (id === 'I4') leftovers += 1;
    }
  }
  model.stop();
  return report(unsettled, leftovers);
}

function noteStart(intent: Intent, { truth, clock, model, profile }: World): void {
  const { migrationId, policyId, volumeId } = intent;
  const nodes = model.volume(volumeId)?.replicas.map(({ node }) => node) ?? [];
  if (truth.accepted.has(migrationId)) truth.takenUpAgain.add(migrationId);
  const regrets = regretsOf(intent, truth, clock.monotonicMs());
  truth.accepted.set(migrationId, { policyId, atMs: clock.monotonicMs(), zones: spreadOver(nodes, profile), regrets });
}

function noteEnd(ended: EndedIntent, { truth, clock }: World, writer: SimulatedProcess): void {
  const { volumeId, policyId, outcome, fromTier, toTier, migrationId } = ended;
  const atMs = clock.monotonicMs();
  if (outcome === 'completed') {
    const regrets = truth.accepted.get(migrationId)?.regrets ?? 0;
    truth.lastMoves.set(volumeId, { fromTier, toTier, regrets });
  }
  const inRow = truth.failedInRow.get(policyId) ?? {
    volumes: new Set(),
    completedAtMs: Number.NEGATIVE_INFINITY,
    lastAtMs: atMs,
  };
  truth.failedInRow.set(policyId, inRow);
  inRow.lastAtMs = atMs;
  inRow.volumes.delete(volumeId);
  if (outcome === 'failed') inRow.volumes.add(volumeId);
  if (outcome === 'completed') {
    inRow.volumes.clear();
    inRow.completedAtMs = atMs;
  }
  if (outcome === 'completed') {
    if (nobodyIsRight(writer, truth)) truth.completedAtMs.delete(volumeId);
    else truth.completedAtMs.set(volumeId, atMs);
  }
  if (outcome === 'failed') {
    const times = (truth.failures.get(volumeId)?.inRow ?? 0) + 1;
    truth.failures.set(volumeId, { inRow: times, atMs, untilMs: atMs + FAILURE_BACKOFF_MS * 2 ** (times - 1) });
  } else truth.failures.delete(volumeId);
}

/** A process that stood still so lately may send what it had decided before. */
const LATE_MS = 40_000;

function abort({ kubernetes }: World, { volumeId, migrationId }: Intent): void {
  if (kubernetes.persistentVolumes.has(volumeId)) {
    kubernetes.putPersistentVolume(volumeId, { abort: migrationId });
  }
}

/** Quiet: for a while nothing moved, nobody stood still, nothing is about to, and every decision says that its volume stays. */
function createQuietWatch(world: World, fleet: Fleet): () => boolean {
  const { clock, bus, profile, model } = world;
  const beganMs = clock.monotonicMs();
  // What is wrong with a volume keeps it and others from moving, until Mayastor has mended it.
  const isMending = (): boolean =>
    clock.monotonicMs() - beganMs < MENDED_WITHIN_MS &&
    [...model.volumeIds()].some((id) => {
      const volume = model.volume(id);
      return volume?.target !== undefined && !volume.replicas.every(({ synced, inNexus }) => synced && inNexus);
    });
  // A cordon of which nobody knows any more is looked at for a while before it is taken away.
  const isSwept = (): boolean =>
    clock.monotonicMs() - beganMs > SWEPT_WITHIN_MS ||
    model.ledger.cordons().every((cordon) => !isOurCordonLabel(cordon.split('/').at(-1) ?? ''));
  const neededMs = Math.max(MINUTE_MS, 4 * profile.cycleMs, 4 * profile.cachePeriodMs, 2 * profile.watchPeriodMs);
  let busyAtMs = clock.monotonicMs();
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let orphans = model.orphans().length;
  /** What Mayastor takes from a disk is news of its pool, which the watcher has a while later. */
  const isTidied = (): boolean => {
    const before = orphans;
    orphans = model.orphans().length;
    return orphans < before;
  };
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - lookedAtMs < 1_000) return false;
    lookedAtMs = nowMs;
    const isMoving = [...bus.intents.values()].some(({ intent }) => intent.state === 'active');
    const isSuspended = fleet.running().some(({ stoodStillAtMs }) => stoodStillAtMs === nowMs);
    const isAtWork = isMoving || bus.pendingRequests().length > 0 || isMending() || !isSwept();
    if (isTidied() || isAtWork || isSuspended) busyAtMs = nowMs;
    else if (nowMs - busyAtMs > neededMs) {
      const decisions = [...bus.facts('decision.made').values()];
      const isWaiting = decisions.some(
        ({ action, reason, nextEligibleAt }) =>
          action !== 'hold' ||
          !restingReasons.has(reason) ||
          // What only waits for its time is not at rest, unless that is far.
          (nextEligibleAt !== undefined &&
            (!isPatient(reason) || Date.parse(nextEligibleAt) - clock.nowMs() < 2 * QUIET_MS)),
      );
      const owesReason = decisions.length < world.kubernetes.persistentVolumes.size;
      if (isWaiting || owesReason) busyAtMs = nowMs - neededMs / 2;
    }
    return nowMs - busyAtMs > neededMs;
  };
}

/** A cordon of a pool bears no name: with who set it late dead, it is for the person whom a move asks to lift it. */
function openWhatNobodyDoes({ model, truth }: World): void {
  for (const [path, sender] of truth.latePaths) {
    const pool = /^\/pools\/(.+)\/cordon$/.exec(path)?.[1];
    if (pool === undefined || !sender.isDead || !model.ledger.cordons().includes(`pool/${pool}/replicas`)) continue;
    const body = { replicas: true, snapshots: false, restores: false, import: false };
    void model.handle({ method: 'DELETE', path: `/v0${path}`, body });
  }
}

const SWEPT_WITHIN_MS = 10 * MINUTE_MS;
/** Some of it waits ten minutes before it is begun. */
const MENDED_WITHIN_MS = 20 * MINUTE_MS;

/** Reasons to wait that come again for ever, ever later or hourly, where moves cannot succeed: a world without a steer. */
const isPatient = (reason: string): boolean => reason === 'BackingOff' || reason === 'BrakeFleet';

function describeUnrest({ bus }: World): string {
  const moves = [...bus.intents.values()].flatMap(({ intent }) =>
    intent.state === 'active' ? [`; ${JSON.stringify(intent)}`] : [],
  );
  const decisions = [...bus.facts('decision.made').values()].flatMap(({ volumeId, action, reason, message }) =>
    reason === 'OnWantedTier' ? [] : [`; ${volumeId} ${action} ${reason} ${message}`],
  );
  return moves.join('') + decisions.join('') + `; ${bus.pendingRequests().length} requests`;
}

function describeIntent(intent: Intent): string {
  if (intent.state === 'ended') {
    return `intent of ${intent.volumeId}: ${intent.migrationId.slice(0, 8)} ended ${intent.outcome} ${intent.reason ?? ''} ${intent.message ?? ''}`;
  }
  const { round, rollback, attention } = intent;
  const where =
    round === undefined
      ? 'no round'
      : `round ${round.number} ${round.sourceReplicaId.slice(0, 8)} to ${round.targetPool}${
          round.fence === undefined ? '' : `, fence ${round.fence.ours.join(' ') || '-'}`
        }${round.newReplicaId === undefined ? '' : `, new ${round.newReplicaId.slice(0, 8)}`}${
          round.syncedAt === undefined ? '' : ', synced'
        }${round.steer === undefined ? '' : `, steer ${round.steer.node}`}, tries +${round.growths} -${round.shrinks}`;
  return `intent of ${intent.volumeId}: ${intent.migrationId.slice(0, 8)} of ${intent.owner} to ${intent.toTier}, ${where}${
    rollback === undefined ? '' : `, back ${rollback.reason}`
  }${attention === undefined ? '' : `, ATTENTION ${attention.reason}`}`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
