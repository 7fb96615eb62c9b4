import { expect, test } from 'vitest';
import type { Clock } from '../clock/index.ts';
import { CALL_LIFE_MAX_MS, CALL_LIFE_MIN_MS } from '../mayastor/call-life.ts';
import type { Hold, HoldKey, HoldsAnswer, LeaseAnswer, LeaseGrant, Leases, RegisteredIntent } from './leases.ts';

/** A server, real or modelled, with what the suite needs to play with its time and its data. */
export interface LeaseWorld extends AsyncDisposable {
  readonly clock: Clock;
  readonly ttlMs: number;
  readonly holdTtlMs: number;
  readonly callsPerSecond: number;
  /** A process of its own on the same server, connected. */
  connect(): Promise<Leases>;
  /** Opens an epoch, without a wait where one can be spared. */
  open(): Promise<void>;
  /** Lets a little time pass. */
  tick(): Promise<void>;
  /** Loses all the data. */
  flush(): Promise<void>;
}

/** What must be true of every implementation of `Leases`. */
export function describeLeases(createWorld: () => Promise<LeaseWorld>): void {
  const inWorld = (body: (world: LeaseWorld, a: Leases, b: Leases) => Promise<void>) => async (): Promise<void> => {
    await using world = await createWorld();
    await using a = await world.connect();
    await using b = await world.connect();
    await body(world, a, b);
  };
  const inEpoch = (body: (world: LeaseWorld, a: Leases, b: Leases) => Promise<void>) =>
    inWorld(async (world, a, b) => {
      await world.open();
      await body(world, a, b);
    });

  test(
    'a volume has one owner, and another one once it has lapsed, with a greater token',
    inEpoch(async (world, a, b) => {
      const sentAtMs = world.clock.monotonicMs();
      const first = grantOf(await a.acquireOwnership('v', 'a'));
      expect(first.validUntilMonotonicMs).toBeGreaterThanOrEqual(sentAtMs + world.ttlMs);
      expect(first.validUntilMonotonicMs).toBeLessThanOrEqual(world.clock.monotonicMs() + world.ttlMs);
      expect(await b.acquireOwnership('v', 'b')).toMatchObject({ granted: false, reason: 'Held' });
      expect(await a.acquireOwnership('v', 'a')).toMatchObject({ granted: false, reason: 'Held' });
      grantOf(await b.acquireOwnership('w', 'b'));

      const second = await until(world, () => b.acquireOwnership('v', 'b'), isGrant);
      expect(second.token).toBeGreaterThan(first.token);
      expect(world.clock.monotonicMs()).toBeGreaterThanOrEqual(first.validUntilMonotonicMs);
      expect(await a.renewOwnership('v', 'a', first.token)).toEqual({ renewed: false });
      await a.releaseOwnership('v', 'a', first.token);
      expect(await b.renewOwnership('v', 'b', second.token)).toMatchObject({ renewed: true });
    }),
  );

  test(
    'an owner that renews keeps its volume, and one that releases makes room at once',
    inEpoch(async (world, a, b) => {
      const { token } = grantOf(await a.acquireOwnership('v', 'a'));
      const endMs = world.clock.monotonicMs() + 2 * world.ttlMs;
      while (world.clock.monotonicMs() < endMs) {
        await world.tick();
        expect(await a.renewOwnership('v', 'a', token)).toMatchObject({ renewed: true });
        expect(await b.acquireOwnership('v', 'b')).toMatchObject({ reason: 'Held' });
      }
      await a.releaseOwnership('v', 'b', token);
      await a.releaseOwnership('v', 'a', token + 1);
      expect(await b.acquireOwnership('v', 'b')).toMatchObject({ reason: 'Held' });
      await a.releaseOwnership('v', 'a', token);
      expect(grantOf(await b.acquireOwnership('v', 'b')).token).toBeGreaterThan(token);
    }),
  );

  test(
    'holds are taken all or none, and say which limit was in the way',
    inEpoch(async (_world, a, b) => {
      const policy = { key: 'policy/p', amount: 1, limit: 2 } as const;
      expect(await a.acquireHolds(request('m1', 1, policy, one('pool/x')))).toEqual({ granted: true });
      expect(await b.acquireHolds(request('m2', 2, policy, one('pool/x')))).toEqual({
        granted: false,
        reason: 'LimitReached',
        refusedBy: 'pool/x',
        used: 1,
        limit: 1,
      });
      expect(await b.acquireHolds(request('m2', 2, policy, one('pool/y')))).toEqual({ granted: true });
      expect(await a.acquireHolds(request('m3', 3, policy, one('pool/z')))).toMatchObject({ refusedBy: 'policy/p' });
      await b.releaseHolds('m1', 1);
      expect(await a.acquireHolds(request('m3', 3, policy, one('pool/x')))).toEqual({ granted: true });
    }),
  );

  test(
    'amounts up to the largest whole number are counted exactly',
    inEpoch(async (_world, a) => {
      const limit = Number.MAX_SAFE_INTEGER;
      const bytes = (amount: number): Hold => ({ key: 'bytes', amount, limit });
      expect(await a.acquireHolds(request('m1', 1, bytes(limit - 7)))).toEqual({ granted: true });
      expect(await a.acquireHolds(request('m2', 2, bytes(8)))).toMatchObject({ granted: false, used: limit - 7 });
      expect(await a.acquireHolds(request('m2', 2, bytes(7)))).toEqual({ granted: true });
    }),
  );

  test(
    'asking again for the same holds takes nothing more, and keeps what a lowered limit would refuse',
    inEpoch(async (_world, a, b) => {
      await a.acquireHolds(request('m1', 1, one('fleet')));
      await a.acquireHolds(request('m1', 1, one('fleet')));
      expect(await a.acquireHolds(request('m1', 1, { key: 'fleet', amount: 1, limit: 0 }))).toEqual({ granted: true });
      expect(await b.acquireHolds(request('m2', 2, { key: 'fleet', amount: 1, limit: 2 }))).toEqual({ granted: true });
    }),
  );

  test(
    'a round swaps its pool and node while the rest stays, or keeps what it had',
    inEpoch(async (_world, a, b) => {
      await a.acquireHolds(request('m1', 1, one('fleet'), one('pool/x')));
      await b.acquireHolds(request('m2', 2, one('pool/y')));
      const swap = request('m1', 1, one('fleet'), one('pool/y'));
      expect(await a.swapHolds(swap)).toMatchObject({ granted: false, refusedBy: 'pool/y' });
      expect(await b.acquireHolds(request('m3', 3, one('pool/x')))).toMatchObject({ refusedBy: 'pool/x' });
      await b.releaseHolds('m2', 2);
      expect(await a.swapHolds(swap)).toEqual({ granted: true });
      expect(await b.acquireHolds(request('m3', 3, one('pool/x')))).toEqual({ granted: true });
      expect(await b.acquireHolds(request('m4', 4, one('fleet')))).toMatchObject({ refusedBy: 'fleet' });
    }),
  );

  test(
    'a command that a later one of the same owner has overtaken does nothing',
    // The same owner, over a connection on which its commands arrive when all others were done.
    inEpoch(async (_world, a, late) => {
      await a.acquireHolds(request('m1', 1, one('fleet')));
      await a.releaseHolds('m1', 1);
      await a.acquireHolds(request('m1', 1, one('fleet'), one('pool/x')));
      await late.releaseHolds('m1', 1);
      expect(await late.swapHolds(request('m1', 1, one('fleet')))).toMatchObject({ reason: 'Superseded' });
      expect(await a.acquireHolds(request('m2', 2, one('pool/x')))).toMatchObject({ refusedBy: 'pool/x' });
      await a.releaseHolds('m1', 1);
      expect(await late.acquireHolds(request('m1', 1, one('fleet')))).toMatchObject({ reason: 'Superseded' });
      expect(await a.acquireHolds(request('m2', 2, one('fleet')))).toEqual({ granted: true });

      await a.acquireFence({ migrationId: 'm1', token: 1 });
      await late.releaseFence('m1', 1);
      expect(await a.acquireFence({ migrationId: 'm2', token: 2 })).toMatchObject({ reason: 'Held' });
      expect(await late.acquireFence({ migrationId: 'm1', token: 1 })).toMatchObject({ reason: 'Superseded' });
    }),
  );

  test(
    'holds are kept by any process that renews them, and lapse when nobody does',
    inEpoch(async (world, a, b) => {
      const intent = registered('m1', 1, 'fleet');
      await a.acquireHolds(request('m1', 1, one('fleet')));
      const other = request('m2', 2, one('fleet'));
      const endMs = world.clock.monotonicMs() + 1.5 * world.holdTtlMs;
      while (world.clock.monotonicMs() < endMs) {
        await world.tick();
        expect(await b.renewAll([intent])).toEqual({ state: 'open' });
        expect(await b.acquireHolds(other)).toMatchObject({ refusedBy: 'fleet' });
      }
      await until(world, () => b.acquireHolds(other), isHeld);
    }),
  );

  test(
    'a registration counts above the limit, and does not undo a release that came after it was read',
    inEpoch(async (_world, a, b) => {
      await a.acquireHolds(request('m1', 1, one('fleet')));
      await b.registerHolds(registered('m2', 2, 'fleet'));
      expect(await a.acquireHolds(request('m3', 3, { key: 'fleet', amount: 1, limit: 2 }))).toMatchObject({ used: 2 });
      await a.releaseHolds('m1', 1);
      await b.renewAll([registered('m1', 1, 'fleet'), registered('m2', 2, 'fleet')]);
      expect(await a.acquireHolds(request('m3', 3, { key: 'fleet', amount: 1, limit: 2 }))).toEqual({ granted: true });
    }),
  );

  test(
    'a former owner can neither take nor release the holds of a migration that was taken over',
    inEpoch(async (_world, a, b) => {
      await a.acquireHolds(request('m1', 5, one('fleet')));
      await b.acquireHolds(request('m1', 6, one('fleet')));
      await a.releaseHolds('m1', 5);
      expect(await a.acquireHolds(request('m2', 7, one('fleet')))).toMatchObject({ refusedBy: 'fleet' });
      expect(await a.acquireHolds(request('m1', 5, one('pool/x')))).toEqual({ granted: false, reason: 'Superseded' });
      await b.releaseHolds('m1', 6);
      expect(await a.swapHolds(request('m1', 5, one('fleet')))).toEqual({ granted: false, reason: 'Superseded' });
      expect(await b.acquireHolds(request('m1', 6, one('fleet')))).toEqual({ granted: true });
    }),
  );

  test(
    'policies that wait for room get it in turn, however many candidates one of them has',
    inEpoch(async (world, a, b) => {
      const begin = (migrationId: string, policy: string, limit = 9) =>
        request(migrationId, 1, { key: 'fleet', amount: 1, limit: 2 }, { key: `policy/${policy}`, amount: 1, limit });
      const turnedAway = { granted: false, refusedBy: 'fleet' };
      expect(await a.acquireHolds(begin('many1', 'many'))).toEqual({ granted: true });
      expect(await a.acquireHolds(begin('many2', 'many'))).toEqual({ granted: true });
      expect(await b.acquireHolds(begin('few1', 'few'))).toMatchObject(turnedAway);
      await a.releaseHolds('many1', 1);
      expect(await a.acquireHolds(begin('many3', 'many'))).toMatchObject({ ...turnedAway, used: 1 });
      expect(await b.acquireHolds(begin('few1', 'few'))).toEqual({ granted: true });
      await a.releaseHolds('many2', 1);
      expect(await b.acquireHolds(begin('few2', 'few'))).toMatchObject(turnedAway);
      expect(await a.acquireHolds(begin('many3', 'many'))).toEqual({ granted: true });
      await a.releaseHolds('many3', 1);
      // Who has not asked for a while waits no more, and who is at a limit of its own never did.
      await until(world, () => a.acquireHolds(begin('many4', 'many')), isHeld);
      await a.releaseHolds('many4', 1);
      expect(await b.acquireHolds(begin('few2', 'few', 0))).toMatchObject({ refusedBy: 'policy/few' });
      expect(await a.acquireHolds(begin('many5', 'many'))).toEqual({ granted: true });
    }),
  );

  test(
    'one migration has the fence, and may ask for it again',
    inEpoch(async (_world, a, b) => {
      const by = (migrationId: string) => ({ migrationId, token: 1 });
      expect(await a.acquireFence(by('m1'))).toMatchObject({ granted: true });
      expect(await a.acquireFence(by('m1'))).toMatchObject({ granted: true });
      expect(await b.acquireFence(by('m2'))).toMatchObject({ reason: 'Held' });
      await b.releaseFence('m2', 1);
      expect(await b.acquireFence(by('m2'))).toMatchObject({ reason: 'Held' });
      await a.releaseFence('m1', 1);
      expect(await b.acquireFence(by('m2'))).toMatchObject({ granted: true });
    }),
  );

  test(
    'who waits for the fence gets it before newcomers',
    inEpoch(async (world, a, b) => {
      const by = (migrationId: string) => ({ migrationId, token: 1 });
      await a.acquireFence(by('m1'));
      expect(await b.acquireFence(by('first'))).toMatchObject({ reason: 'Held' });
      expect(await a.acquireFence(by('m2'))).toMatchObject({ reason: 'Held' });
      await a.releaseFence('m1', 1);
      expect(await a.acquireFence(by('m2'))).toMatchObject({ reason: 'Held' });
      expect(await b.acquireFence(by('first'))).toMatchObject({ granted: true });
      await b.releaseFence('first', 1);
      await until(world, () => a.acquireFence(by('m2')), isFenced);
    }),
  );

  test(
    'a fence lapses unless it is renewed, and belongs to the latest owner',
    inEpoch(async (world, a, b) => {
      const by = (migrationId: string, token: number) => ({ migrationId, token });
      expect(await a.acquireFence(by('m1', 5))).toMatchObject({ granted: true });
      expect(await b.acquireFence(by('m1', 6))).toMatchObject({ granted: true });
      expect(await a.acquireFence(by('m1', 5))).toEqual({ granted: false, reason: 'Superseded' });
      expect(await a.renewFence('m1', 5)).toEqual({ renewed: false });
      await a.releaseFence('m1', 5);
      const endMs = world.clock.monotonicMs() + 1.5 * world.ttlMs;
      while (world.clock.monotonicMs() < endMs) {
        await world.tick();
        expect(await b.renewFence('m1', 6)).toMatchObject({ renewed: true });
      }
      expect(await a.acquireFence(by('m2', 7))).toMatchObject({ reason: 'Held' });
      await until(world, () => a.acquireFence(by('m2', 7)), isFenced);
      expect(await b.renewFence('m1', 6)).toEqual({ renewed: false });
    }),
  );

  test(
    'all processes together make no more calls in a second than the budget, the urgent ones first',
    inWorld(async (world, a, b) => {
      const order: { readonly priority: string; readonly atMs: number }[] = [];
      const take = async (leases: Leases, priority: 'release' | 'act' | 'read'): Promise<void> => {
        await leases.takeCall(priority, CALL_LIFE_MAX_MS);
        order.push({ priority, atMs: world.clock.monotonicMs() });
      };
      // All but one of the calls of a second are anybody's; the last one is a release's. Each counts for as long as it
      // may: who takes them has time.
      const filled = world.callsPerSecond - 1;
      await settled(
        world,
        Array.from({ length: filled }, () => take(a, 'read')),
      );
      await settled(world, [take(a, 'read'), take(b, 'act'), take(b, 'release'), take(a, 'release')]);
      const rest = order.slice(filled).map(({ priority }) => priority);
      expect(rest.toSorted()).toEqual(['act', 'read', 'release', 'release']);
      expect(rest.indexOf('act')).toBeGreaterThan(rest.lastIndexOf('release'));
      expect(rest.indexOf('read')).toBeGreaterThan(rest.indexOf('act'));
      expect((order[filled]?.atMs ?? 0) - (order[0]?.atMs ?? 0)).toBeLessThan(CALL_LIFE_MAX_MS + 1_000);
      const spanMs = (order.at(-1)?.atMs ?? 0) - (order[0]?.atMs ?? 0);
      expect(spanMs).toBeGreaterThanOrEqual(CALL_LIFE_MAX_MS + 950);
    }),
  );

  test(
    'calls that may still be sent, and those of the last second, count also after what was granted is forgotten',
    inWorld(async (world, a, b) => {
      const grantedAtMs: number[] = [];
      const take = async (leases: Leases): Promise<void> => {
        await leases.takeCall('release', CALL_LIFE_MAX_MS);
        grantedAtMs.push(world.clock.monotonicMs());
      };
      const all = (leases: Leases): Promise<void>[] => Array.from({ length: world.callsPerSecond }, () => take(leases));
      await settled(world, all(a));
      await world.flush();
      await settled(world, all(b));
      expect((grantedAtMs[world.callsPerSecond] ?? 0) - (grantedAtMs[0] ?? 0)).toBeGreaterThan(
        CALL_LIFE_MAX_MS + 1_000,
      );
    }),
  );

  test(
    'a call that is given up stops waiting',
    inWorld(async (world, a) => {
      const stop = new AbortController();
      const calls = Array.from({ length: 3 * world.callsPerSecond }, () =>
        a.takeCall('read', CALL_LIFE_MIN_MS, stop.signal).catch((error: unknown) => error),
      );
      await world.tick();
      stop.abort(new Error('stopped'));
      expect(await Promise.all(calls)).toContainEqual(new Error('stopped'));
      await settled(world, [a.takeCall('read', CALL_LIFE_MIN_MS)]);
    }),
  );

  test(
    'there is one leader, also where no epoch is open',
    inWorld(async (world, a, b) => {
      const first = grantOf(await a.acquireLeadership('scorer', 'a'));
      expect(await b.acquireLeadership('scorer', 'b')).toMatchObject({ reason: 'Held' });
      grantOf(await b.acquireLeadership('other', 'b'));
      expect(await a.renewLeadership('scorer', 'a', first.token)).toMatchObject({ renewed: true });
      const second = await until(world, () => b.acquireLeadership('scorer', 'b'), isGrant);
      expect(second.token).toBeGreaterThan(first.token);
      expect(await a.renewLeadership('scorer', 'a', first.token)).toEqual({ renewed: false });
      await b.releaseLeadership('scorer', 'b', second.token);
      grantOf(await a.acquireLeadership('scorer', 'a'));
    }),
  );

  test(
    'nothing is granted before an epoch was opened, which takes two lease lives from the first registration',
    inWorld(async (world, a, b) => {
      const lost = { granted: false, reason: 'EpochLost', opensInMs: undefined };
      expect(await a.acquireOwnership('v', 'a')).toEqual(lost);
      expect(await a.acquireHolds(request('m1', 1, one('fleet')))).toEqual(lost);
      expect(await a.acquireFence({ migrationId: 'm1', token: 1 })).toEqual(lost);
      expect(await a.epoch()).toEqual({ state: 'lost', opensInMs: undefined });
      expect(await a.renewAll([])).toEqual({ state: 'lost', opensInMs: undefined });

      const beganMs = world.clock.monotonicMs();
      expect(await a.registerAll([])).toMatchObject({ state: 'lost', opensInMs: 2 * world.ttlMs });
      await until(world, () => b.registerAll([]), isOpen);
      expect(world.clock.monotonicMs() - beganMs).toBeGreaterThanOrEqual(2 * world.ttlMs - 1);
      expect(await a.epoch()).toEqual({ state: 'open' });
      grantOf(await a.acquireOwnership('v', 'a'));
    }),
  );

  test(
    'time alone opens no epoch: somebody must register',
    inWorld(async (world, a, b) => {
      await a.registerAll([]);
      await until(
        world,
        () => b.epoch(),
        (epoch) => epoch.state === 'lost' && epoch.opensInMs === 0,
      );
      await b.renewAll([]);
      expect(await b.acquireOwnership('v', 'b')).toMatchObject({ reason: 'EpochLost', opensInMs: 0 });
      expect(await b.registerAll([])).toEqual({ state: 'open' });
    }),
  );

  test(
    'after a loss of data the registered holds count again, and tokens go on growing',
    inEpoch(async (world, a, b) => {
      const owner = grantOf(await a.acquireOwnership('v', 'a'));
      const limit = 250;
      const fleet = { key: 'fleet', amount: 1, limit } as const;
      const intents = Array.from({ length: limit }, (_, index) => registered(`m${index}`, owner.token, 'fleet'));
      await a.acquireHolds(request('m0', owner.token, fleet));
      await world.flush();

      expect(await b.acquireHolds(request('new', owner.token, fleet))).toMatchObject({ reason: 'EpochLost' });
      expect(await a.renewOwnership('v', 'a', owner.token)).toEqual({ renewed: false });
      await until(world, () => b.registerAll(intents), isOpen);
      expect(await b.acquireHolds(request('new', owner.token, fleet))).toMatchObject({
        refusedBy: 'fleet',
        used: limit,
      });
      await b.releaseHolds('m7', owner.token);
      expect(await b.acquireHolds(request('new', owner.token, fleet))).toEqual({ granted: true });
      expect(grantOf(await b.acquireOwnership('v', 'b')).token).toBeGreaterThan(owner.token);
    }),
  );

  test(
    'a second loss begins the wait anew',
    inWorld(async (world, a) => {
      await a.registerAll([]);
      await until(
        world,
        () => a.epoch(),
        (epoch) => epoch.state === 'lost' && (epoch.opensInMs ?? 0) <= world.ttlMs,
      );
      await world.flush();
      expect(await a.epoch()).toEqual({ state: 'lost', opensInMs: undefined });
      expect(await a.registerAll([])).toMatchObject({ opensInMs: 2 * world.ttlMs });
    }),
  );

  test(
    'while data is lost, all that anybody registers counts',
    inWorld(async (world, a, b) => {
      await a.registerAll([registered('m1', 1, 'pool/x')]);
      await b.registerAll([registered('m1', 1, 'pool/y')]);
      await until(world, () => b.registerAll([registered('m1', 1, 'pool/y')]), isOpen);
      expect(await b.acquireHolds(request('m2', 2, one('pool/x')))).toMatchObject({ refusedBy: 'pool/x' });
      expect(await b.acquireHolds(request('m2', 2, one('pool/y')))).toMatchObject({ refusedBy: 'pool/y' });
      await b.swapHolds(request('m1', 1, one('pool/y')));
      expect(await b.acquireHolds(request('m2', 2, one('pool/x')))).toEqual({ granted: true });
    }),
  );

  test(
    'a registered token keeps later ones above it, whatever the clock says',
    inWorld(async (world, a) => {
      const farAhead = world.clock.nowMs() + 1_000_000_000;
      await until(world, () => a.registerAll([registered('m1', farAhead, 'fleet')]), isOpen);
      expect(grantOf(await a.acquireOwnership('v', 'a')).token).toBeGreaterThan(farAhead);
    }),
  );

  test(
    'a mistaken request is refused before it is sent',
    inWorld(async (_world, a) => {
      await expect(a.acquireHolds(request('m', 1, one('fleet'), one('fleet')))).rejects.toThrow('each key once');
      await expect(a.acquireHolds(request('m', 1, { key: 'bytes', amount: -1, limit: 1 }))).rejects.toThrow('amount');
    }),
  );
}

