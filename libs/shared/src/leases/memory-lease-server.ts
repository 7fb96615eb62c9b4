import type { Clock } from '../clock/index.ts';
import { SLOT_KEPT_MS, SLOT_TAKEN_MAX_MS } from '../mayastor/call-life.ts';
import { RedisUnavailableError } from './errors.ts';
import type { CallPriority, Hold, HoldKey } from './leases.ts';
import {
  type EpochLostReply,
  type EpochReply,
  type FenceReply,
  type FenceServerRequest,
  type HoldReply,
  type HoldRequest,
  type LeaseReply,
  type LeaseRequest,
  type LeaseServer,
  type OwnerCommand,
  type RegisterReply,
  type RegisterRequest,
  TURN_MS,
  WAITING_MS,
} from './lease-server.ts';

/** What happens to one operation: it is done, it fails before anything is done, or it is done and the answer is lost. */
export type CallFate = 'done' | 'refused' | 'unanswered';

/** A model of the Redis server and its scripts, for simulations and unit tests. Several `Leases` may share one. */
export interface MemoryLeaseServer extends LeaseServer {
  /** The same operations, each done and answered in the moment of the call. */
  readonly atOnce: LeaseOperations;
  /** Forgets everything, as FLUSHALL does. */
  flush(): void;
  /** Keeps its data, but is another process: what was written last might have been lost. */
  restart(): void;
  /** A copy that lags behind: calling what it returns makes that copy the server, in another process. */
  replicate(): () => void;
  /** What is held now. */
  census(): { readonly ownerships: number; readonly holders: number; readonly fences: number };
  /** Who owns a volume now, and the migration that has the fence. */
  ownerOf(volumeId: string): string | undefined;
  fenceHolder(): string | undefined;
  /** How long that still has it without a renewal; 0 where nobody has it. */
  fenceLeftMs(): number;
  /** What a migration has room in, within the limits. */
  roomOf(migrationId: string): readonly HoldKey[];
  /** Whether it grants anything. */
  isOpen(): boolean;
}

/** What each script does, and answers. */
export type LeaseOperations = {
  readonly [K in Exclude<keyof LeaseServer, symbol>]: (
    ...request: Parameters<LeaseServer[K]>
  ) => Awaited<ReturnType<LeaseServer[K]>>;
};

export interface MemoryLeaseServerOptions {
  /** Its wall time is the server's time. */
  readonly clock: Clock;
  readonly fateOf?: (operation: string) => CallFate;
}

interface Lease {
  readonly holder: string;
  readonly token: number;
  untilMs: number;
}

interface HoldRecord {
  token: number;
  order: number;
  readonly released: boolean;
  readonly holds: Map<HoldKey, number>;
  untilMs: number;
}

interface Fence extends OwnerCommand {
  untilMs: number;
}

/** A command that is over: somebody else owns the volume by now, or the same owner asked for something since. */
function isOvertaken(command: OwnerCommand, last: Omit<OwnerCommand, 'migrationId'>): boolean {
  return command.token < last.token || (command.token === last.token && command.order < last.order);
}

const CLAIM_MS = 100;
const rankOf: Readonly<Record<CallPriority, number>> = { release: 0, act: 1, read: 2 };

interface State {
  readonly leases: Map<string, Lease>;
  readonly records: Map<string, HoldRecord>;
  fence: Fence | undefined;
  /** When each policy that was turned away asked last, and the number of the last turn that each had. */
  readonly waiting: Map<string, number>;
  readonly turns: Map<string, number>;
  turnCount: number;
  fenceTurn: { readonly migrationId: string; readonly untilMs: number } | undefined;
  slotsTakenUntilMs: number[];
  /** The run of the server that knows which calls it granted. */
  callsRun: number | undefined;
  readonly claimedUntilMs: number[];
  highestToken: number;
  /** The run of the server in which the epoch was opened. */
  epochRun: number | undefined;
  recovery: { readonly run: number; readonly sinceMs: number } | undefined;
}

function emptyState(): State {
  return {
    leases: new Map(),
    records: new Map(),
    fence: undefined,
    waiting: new Map(),
    turns: new Map(),
    turnCount: 0,
    fenceTurn: undefined,
    slotsTakenUntilMs: [],
    callsRun: undefined,
    claimedUntilMs: [0, 0, 0],
    highestToken: 0,
    epochRun: undefined,
    recovery: undefined,
  };
}

