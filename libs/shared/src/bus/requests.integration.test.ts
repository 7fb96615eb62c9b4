import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { streams, subjectOf, subjectToken } from '../messages/index.ts';
import { CouchestorError } from '../service/index.ts';
import { untilAborted } from './abort.ts';
import type { Bus } from './bus.ts';
import type { ConsumeRequestsOptions, Disposition } from './requests.ts';
import { eventually } from './fixtures/eventually.ts';
import { sampleOf, startTestBed, type TestBed } from './fixtures/test-bed.ts';

const COMMANDS = streams.commands.name;
const DEAD = streams.dead.name;

describe('requests', () => {
  let bed: TestBed;
  let bus: Bus;
  let ending: AbortController;

  beforeEach(async () => {
    bed = await startTestBed();
    bus = await bed.bus({ service: 'migrator', instance: 'migrator-1' });
    await bus.ensureStreams();
    ending = new AbortController();
  });
  afterEach(async () => {
    ending.abort();
    await bed[Symbol.asyncDispose]();
  });

  const request = (volumeId: string, migrationId = `move-of-${volumeId}`) =>
    bus.publish(
      'migration.requested',
      subjectToken(volumeId),
      { ...sampleOf('migration.requested'), volumeId, migrationId },
      { messageId: migrationId },
    );
  const consume = (
    handle: (volumeId: string, deliveryCount: number, signal: AbortSignal) => Promise<Disposition>,
    options: Partial<ConsumeRequestsOptions> = {},
    by: Bus = bus,
  ): Promise<void> =>
    by.consumeRequests({
      durable: 'migrator',
      signal: ending.signal,
      maxInFlight: 4,
      // Nothing comes again because this process stood still for a while.
      ackWaitMs: 30_000,
      maxDeliver: 3,
      handle: ({ data }, { deliveryCount, signal }) => handle(data.volumeId, deliveryCount, signal),
      onExhausted: () => Promise.resolve(),
      ...options,
    });
  const waiting = async (): Promise<number> => (await bed.jsm.streams.info(COMMANDS)).state.messages;
  const letters = async (): Promise<number> => (await bed.jsm.streams.info(DEAD)).state.messages;

  it('are handled once and leave the queue when acknowledged', async () => {
    const handled: string[] = [];
    void consume(async (volumeId) => {
      handled.push(volumeId);
      return { kind: 'ack' };
    });
    await request('v1');
    await request('v2');
    await eventually(async () => expect(await waiting()).toBe(0));
    expect(handled).toEqual(['v1', 'v2']);
    expect(await bed.metric('couchestor_messages_consumed_total', { type: 'migration.requested' })).toBe(2);
    expect(await bed.metric('couchestor_requests_redelivered_total')).toBe(0);
  });

  it('of one volume replace each other while nobody takes them', async () => {
    await request('v1', 'first');
    await request('v1', 'second');
    const seen: string[] = [];
    void consume(() => Promise.resolve({ kind: 'ack' }), {
      handle: async ({ data }) => {
        seen.push(data.migrationId);
        return { kind: 'ack' };
      },
    });
    await eventually(() => expect(seen).toEqual(['second']));
    // The acknowledgement follows the work.
    await eventually(async () => expect(await waiting()).toBe(0));
  });

  it('come again after the delay that a handler asks for, which is counted', async () => {
    const deliveries: { count: number; atMs: number }[] = [];
    void consume(async (_volumeId, count) => {
      deliveries.push({ count, atMs: performance.now() });
      return count === 1 ? { kind: 'nak', delayMs: 400 } : { kind: 'ack' };
    });
    await request('v1');
    await eventually(() => expect(deliveries.map(({ count }) => count)).toEqual([1, 2]));
    expect((deliveries[1]?.atMs ?? 0) - (deliveries[0]?.atMs ?? 0)).toBeGreaterThan(350);
    expect(await bed.metric('couchestor_requests_redelivered_total')).toBe(1);
  });

  it('are at most so many at a time, and all are handled', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `v${index}`);
    for (const name of names) await request(name);
    let running = 0;
    let most = 0;
    const full = Promise.withResolvers<void>();
    const handled = new Set<string>();
    void consume(async (volumeId) => {
      running += 1;
      most = Math.max(most, running);
      await untilAborted(full.promise, ending.signal);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      running -= 1;
      handled.add(volumeId);
      return { kind: 'ack' };
    });
    await eventually(() => expect(running).toBe(4));
    full.resolve();
    await eventually(() => expect(handled.size).toBe(40));
    expect(most).toBe(4);
  });

  it('are shared by all instances', async () => {
    const other = await bed.bus({ service: 'migrator', instance: 'migrator-2' });
    const gate = Promise.withResolvers<void>();
    const by: Record<string, number> = { one: 0, two: 0 };
    const hold = (who: string) => async (): Promise<Disposition> => {
      by[who] = (by[who] ?? 0) + 1;
      await untilAborted(gate.promise, ending.signal);
      return { kind: 'ack' };
    };
    void consume(hold('one'));
    void consume(hold('two'), {}, other);
    for (let index = 0; index < 8; index += 1) await request(`v${index}`);
    await eventually(() => expect(by).toEqual({ one: 4, two: 4 }));
    gate.resolve();
    await eventually(async () => expect(await waiting()).toBe(0));
  });

  it('stay with a slow handler for longer than the wait for its answer', async () => {
    const deliveries: number[] = [];
    const started = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    void consume(
      async (_volumeId, count) => {
        deliveries.push(count);
        started.resolve();
        await untilAborted(gate.promise, ending.signal);
        return { kind: 'ack' };
      },
      { ackWaitMs: 2_000 },
    );
    await request('slow');
    await started.promise;
    // The server counts the wait for an answer by its own clock, so time has to pass.
    const begun = performance.now();
    await eventually(() => expect(performance.now() - begun).toBeGreaterThan(4_500));
    expect(deliveries).toEqual([1]);
    gate.resolve();
    await eventually(async () => expect(await waiting()).toBe(0));
  });

  it('that cannot be read are kept among the dead letters first and then leave the queue', async () => {
    const subject = subjectOf('migration.requested', subjectToken('v1'));
    await bed.jsm.jetstream().publish(subject, Buffer.alloc(100_000, 0xff));
    void consume(() => Promise.resolve({ kind: 'ack' }));
    await eventually(async () => expect(await waiting()).toBe(0));
    const letter = await bed.jsm.streams.getMessage(DEAD, { last_by_subj: 'couchestor.dead.v1.migrator' });
    expect(letter?.json()).toMatchObject({
      service: 'migrator',
      subject,
      stream: COMMANDS,
      sequence: 1,
      sizeBytes: 100_000,
      truncated: true,
      base64: Buffer.alloc(65_536, 0xff).toString('base64'),
    });
    expect(await bed.metric('couchestor_dead_letters_total', { service: 'migrator', stream: COMMANDS })).toBe(1);
    expect(bed.logs.some(({ level, message }) => level === 'error' && message.includes('dead letters'))).toBe(true);
  });

  it('are buried when a handler says so, or fails for good', async () => {
    void consume(async (volumeId) => {
      if (volumeId === 'v1') return { kind: 'dead', reason: 'no such policy' };
      throw new CouchestorError('COUCHESTOR_TEST', 'never again', { retry: 'never' });
    });
    await request('v1');
    await request('v2');
    await eventually(async () => expect([await waiting(), await letters()]).toEqual([0, 2]));
  });

  it('come again when a handler fails, as soon as its error allows', async () => {
    const deliveries: number[] = [];
    void consume(async (_volumeId, count) => {
      deliveries.push(count);
      if (count === 1) throw new CouchestorError('COUCHESTOR_TEST', 'later', { retry: 'after', delayMs: 50 });
      if (count === 2) throw new TypeError('a bug');
      return { kind: 'ack' };
    });
    await request('v1');
    await eventually(() => expect(deliveries).toEqual([1, 2, 3]));
    await eventually(async () => expect(await waiting()).toBe(0));
    expect(await letters()).toBe(0);
  });

  it('say once, and not of each at each delivery, that what their handler needs is away', async () => {
    const deliveries: number[] = [];
    void consume(async (_volumeId, count) => {
      deliveries.push(count);
      if (count < 3) throw new CouchestorError('COUCHESTOR_TEST', 'away', { retry: 'after', delayMs: 10 });
      return { kind: 'ack' };
    });
    for (const volumeId of ['v1', 'v2']) await request(volumeId);
    await eventually(() => expect(deliveries.toSorted()).toEqual([1, 1, 2, 2, 3, 3]));
    expect(bed.logs.filter(({ message }) => message === 'a request will be handled again')).toHaveLength(1);
  });

  it('that were delivered too often end with an answer instead of in silence', async () => {
    const exhausted: string[] = [];
    const deliveries: number[] = [];
    void consume(
      async (_volumeId, count) => {
        deliveries.push(count);
        return { kind: 'nak', delayMs: 10 };
      },
      {
        onExhausted: async ({ data }) => {
          exhausted.push(data.migrationId);
        },
      },
    );
    await request('v1');
    await eventually(() => expect(exhausted).toEqual(['move-of-v1']));
    await eventually(async () => expect(await waiting()).toBe(0));
    expect(deliveries).toEqual([1, 2, 3]);
    expect(await bed.metric('couchestor_requests_exhausted_total')).toBe(1);
  });

  it('that were delivered too often while nobody listened are found afterwards', async () => {
    const consumer = await (async () => {
      void consume(() => Promise.resolve({ kind: 'ack' }));
      await eventually(async () => expect((await bed.jsm.consumers.info(COMMANDS, 'migrator')).name).toBe('migrator'));
      ending.abort();
      return bed.jsm.jetstream().consumers.get(COMMANDS, 'migrator');
    })();
    await request('v1');
    for (let delivery = 1; delivery <= 3; delivery += 1) (await consumer.next({ expires: 25_000 }))?.nak();
    expect(await consumer.next({ expires: 1_000 })).toBeNull();
    expect(await waiting()).toBe(1);

    ending = new AbortController();
    const exhausted: string[] = [];
    void consume(() => Promise.resolve({ kind: 'ack' }), {
      onExhausted: async ({ data }) => {
        exhausted.push(data.volumeId);
      },
    });
    await eventually(() => expect(exhausted).toEqual(['v1']));
    await eventually(async () => expect(await waiting()).toBe(0));
  });

  it('that were answered, and left in the queue by a server that died, are removed without another answer', async () => {
    const exhausted: string[] = [];
    void consume(() => Promise.resolve({ kind: 'nak', delayMs: 10 }), {
      handle: async ({ data: { migrationId, volumeId } }) => {
        const answer = { ...sampleOf('migration.refused'), migrationId, volumeId };
        if (volumeId !== 'v3') {
          await bus.publish('migration.refused', subjectToken(migrationId), answer, { messageId: migrationId });
        }
        return { kind: 'nak', delayMs: 10 };
      },
      onExhausted: async ({ data }) => {
        exhausted.push(data.volumeId);
      },
    });
    for (const volumeId of ['v1', 'v2', 'v3']) await request(volumeId);
    await eventually(async () => expect(await waiting()).toBe(0));
    expect(exhausted).toEqual(['v3']);
  });

  it('that were refused before, and asked for again, have an answer of their own', async () => {
    const answer = { ...sampleOf('migration.refused'), migrationId: 'move-of-v1', volumeId: 'v1' };
    await bus.publish('migration.refused', subjectToken('move-of-v1'), answer, { messageId: 'before' });
    const exhausted: string[] = [];
    void consume(() => Promise.resolve({ kind: 'nak', delayMs: 10 }), {
      onExhausted: async ({ data }) => {
        exhausted.push(data.volumeId);
      },
    });
    await request('v1');
    await eventually(async () => expect(await waiting()).toBe(0));
    expect(exhausted).toEqual(['v1']);
  });

  it('are all handled when the server is killed under load', async () => {
    const handled = new Set<string>();
    void consume(
      async (volumeId) => {
        handled.add(volumeId);
        return { kind: 'ack' };
      },
      // What was in hand when the server died comes again after this.
      { ackWaitMs: 1_000, maxDeliver: 10 },
    );
    const names = Array.from({ length: 2_000 }, (_, index) => `v${index}`);
    const publishing = (async () => {
      for (const name of names) await request(name);
    })();
    await eventually(() => expect(handled.size).toBeGreaterThan(100));
    await bed.server.kill();
    await bed.server.restart();
    await publishing;
    await eventually(() => expect(handled.size).toBe(2_000));
    await eventually(async () => expect(await waiting()).toBe(0));
  });

  it('are consumed again after queue and consumer were deleted', async () => {
    const handled: string[] = [];
    void consume(async (volumeId) => {
      handled.push(volumeId);
      return { kind: 'ack' };
    });
    await request('v1');
    await eventually(() => expect(handled).toEqual(['v1']));
    await bed.jsm.streams.delete(COMMANDS);
    await request('v2');
    await eventually(() => expect(handled).toEqual(['v1', 'v2']));
    // Its acknowledgement must be there, for a consumer that is made anew delivers again what it lacks.
    await eventually(async () => expect(await waiting()).toBe(0));
    await bed.jsm.consumers.delete(COMMANDS, 'migrator');
    await request('v3');
    await eventually(() => expect(handled).toEqual(['v1', 'v2', 'v3']));
  });

  it('in hand are answered before the consumer ends, and the rest go to another at once', async () => {
    for (let index = 0; index < 10; index += 1) await request(`v${index}`);
    const taken: string[] = [];
    const consuming = consume(async (volumeId, _count, signal) => {
      taken.push(volumeId);
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve());
      });
      return { kind: 'ack' };
    });
    await eventually(() => expect(taken.length).toBe(4));
    ending.abort();
    await consuming;
    await eventually(async () => expect(await waiting()).toBe(6));

    ending = new AbortController();
    const rest: string[] = [];
    void consume(async (volumeId) => {
      rest.push(volumeId);
      return { kind: 'ack' };
    });
    await eventually(() => expect(rest.length).toBe(6));
  });
});
