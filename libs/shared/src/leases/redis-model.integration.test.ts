import { randomUUID } from 'node:crypto';
import { startRedis } from '@couchestor/servers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSystemClock } from '../clock/index.ts';
import { createLeases, createMemoryLeases } from './create-leases.ts';
import { openEpoch, request, whenAnswering } from './lease-conformance.ts';
import type { HoldKey, Leases } from './leases.ts';
import { createMemoryLeaseServer } from './memory-lease-server.ts';

const clock = createSystemClock();
const tick = (): Promise<void> => clock.sleep(5);

test('the scripts and their model in memory answer alike, whatever is asked', async () => {
  await using server = await startRedis();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ process: fc.constantFrom(0, 1), ask: askArbitrary }), {
        minLength: 30,
        maxLength: 60,
        size: 'max',
      }),
      async (requests) => {
        const namespace = `test-${randomUUID()}`;
        const lasting = { clock, namespace, ttlMs: 600_000, holdTtlMs: 600_000, commandTimeoutMs: 30_000 };
        const shared = createMemoryLeaseServer({ clock });
        // How long a life is, is up to who opens the epoch; a short one spares the wait.
        const opening = { ...lasting, ttlMs: 1 };
        await using opener = createLeases({ ...opening, redis: server.url });
        await whenAnswering({ clock, tick }, opener);
        await openEpoch({ clock, tick }, opener);
        await openEpoch({ clock, tick }, createMemoryLeases({ ...opening, server: shared }));
        // Two processes: what the one asks with the token of the other is in order, or was overtaken, by their counts.
        await using first = createLeases({ ...lasting, redis: server.url });
        await using second = createLeases({ ...lasting, redis: server.url });
        for (const real of [first, second]) await whenAnswering({ clock, tick }, real);
        const model = (): Leases => createMemoryLeases({ ...lasting, server: shared });
        const processes = [
          { real: first, model: model() },
          { real: second, model: model() },
        ] as const;
        for (const { process, ask } of requests) {
          const { real, model } = processes[process];
          expect(await answerOf(real, ask)).toEqual(await answerOf(model, ask));
        }
      },
    ),
    { numRuns: 25 },
  );
});

type Ask =
  | { readonly kind: 'own' | 'disown' | 'renew' | 'lead'; readonly name: string; readonly holder: string }
  | {
      readonly kind: 'hold' | 'swap' | 'register' | 'release';
      readonly id: string;
      readonly token: number;
      readonly key: HoldKey;
      readonly amount: number;
    }
  | {
      readonly kind: 'fence' | 'renewFence' | 'unfence' | 'begin';
      readonly id: string;
      readonly token: number;
    };

const idArbitrary = fc.constantFrom('m1', 'm2', 'm3');
const tokenArbitrary = fc.integer({ min: 1, max: 3 });
const askArbitrary: fc.Arbitrary<Ask> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('own', 'disown', 'renew', 'lead'),
    name: fc.constantFrom('v', 'w'),
    holder: fc.constantFrom('a', 'b'),
  }),
  fc.record({
    kind: fc.constantFrom('hold', 'swap', 'register', 'release'),
    id: idArbitrary,
    token: tokenArbitrary,
    key: fc.constantFrom<HoldKey>('fleet', 'bytes', 'pool/x'),
    amount: fc.integer({ min: 0, max: 3 }),
  }),
  fc.record({
    kind: fc.constantFrom('fence', 'renewFence', 'unfence', 'begin'),
    id: idArbitrary,
    token: tokenArbitrary,
  }),
);

/** What was granted last to whom, so that it can be renewed and released; it is the same for both. */
const tokensOf = new WeakMap<Leases, Map<string, number>>();

/** The answer without what differs by nature: times and tokens. */
async function answerOf(leases: Leases, ask: Ask): Promise<unknown> {
  const tokens = tokensOf.get(leases) ?? new Map<string, number>();
  tokensOf.set(leases, tokens);
  switch (ask.kind) {
    case 'own':
    case 'lead': {
      const isOwner = ask.kind === 'own';
      const answer = await (isOwner
        ? leases.acquireOwnership(ask.name, ask.holder)
        : leases.acquireLeadership(ask.name, ask.holder));
      if (answer.granted && isOwner) tokens.set(`${ask.name}/${ask.holder}`, answer.token);
      return withoutTimes(answer);
    }
    case 'disown':
      return leases.releaseOwnership(ask.name, ask.holder, tokens.get(`${ask.name}/${ask.holder}`) ?? 0);
    case 'renew':
      return withoutTimes(
        await leases.renewOwnership(ask.name, ask.holder, tokens.get(`${ask.name}/${ask.holder}`) ?? 0),
      );
    case 'hold':
    case 'swap': {
      const { id, token, key, amount } = ask;
      const wanted = request(id, token, { key, amount, limit: 4 });
      return ask.kind === 'hold' ? leases.acquireHolds(wanted) : leases.swapHolds(wanted);
    }
    case 'register':
      return leases.renewAll([
        { migrationId: ask.id, ownerToken: ask.token, holds: [{ key: ask.key, amount: ask.amount }] },
      ]);
    case 'release':
      return leases.releaseHolds(ask.id, ask.token);
    case 'begin':
      return leases.acquireHolds({
        migrationId: `${ask.id}/${ask.token}`,
        token: 1,
        holds: [
          { key: 'fleet', amount: 1, limit: 3 },
          { key: `policy/${ask.id}`, amount: 1, limit: 2 },
        ],
      });
    case 'fence':
      return withoutTimes(await leases.acquireFence({ migrationId: ask.id, token: ask.token }));
    case 'renewFence':
      return withoutTimes(await leases.renewFence(ask.id, ask.token));
    case 'unfence':
      return leases.releaseFence(ask.id, ask.token);
  }
}

function withoutTimes(answer: object): object {
  return Object.fromEntries(
    Object.entries(answer).filter(([name]) => !['token', 'validUntilMonotonicMs', 'retryInMs'].includes(name)),
  );
}
