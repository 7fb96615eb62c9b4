import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createVirtualClock, type VirtualClock } from '../clock/index.ts';
import { createMemoryLeases, createMemoryLeaseServer, type CallPriority } from '../leases/index.ts';
import { SLOT_TAKEN_MAX_MS } from './call-life.ts';
import { createPacedSender, type Pace } from './paced-sender.ts';
import { createRateLimiter } from './rate-limiter.ts';
import type { HttpRequest, Transport } from './transport.ts';

const request: HttpRequest = { method: 'GET', path: '/pools', timeoutMs: 5_000, bodyBytesMax: 1 };

/** A request has its connection after a while, and its answer at once. */
const connecting = (clock: VirtualClock, connectMs: () => number): Pick<Transport, 'send'> => ({
  send: async ({ mayStart }) => {
    await clock.sleep(connectMs());
    return mayStart?.() === false
      ? { kind: 'notSent', reason: 'NotStarted', message: 'not allowed to start any more' }
      : { kind: 'answered', status: 200, body: '' };
  },
});

function mostInASecond(sentAtMs: readonly number[]): number {
  return Math.max(0, ...sentAtMs.map((fromMs) => sentAtMs.filter((ms) => ms >= fromMs && ms < fromMs + 1_000).length));
}

test('no second sees more calls sent than the budget, however long grants and connections take and whatever is forgotten', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(
        fc.record({
          process: fc.nat(2),
          afterMs: fc.nat(600),
          kind: fc.constantFrom<CallPriority>('release', 'act', 'read'),
          isAfterFlush: fc.nat(5).map((number) => number === 0),
        }),
        { maxLength: 40 },
      ),
      fc.infiniteStream(fc.oneof({ weight: 2, arbitrary: fc.nat(20) }, fc.nat(450))),
      async (callsPerSecond, calls, delays) => {
        const clock = createVirtualClock();
        const delayMs = (): number => delays.next().value;
        const server = createMemoryLeaseServer({ clock });
        const sentAtMs: number[] = [];
        const senders = [0, 1, 2].map(() => {
          const leases = createMemoryLeases({
            clock,
            callsPerSecond,
            server: {
              ...server,
              takeCall: async (...call) => {
                await clock.sleep(delayMs());
                const waitMs = await server.takeCall(...call);
                await clock.sleep(delayMs());
                return waitMs;
              },
            },
          });
          const pace: Pace = (kind, ...call) => leases.takeCall(kind === 'write' ? 'act' : kind, ...call);
          const onSend = (): void => void sentAtMs.push(clock.monotonicMs());
          return createPacedSender({ pace, transport: connecting(clock, delayMs), clock, onSend });
        });
        const made: Promise<unknown>[] = [];
        for (const { process, afterMs, kind, isAfterFlush } of calls) {
          await clock.advance(afterMs);
          if (isAfterFlush) server.flush();
          made.push(senders[process]?.(kind === 'act' ? 'write' : kind, request) ?? Promise.resolve());
        }
        await clock.advance(200 * SLOT_TAKEN_MAX_MS);
        await Promise.all(made);
        expect(mostInASecond(sentAtMs)).toBeLessThanOrEqual(callsPerSecond);
        expect(sentAtMs.length).toBeGreaterThanOrEqual(0.8 * calls.length);
      },
    ),
    { numRuns: 60 },
  );
});

test('one process alone keeps to its budget in the same way, also beside whoever it follows', async () => {
  const clock = createVirtualClock();
  const delaysMs = [0, 400, 0, 30, 900, 0, 49, 51];
  let sends = 0;
  const sentAtMs: number[] = [clock.monotonicMs(), clock.monotonicMs()];
  const limiter = createRateLimiter({ callsPerSecond: 2, clock });
  const send = createPacedSender({
    pace: (...call) => limiter.take(...call),
    transport: connecting(clock, () => delaysMs[sends++ % delaysMs.length] ?? 0),
    clock,
    onSend: () => void sentAtMs.push(clock.monotonicMs()),
  });
  const made = Array.from({ length: 20 }, () => send('read', request));
  await clock.advance(120_000);
  expect((await Promise.all(made)).every(({ answer }) => answer.kind === 'answered')).toBe(true);
  expect(sentAtMs).toHaveLength(22);
  expect(mostInASecond(sentAtMs)).toBe(2);
});

test('where every connection takes its time, a grant of a longer life is asked for, and a shorter one once it does not', async () => {
  const clock = createVirtualClock();
  let connectMs = 300;
  const livesMs: number[] = [];
  const send = createPacedSender({
    pace: (_, lifeMs) => {
      livesMs.push(lifeMs);
      return Promise.resolve(clock.monotonicMs() + lifeMs);
    },
    transport: connecting(clock, () => connectMs),
    clock,
    onSend: () => undefined,
  });
  for (let call = 0; call < 6; call += 1) {
    if (call === 2) connectMs = 1;
    const made = send('write', request);
    await clock.advance(2_000);
    expect((await made).answer.kind).toBe('answered');
  }
  expect(livesMs).toEqual([50, 100, 200, 400, 400, 400, 200, 100, 50]);
});

test('a call that nothing brings to its time is not made, and what may not start is not tried again', async () => {
  const clock = createVirtualClock();
  let asked = 0;
  const send = createPacedSender({
    pace: (_, lifeMs) => {
      asked += 1;
      return Promise.resolve(clock.monotonicMs() + lifeMs);
    },
    transport: connecting(clock, () => 1_500),
    clock,
    onSend: () => {
      throw new Error('it was sent');
    },
  });
  const made = send('write', request);
  await clock.advance(60_000);
  expect((await made).answer).toMatchObject({ kind: 'notSent' });
  expect(asked).toBe(10);
  const stopped = createPacedSender({
    pace: () => Promise.resolve(Number.POSITIVE_INFINITY),
    transport: connecting(clock, () => 0),
    clock,
    onSend: () => undefined,
  })('write', { ...request, mayStart: () => false });
  await clock.advance(1);
  expect((await stopped).answer).toMatchObject({ kind: 'notSent', reason: 'NotStarted' });
});