export async function openEpoch(world: Pick<LeaseWorld, 'clock' | 'tick'>, leases: Leases): Promise<void> {
  await until(world, () => leases.registerAll([]), isOpen);
}

export const one = (key: HoldKey): Hold => ({ key, amount: 1, limit: 1 });

export const request = (migrationId: string, token: number, ...holds: Hold[]) => ({ migrationId, token, holds });

function registered(migrationId: string, ownerToken: number, ...keys: HoldKey[]): RegisteredIntent {
  return { migrationId, ownerToken, holds: keys.map((key) => ({ key, amount: 1 })) };
}

export function grantOf(answer: LeaseAnswer): LeaseGrant {
  if (!answer.granted) throw new Error(`not granted: ${answer.reason}`);
  return answer;
}

const isGrant = (answer: LeaseAnswer): answer is LeaseGrant => answer.granted;
const isHeld = (answer: HoldsAnswer): boolean => answer.granted;
const isFenced = (answer: { readonly granted: boolean }): boolean => answer.granted;
export const isOpen = (epoch: { readonly state: string }): boolean => epoch.state === 'open';

const PATIENCE_MS = 120_000;

/** Asks again and again, letting time pass in between, until the answer is the wanted one. */
export async function until<T, Wanted extends T>(
  world: Pick<LeaseWorld, 'clock' | 'tick'>,
  ask: () => Promise<T>,
  isWanted: ((answer: T) => answer is Wanted) | ((answer: T) => boolean),
): Promise<Wanted> {
  const wanted = (answer: T): answer is Wanted => isWanted(answer);
  const endMs = world.clock.monotonicMs() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (world.clock.monotonicMs() > endMs) throw new Error(`still ${JSON.stringify(answer)}`);
    await world.tick();
  }
}

/** A connection takes a moment; until then commands fail at once. */
export async function whenAnswering(world: Pick<LeaseWorld, 'clock' | 'tick'>, leases: Leases): Promise<void> {
  const answers = (): Promise<boolean> =>
    leases.ping().then(
      () => true,
      () => false,
    );
  await until(world, answers, (answered) => answered);
}

/** Lets time pass until all of them have settled. */
async function settled(world: LeaseWorld, promises: readonly Promise<unknown>[]): Promise<void> {
  const state = { done: false };
  const all = Promise.allSettled(promises).then(() => {
    state.done = true;
  });
  await until(
    world,
    () => Promise.resolve(state),
    ({ done }) => done,
  );
  await all;
  await Promise.all(promises);
}
