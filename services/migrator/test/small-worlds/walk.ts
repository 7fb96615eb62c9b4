import { anIntent } from '../evidence.ts';
import type { Capabilities } from '../../src/core/evidence.ts';
import { problemsAtEnd } from './enumerate.ts';
import { eventsIn, happeningsTo } from './happenings.ts';
import { isUp, volumesAtFirst, type Shared, type SmallWorld, type Transition, type Volume } from './small-world.ts';
import { stepsOf } from './steps.ts';

/** What a walk came to. */
export interface Walk {
  readonly moves: number;
  /** How often each end was come to. */
  readonly ends: ReadonlyMap<string, number>;
  readonly transitions: number;
  /** Of these, things that went wrong or were done by others. */
  readonly faults: number;
  readonly wrongs: readonly string[];
}

interface WalkOptions {
  /** 0 to below 1. */
  readonly random: () => number;
  /** Moves to begin. */
  readonly moves: number;
  /** Share of the transitions that may go wrong which do. */
  readonly faultShare: number;
}

const STEP_SHARE = 0.6;
const EVENT_SHARE = 0.2;
/** What happens to the whole cluster goes wrong more seldom, for it lasts until it is repaired. */
const EVENT_FAULTS = 0.3;
/** In between all is repaired, and every move has to end, each so many moves. */
const REST_EVERY = 50;
const REST_TRANSITIONS_MAX = 20_000;
const WRONGS_MAX = 5;
/** What would end most moves is seldom: that a person aborts, scales or deletes, that a time-out passes. */
const SELDOM = 0.02;

/**
 * Lets volume after volume move, in a world that may be larger and in which any number of things may go wrong: the states
 * of it are too many to visit, so one way through them is taken, by lot. Ends at what must never be.
 */