export function createMemoryLeaseServer(options: MemoryLeaseServerOptions): MemoryLeaseServer {
  const { fateOf } = options;
  /** Redis tells the time in whole milliseconds, and tokens are made of it. */
  const clock = { nowMs: () => Math.floor(options.clock.nowMs()) };
  let state = emptyState();
  let run = 1;

  const serve = async <T>(operation: string, effect: () => T): Promise<T> => {
    const fate = fateOf?.(operation) ?? 'done';
    if (fate === 'refused') throw new RedisUnavailableError(operation, 'the server is away');
    const result = effect();
    if (fate === 'unanswered') throw new RedisUnavailableError(operation, 'the answer was lost');
    return result;
  };

  const recoverySinceMs = (): number | undefined => (state.recovery?.run === run ? state.recovery.sinceMs : undefined);
  const epochLost = (lifeMs: number): EpochLostReply => {
    const sinceMs = recoverySinceMs();
    const opensInMs = sinceMs === undefined ? undefined : Math.max(0, sinceMs + 2 * lifeMs - clock.nowMs());
    return { kind: 'epochLost', opensInMs };
  };
  const epochOf = (lifeMs: number): EpochReply => (state.epochRun === run ? { kind: 'open' } : epochLost(lifeMs));

  const liveLease = (kind: string, name: string): Lease | undefined => {
    const lease = state.leases.get(`${kind}:${name}`);
    return lease !== undefined && lease.untilMs > clock.nowMs() ? lease : undefined;
  };

  const acquireLease = ({ kind, name, holder, ttlMs, lifeMs }: LeaseRequest): LeaseReply => {
    if (kind === 'owner' && state.epochRun !== run) return epochLost(lifeMs);
    const lease = liveLease(kind, name);
    if (lease !== undefined) return { kind: 'held', leftMs: lease.untilMs - clock.nowMs() };
    const token = Math.max(state.highestToken + 1, clock.nowMs());
    state.highestToken = token;
    state.leases.set(`${kind}:${name}`, { holder, token, untilMs: clock.nowMs() + ttlMs });
    return { kind: 'granted', token };
  };

  /** Whether another policy waits that was given room longer ago. */
  const othersAreNext = (policy: string, nowMs: number): boolean => {
    for (const [other, askedAtMs] of state.waiting) if (nowMs - askedAtMs > WAITING_MS) state.waiting.delete(other);
    const turnOf = (of: string): number => state.turns.get(of) ?? 0;
    return [...state.waiting.keys()].some((other) => other !== policy && turnOf(other) < turnOf(policy));
  };

  const hold = (request: HoldRequest): HoldReply => {
    const { migrationId, token, order, mode, holds, ttlMs, lifeMs } = request;
    if (state.epochRun !== run) return epochLost(lifeMs);
    const nowMs = clock.nowMs();
    for (const [id, { untilMs }] of state.records) if (untilMs <= nowMs) state.records.delete(id);
    const record = state.records.get(migrationId);
    if (record !== undefined && isOvertaken(request, record)) return { kind: 'superseded' };
    const mine = record?.holds ?? new Map<HoldKey, number>();
    const usedOf = (key: HoldKey): number => {
      let used = 0;
      for (const [id, other] of state.records) if (id !== migrationId) used += other.holds.get(key) ?? 0;
      return used;
    };
    const isFull = ({ key, amount, limit }: Hold): boolean =>
      amount > (mine.get(key) ?? 0) && usedOf(key) + amount > limit;
    let blocked = holds.find(isFull)?.key;
    const policy = holds.find(({ key }) => key.startsWith('policy/'));
    if (policy !== undefined && !mine.has('fleet') && holds.some(({ key }) => key === 'fleet')) {
      if (blocked === undefined && othersAreNext(policy.key, nowMs)) blocked = 'fleet';
      if (blocked !== undefined && !isFull(policy)) state.waiting.set(policy.key, nowMs);
      else state.waiting.delete(policy.key);
      if (blocked === undefined) {
        state.turnCount += 1;
        state.turns.set(policy.key, state.turnCount);
      }
    }
    if (blocked !== undefined) return { kind: 'limit', key: blocked, used: usedOf(blocked) };
    const next = new Map(mode === 'add' ? mine : []);
    for (const { key, amount } of holds) next.set(key, amount);
    state.records.set(migrationId, { token, order, released: false, holds: next, untilMs: nowMs + ttlMs });
    return { kind: 'granted' };
  };

  const register = ({ intents, ttlMs, lifeMs, epoch, recovery }: RegisterRequest): RegisterReply => {
    const nowMs = clock.nowMs();
    const open = state.epochRun === run;
    if (!open && recoverySinceMs() === undefined && epoch !== 'leave') state.recovery = { run, sinceMs: nowMs };
    for (const { migrationId, ownerToken, holds } of intents) {
      state.highestToken = Math.max(state.highestToken, ownerToken);
      const record = state.records.get(migrationId);
      if (record === undefined || (record.released && ownerToken > record.token)) {
        const registered = new Map(holds.map(({ key, amount }) => [key, amount]));
        const untilMs = nowMs + ttlMs;
        state.records.set(migrationId, { token: ownerToken, order: 0, released: false, holds: registered, untilMs });
      } else if (!record.released) {
        if (ownerToken > record.token) {
          record.token = ownerToken;
          record.order = 0;
        }
        record.untilMs = nowMs + ttlMs;
        if (open) continue;
        for (const { key, amount } of holds) record.holds.set(key, Math.max(amount, record.holds.get(key) ?? 0));
      }
    }
    const sinceMs = recoverySinceMs();
    if (open || sinceMs === undefined) return { epoch: epochOf(lifeMs), recovery: undefined };
    if (epoch === 'commit' && nowMs >= sinceMs + 2 * lifeMs && (recovery ?? sinceMs) === sinceMs) {
      state.epochRun = run;
      state.recovery = undefined;
      return { epoch: { kind: 'open' }, recovery: undefined };
    }
    return { epoch: epochLost(lifeMs), recovery: sinceMs };
  };

  const liveFence = (): Fence | undefined =>
    state.fence !== undefined && state.fence.untilMs > clock.nowMs() ? state.fence : undefined;

  const acquireFence = (request: FenceServerRequest): FenceReply => {
    const { migrationId, token, order, ttlMs, lifeMs } = request;
    if (state.epochRun !== run) return epochLost(lifeMs);
    const nowMs = clock.nowMs();
    const fence = liveFence();
    const isMine = fence?.migrationId === migrationId;
    if (isMine && isOvertaken(request, fence)) return { kind: 'superseded' };
    let leftMs = fence === undefined || isMine ? 0 : fence.untilMs - nowMs;
    const turn = state.fenceTurn !== undefined && state.fenceTurn.untilMs > nowMs ? state.fenceTurn : undefined;
    const isNext = turn === undefined || turn.migrationId === migrationId;
    if (leftMs === 0 && !isMine && !isNext) leftMs = Math.max(1, turn.untilMs - nowMs);
    if (leftMs > 0) {
      if (isNext) state.fenceTurn = { migrationId, untilMs: nowMs + Math.min(TURN_MS, Math.ceil(ttlMs / 3)) };
      return { kind: 'held', leftMs };
    }
    if (turn?.migrationId === migrationId) state.fenceTurn = undefined;
    state.fence = { migrationId, token, order, untilMs: nowMs + ttlMs };
    return { kind: 'granted' };
  };

  const takeCall = (priority: CallPriority, callsPerSecond: number, lifeMs: number): number => {
    const nowMs = clock.nowMs();
    if (state.callsRun !== run || (state.slotsTakenUntilMs.at(-1) ?? 0) > nowMs + SLOT_TAKEN_MAX_MS) {
      state.callsRun = run;
      state.slotsTakenUntilMs = Array.from({ length: callsPerSecond + 1 }, () => nowMs + SLOT_TAKEN_MAX_MS);
    }
    const taken = state.slotsTakenUntilMs.filter((untilMs) => untilMs > nowMs);
    const rank = rankOf[priority];
    const claimedMs = state.claimedUntilMs.slice(0, rank).map((untilMs) => untilMs - nowMs);
    let waitMs = Math.max(0, ...claimedMs.filter((leftMs) => leftMs <= 2 * SLOT_TAKEN_MAX_MS));
    const freeAtMs = taken[taken.length - callsPerSecond];
    if (freeAtMs !== undefined) waitMs = Math.max(waitMs, freeAtMs - nowMs);
    if (waitMs > 0) state.claimedUntilMs[rank] = nowMs + waitMs + CLAIM_MS;
    else taken.push(nowMs + lifeMs + SLOT_KEPT_MS);
    state.slotsTakenUntilMs = taken.toSorted((one, other) => one - other);
    return waitMs;
  };

  const atOnce: LeaseOperations = {
    acquireLease,
    renewLease: ({ kind, name, holder, token, ttlMs }) => {
      const lease = liveLease(kind, name);
      if (lease === undefined || lease.holder !== holder || lease.token !== token) return false;
      lease.untilMs = clock.nowMs() + ttlMs;
      return true;
    },
    releaseLease: ({ kind, name, holder, token }) => {
      const lease = liveLease(kind, name);
      if (lease?.holder === holder && lease.token === token) state.leases.delete(`${kind}:${name}`);
    },
    hold,
    releaseHolds: (request) => {
      const { migrationId, token, order, ttlMs } = request;
      const record = state.records.get(migrationId);
      if (record !== undefined && isOvertaken(request, record)) return;
      const untilMs = clock.nowMs() + ttlMs;
      state.records.set(migrationId, { token, order, released: true, holds: new Map(), untilMs });
    },
    register,
    epoch: epochOf,
    acquireFence,
    renewFence: ({ migrationId, token, ttlMs }) => {
      const fence = liveFence();
      if (fence?.migrationId !== migrationId || fence.token !== token) return false;
      fence.untilMs = clock.nowMs() + ttlMs;
      return true;
    },
    releaseFence: (request) => {
      const { migrationId } = request;
      const fence = liveFence();
      if (fence?.migrationId === migrationId) {
        if (isOvertaken(request, fence)) return;
        state.fence = undefined;
      }
      if (state.fenceTurn?.migrationId === migrationId) state.fenceTurn = undefined;
    },
    takeCall,
    ping: () => undefined,
  };

  return {
    atOnce,
    acquireLease: (request) => serve('acquireLease', () => atOnce.acquireLease(request)),
    renewLease: (request) => serve('renewLease', () => atOnce.renewLease(request)),
    releaseLease: (request) => serve('releaseLease', () => atOnce.releaseLease(request)),
    hold: (request) => serve('hold', () => atOnce.hold(request)),
    releaseHolds: (request) => serve('releaseHolds', () => atOnce.releaseHolds(request)),
    register: (request) => serve('register', () => atOnce.register(request)),
    epoch: (lifeMs) => serve('epoch', () => atOnce.epoch(lifeMs)),
    acquireFence: (request) => serve('acquireFence', () => atOnce.acquireFence(request)),
    renewFence: (request) => serve('renewFence', () => atOnce.renewFence(request)),
    releaseFence: (request) => serve('releaseFence', () => atOnce.releaseFence(request)),
    takeCall: (...request) => serve('takeCall', () => atOnce.takeCall(...request)),
    ping: () => serve('ping', () => atOnce.ping()),
    flush: () => {
      state = emptyState();
    },
    restart: () => {
      run += 1;
    },
    replicate: () => {
      const copy = structuredClone(state);
      return () => {
        state = copy;
        run += 1;
      };
    },
    ownerOf: (volumeId) => liveLease('owner', volumeId)?.holder,
    fenceHolder: () => liveFence()?.migrationId,
    fenceLeftMs: () => (liveFence()?.untilMs ?? clock.nowMs()) - clock.nowMs(),
    isOpen: () => state.epochRun === run,
    roomOf: (migrationId) => [...(state.records.get(migrationId)?.holds.keys() ?? [])],
    census: () => {
      const nowMs = clock.nowMs();
      const live = <T extends { readonly untilMs: number }>(all: Iterable<T>): T[] =>
        [...all].filter(({ untilMs }) => untilMs > nowMs);
      return {
        ownerships: live(state.leases.values()).length,
        holders: live(state.records.values()).filter(({ released }) => !released).length,
        fences: liveFence() === undefined ? 0 : 1,
      };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
