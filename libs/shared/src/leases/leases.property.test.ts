import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createVirtualClock } from '../clock/index.ts';
import { createMemoryLeases } from './create-leases.ts';
import { RedisUnavailableError } from './errors.ts';
import { isOpen, openEpoch, until } from './lease-conformance.ts';
import type { LeaseServer } from './lease-server.ts';
import type { HeldAmount, Hold, HoldKey, Leases, RegisteredIntent } from './leases.ts';
import { createMemoryLeaseServer } from './memory-lease-server.ts';

/*
 * Three processes on one server, doing anything in any order, with answers that are lost, commands that arrive late and
 * data that are lost. What they believe is compared with each other: beliefs are what harm is done by.
 */

const ttlMs = 15_000;
const holdTtlMs = 600_000;
const processes = ['a', 'b', 'c'] as const;
const volumes = ['v0', 'v1', 'v2', 'v3'] as const;
const limits: Readonly<Record<string, number>> = { fleet: 3, 'policy/p': 2, 'pool/x': 1, 'pool/y': 1, bytes: 10 };

type Process = (typeof processes)[number];
type Volume = (typeof volumes)[number];

/** A command is answered, done without an answer, or without an answer and done later. */
type Fate = 'answered' | 'unanswered' | 'late';

type Step = { readonly process: Process; readonly volume: Volume; readonly fate: Fate } & (
  | {
      readonly kind:
        | 'own'
        | 'renew'
        | 'disown'
        | 'end'
        | 'fence'
        | 'renewFence'
        | 'unfence'
        | 'registerAll'
        | 'renewAll';
    }
  | { readonly kind: 'hold' | 'swap'; readonly pool: 'pool/x' | 'pool/y'; readonly bytes: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'flush' | 'restart' | 'arrive' }
);