export function walk(world: SmallWorld, { random, moves, faultShare }: WalkOptions): Walk {
  const capabilities: Capabilities = { method: world.method ?? 'poolCordon', cachePeriodMs: 30_000 };
  const otherPools = world.pools.filter((pool) => !world.targetPools.includes(pool));
  const wrongs: string[] = [];
  const ends = new Map<string, number>();
  let shared: Shared = {
    cordons: [],
    nodesDown: [],
    fence: undefined,
    mayAct: true,
    trouble: Number.POSITIVE_INFINITY,
  };
  let volumes: readonly Volume[] = volumesAtFirst(world);
  let begun = volumes.length;
  let transitions = 0;
  let faults = 0;

  const wrong = (what: string, volume: Volume): void => {
    if (wrongs.length < WRONGS_MAX) wrongs.push(`${what} in ${JSON.stringify([volume, shared])}`);
  };
  const pick = <T>(all: readonly T[], weightOf: (one: T) => number): T | undefined => {
    let left = random() * all.reduce((sum, one) => sum + weightOf(one), 0);
    return all.find((one) => (left -= weightOf(one)) < 0) ?? all.at(-1);
  };
  const choose = <T extends { readonly benign: boolean }>(
    all: readonly T[],
    weightOf: (one: T) => number,
    share = faultShare,
  ): T | undefined => {
    const isFault = random() < share;
    const fitting = all.filter(({ benign }) => benign !== isFault);
    return pick(fitting.length > 0 ? fitting : all.filter(({ benign }) => benign), weightOf);
  };
  const put = (at: number, volume: Volume): void => {
    volumes = volumes.with(at, volume);
  };

  /** The next move of a volume whose last one has ended, once nothing is wrong with it. */
  const begin = (at: number, volume: Volume): void => {
    const { replicas, count, published, deleted } = volume;
    const [fresh] = volumesAtFirst({ ...world, volumes: [world.volumes[at] ?? []] });
    const isWhole =
      published && replicas.length === count && replicas.every((one) => one.health === 'synced' && isUp(shared, one));
    const { volumeId } = volume.intent;
    // A person who wanted another count makes the volume anew, as does one who deleted it.
    const now = deleted || count !== fresh?.count ? fresh : isWhole ? volume : undefined;
    if (now === undefined) return;
    const placement = now.replicas.map(({ pool }) => pool);
    const isThere = placement.every((pool) => world.targetPools.includes(pool));
    const intent = anIntent({
      placement,
      replicas: now.replicas.map(({ id, pool }) => ({
        replicaId: id,
        pool,
        node: pool.slice(pool.indexOf('-') + 1),
      })),
      migrationId: `m${begun}`,
      volumeId,
      targetPools: isThere && otherPools.length > 0 ? otherPools : [...world.targetPools],
      allowReducedRedundancy: world.allowReducedRedundancy ?? false,
    });
    begun += 1;
    put(at, { ...now, stable: 1, late: false, intent });
  };

  const weightIn =
    (volume: Volume) =>
    ({ volume: next, byAbort }: Transition): number =>
      byAbort === true ||
      (next.late && !volume.late) ||
      next.deleted ||
      next.stable === 2 ||
      next.count !== volume.count
        ? SELDOM
        : 1;

  const advance = (isTroubled: boolean): void => {
    transitions += 1;
    if (random() < EVENT_SHARE) {
      const event = choose([...eventsIn(world, shared)], () => 1, EVENT_FAULTS * faultShare);
      if (event === undefined) return;
      ({ shared } = event);
      if (!event.benign) faults += 1;
      if (event.touches) volumes = volumes.map((volume) => ({ ...volume, stable: 0 }));
      return;
    }
    const at = Math.floor(random() * volumes.length);
    const volume = volumes[at];
    if (volume === undefined) return;
    if (volume.intent.state === 'ended') {
      if (isTroubled) begin(at, volume);
      // What is wrong with it is repaired without us.
      const seen = { world, volume: { ...volume, intent: idle }, shared };
      const next = pick(
        [...happeningsTo(seen, capabilities)].filter(({ benign }) => benign),
        () => 1,
      );
      if (next !== undefined && volumes[at] === volume) put(at, { ...next.volume, intent: volume.intent });
      return;
    }
    const sight = { world, volume, shared };
    const own = random() < STEP_SHARE;
    const all = own
      ? [...stepsOf(sight, capabilities, (what) => wrong(what, volume))]
      : [...happeningsTo(sight, capabilities)];
    const next = choose(all, own ? () => 1 : weightIn(volume));
    if (next === undefined) return;
    if (!next.benign) faults += 1;
    ({ shared } = next);
    put(at, next.volume);
    const { intent } = next.volume;
    if (intent.state !== 'ended') return;
    const end = `${intent.outcome} ${intent.reason ?? ''}`.trim();
    ends.set(end, (ends.get(end) ?? 0) + 1);
    for (const problem of problemsAtEnd(next.volume, shared)) wrong(problem, volume);
  };
  const rest = (): void => {
    const { trouble } = shared;
    shared = { ...shared, trouble: 0 };
    const isOver = (): boolean => volumes.every(({ intent }) => intent.state === 'ended');
    for (let left = REST_TRANSITIONS_MAX; !isOver() && wrongs.length === 0; left -= 1) {
      if (left === 0) {
        const stuck = volumes.find(({ intent }) => intent.state !== 'ended');
        if (stuck !== undefined) wrong('a move comes to no end though nothing goes wrong any more', stuck);
        return;
      }
      advance(false);
    }
    shared = { ...shared, trouble };
  };

  const goesOn = (): boolean => begun < moves && wrongs.length === 0;
  let restAt = REST_EVERY;
  while (goesOn()) {
    advance(true);
    if (begun >= restAt) {
      rest();
      restAt += REST_EVERY;
    }
  }
  rest();
  return { moves: begun, ends, transitions, faults, wrongs };
}

/** Something to hold in place of a move that has ended, so that the volume's own things can happen. */
const idle = anIntent({ placement: [] });