const base = {
  process: fc.constantFrom(...processes),
  volume: fc.constantFrom(...volumes),
  fate: fc.oneof(
    { weight: 18, arbitrary: fc.constant<Fate>('answered') },
    { weight: 2, arbitrary: fc.constantFrom<Fate>('unanswered', 'late') },
  ),
};
const pool = fc.constantFrom<'pool/x' | 'pool/y'>('pool/x', 'pool/y');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ ...base, kind: fc.constant('own' as const) }) },
  {
    weight: 16,
    arbitrary: fc.record({
      ...base,
      kind: fc.constantFrom('renew', 'disown', 'end', 'renewFence', 'unfence', 'renewAll'),
    }),
  },
  {
    weight: 16,
    arbitrary: fc.record({
      ...base,
      kind: fc.constantFrom('hold', 'swap'),
      pool,
      bytes: fc.integer({ min: 0, max: 6 }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({ ...base, kind: fc.constant('fence' as const) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ ...base, kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
  },
  { weight: 8, arbitrary: fc.record({ ...base, kind: fc.constant('registerAll' as const) }) },
  { weight: 3, arbitrary: fc.record({ ...base, kind: fc.constant('arrive' as const) }) },
  { weight: 1, arbitrary: fc.record({ ...base, kind: fc.constantFrom('flush', 'restart') }) },
);

/** How often things went well, so that a run in which nothing ever does is seen. */
interface Granted {
  own: number;
  hold: number;
  fence: number;
  epochs: number;
}

interface Ownership {
  readonly token: number;
  validUntilMs: number;
}

interface Fence {
  readonly token: number;
  validUntilMs: number;
}

async function createWorld(granted: Granted) {
  const clock = createVirtualClock();
  let fate: Fate = 'answered';
  const model = createMemoryLeaseServer({ clock, fateOf: () => (fate === 'answered' ? 'done' : 'unanswered') });
  const late: (() => unknown)[] = [];
  const perhapsLate =
    <Asked, Reply>(inTime: (request: Asked) => Promise<Reply>, atOnce: (request: Asked) => unknown) =>
    (request: Asked): Promise<Reply> => {
      if (fate !== 'late') return inTime(request);
      late.push(() => atOnce(request));
      return Promise.reject(new RedisUnavailableError('any', 'it has not arrived'));
    };
  const server: LeaseServer = {
    ...model,
    hold: perhapsLate((request) => model.hold(request), model.atOnce.hold),
    releaseHolds: perhapsLate((request) => model.releaseHolds(request), model.atOnce.releaseHolds),
    acquireFence: perhapsLate((request) => model.acquireFence(request), model.atOnce.acquireFence),
    releaseFence: perhapsLate((request) => model.releaseFence(request), model.atOnce.releaseFence),
  };
  const connect = (): Leases => createMemoryLeases({ clock, server, ttlMs, holdTtlMs });
  const leases: Readonly<Record<Process, Leases>> = { a: connect(), b: connect(), c: connect() };
  const owned = new Map<string, Ownership>();
  const fenced = new Map<string, Fence>();
  /** What the bucket of intents says. */
  const intents = new Map<Volume, { ownerToken: number; holds: readonly HeldAmount[]; isUnsure: boolean }>();
  let highestToken = 0;

  const listed = (): RegisteredIntent[] =>
    [...intents].map(([volume, { ownerToken, holds }]) => ({ migrationId: `m-${volume}`, ownerToken, holds }));
  const ownedNow = (process: Process, volume: Volume): Ownership | undefined => {
    const ownership = owned.get(`${process}/${volume}`);
    return ownership !== undefined && ownership.validUntilMs > clock.monotonicMs() ? ownership : undefined;
  };

  const take = async (one: Step): Promise<void> => {
    const { process, volume } = one;
    const key = `${process}/${volume}`;
    const own = leases[process];
    const ownership = ownedNow(process, volume);
    const migrationId = `m-${volume}`;
    switch (one.kind) {
      case 'own': {
        const answer = await own.acquireOwnership(volume, process);
        if (!answer.granted) return;
        assert.ok(answer.token > highestToken, 'tokens grow');
        granted.own += 1;
        highestToken = answer.token;
        owned.set(key, { token: answer.token, validUntilMs: answer.validUntilMonotonicMs });
        return;
      }
      case 'renew': {
        if (ownership === undefined) return;
        const answer = await own.renewOwnership(volume, process, ownership.token);
        if (answer.renewed) ownership.validUntilMs = answer.validUntilMonotonicMs;
        return;
      }
      case 'disown':
        if (ownership === undefined) return;
        owned.delete(key);
        return own.releaseOwnership(volume, process, ownership.token);
      case 'hold':
      case 'swap': {
        if (ownership === undefined) return;
        const { token } = ownership;
        const holds = holdsOf(one.pool, one.bytes);
        const intent = intents.get(volume);
        if (one.kind === 'hold' && intent !== undefined) {
          await own.acquireHolds({ migrationId, token, holds: holds.filter(({ key }) => key === 'fleet') });
          return;
        }
        // Until an answer says which of the two it holds, it must act on neither.
        if (intent !== undefined) intent.isUnsure = one.fate !== 'answered' || intent.isUnsure;
        const answer = await own.swapHolds({ migrationId, token, holds });
        if (!answer.granted) return;
        granted.hold += 1;
        intents.set(volume, { ownerToken: token, holds, isUnsure: false });
        return;
      }
      case 'end':
        if (ownership === undefined) return;
        intents.delete(volume);
        return own.releaseHolds(migrationId, ownership.token);
      case 'fence': {
        if (ownership === undefined) return;
        const { token } = ownership;
        const answer = await own.acquireFence({ migrationId, token });
        if (!answer.granted) return;
        granted.fence += 1;
        fenced.set(key, { token, validUntilMs: answer.validUntilMonotonicMs });
        return;
      }
      case 'renewFence': {
        const fence = fenced.get(key);
        if (fence === undefined || fence.validUntilMs <= clock.monotonicMs()) return;
        const answer = await own.renewFence(migrationId, fence.token);
        if (answer.renewed) fence.validUntilMs = answer.validUntilMonotonicMs;
        return;
      }
      case 'unfence': {
        const fence = fenced.get(key);
        fenced.delete(key);
        return fence === undefined ? undefined : own.releaseFence(migrationId, fence.token);
      }
      case 'registerAll':
        await own.epoch().then(async (before) => {
          const after = await own.registerAll(listed());
          if (before.state === 'lost' && after.state === 'open') granted.epochs += 1;
        });
        return;
      case 'renewAll':
        await own.renewAll(listed());
        return;
      case 'pass':
        return clock.advance(one.ms);
      case 'flush':
        return model.flush();
      case 'restart':
        return model.restart();
      case 'arrive':
        late.shift()?.();
        return;
    }
  };

  const check = (): void => {
    const nowMs = clock.monotonicMs();
    for (const volume of volumes) {
      const owners = processes.filter((process) => ownedNow(process, volume) !== undefined);
      assert.ok(owners.length <= 1, `${volume} has ${owners.length} owners`);
    }
    // Without the ownership nobody acts, whatever is believed of the fence: it may have gone to the next owner by then.
    const holders = [...fenced].filter(
      ([key, { validUntilMs }]) => validUntilMs > nowMs && (owned.get(key)?.validUntilMs ?? 0) > nowMs,
    );
    assert.ok(new Set(holders.map(([key]) => key.split('/')[1])).size <= 1, 'two migrations have the fence');
    for (const [key, limit] of Object.entries(limits)) {
      let held = 0;
      for (const { holds, isUnsure } of intents.values()) {
        if (!isUnsure) held += holds.find((hold) => hold.key === key)?.amount ?? 0;
      }
      assert.ok(held <= limit, `${held} of ${limit} held of ${key}`);
    }
  };

  await openEpoch({ clock, tick: () => clock.advance(1_000) }, leases.a);
  return {
    run: async (steps: readonly Step[]) => {
      for (const one of steps) {
        ({ fate } = one);
        // An answer that was lost is for the caller as if nothing had been granted.
        await take(one).catch((error: unknown) => {
          if (fate === 'answered') throw error;
        });
        fate = 'answered';
        check();
      }
      // With everybody gone, nothing stays taken for ever.
      await clock.advance(holdTtlMs);
      const world = { clock, tick: () => clock.advance(1_000) };
      await until(world, () => leases.a.registerAll([]), isOpen);
      await until(
        world,
        () => leases.a.acquireOwnership('v0', 'd'),
        ({ granted }) => granted,
      );
      const request = { migrationId: 'last', token: Number.MAX_SAFE_INTEGER, holds: holdsOf('pool/x', 10) };
      expect(await leases.a.acquireHolds(request)).toEqual({ granted: true });
      const steer = { migrationId: 'last', token: 1 };
      await until(
        world,
        () => leases.a.acquireFence(steer),
        ({ granted }) => granted,
      );
    },
  };
}

function holdsOf(pool: HoldKey, bytes: number): Hold[] {
  return [
    { key: 'fleet', amount: 1, limit: 3 },
    { key: 'policy/p', amount: 1, limit: 2 },
    { key: pool, amount: 1, limit: 1 },
    { key: 'bytes', amount: bytes, limit: 10 },
  ];
}

test('whatever happens, no limit is exceeded, no volume has two owners, the fence is one migration’s, tokens grow', async () => {
  const granted: Granted = { own: 0, hold: 0, fence: 0, epochs: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 100, maxLength: 300, size: 'max' }), async (steps) => {
      const world = await createWorld(granted);
      await world.run(steps);
    }),
    { numRuns: 200 },
  );
  for (const count of Object.values(granted)) expect(count).toBeGreaterThan(20);
}, 60_000);
