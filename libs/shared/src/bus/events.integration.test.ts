import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { streams, subjectToken } from '../messages/index.ts';
import { CouchestorError } from '../service/index.ts';
import { untilAborted } from './abort.ts';
import type { Bus } from './bus.ts';
import type { RecordedEvent } from './events.ts';
import { eventually } from './fixtures/eventually.ts';
import { sampleOf, startTestBed, type TestBed } from './fixtures/test-bed.ts';

const EVENTS = streams.events.name;

describe('events', () => {
  let bed: TestBed;
  let bus: Bus;
  let ending: AbortController;

  beforeEach(async () => {
    bed = await startTestBed();
    bus = await bed.bus();
    await bus.ensureStreams();
    ending = new AbortController();
  });
  afterEach(async () => {
    ending.abort();
    await bed[Symbol.asyncDispose]();
  });

  const complete = (id: string) =>
    bus.publish(
      'migration.completed',
      subjectToken(id),
      { ...sampleOf('migration.completed'), migrationId: id },
      { messageId: `${id}/completed`, traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
    );
  const idsOf = (events: readonly RecordedEvent[]): string[] => events.map(({ message }) => message.data.migrationId);
  const collect =
    (events: RecordedEvent[]) =>
    async (event: RecordedEvent): Promise<void> => {
      events.push(event);
    };

  it('come in order with their place and trace, and the reader says when it has caught up', async () => {
    await complete('m1');
    await bus.publish('migration.accepted', subjectToken('m2'), sampleOf('migration.accepted'), { messageId: 'a' });
    const events: RecordedEvent[] = [];
    const positions: number[] = [];
    const reading = bus.readEvents({
      afterSequence: 0,
      signal: ending.signal,
      onEvent: collect(events),
      onCaughtUp: ({ sequence }) => positions.push(sequence),
    });
    await eventually(() => expect(positions).toEqual([2]));
    await complete('m3');
    await eventually(() => expect(events.length).toBe(3));
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(events.map(({ message }) => message.name)).toEqual([
      'migration.completed',
      'migration.accepted',
      'migration.completed',
    ]);
    expect(events[0]?.message.traceparent).toBe('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
    expect(events[0]?.streamCreatedAt).toBe((await bed.jsm.streams.info(EVENTS)).created);
    ending.abort();
    await reading;
  });

  it('are stored once however often the same message id is published', async () => {
    expect(await complete('m1')).toEqual({ sequence: 1, duplicate: false });
    expect(await complete('m1')).toEqual({ sequence: 1, duplicate: true });
  });

  it('go on after the given place, but from the beginning of another stream', async () => {
    for (const id of ['m1', 'm2', 'm3']) await complete(id);
    const { created } = await bed.jsm.streams.info(EVENTS);
    const known: RecordedEvent[] = [];
    void bus.readEvents({
      afterSequence: 2,
      streamCreatedAt: created,
      signal: ending.signal,
      onEvent: collect(known),
    });
    const other: RecordedEvent[] = [];
    void bus.readEvents({
      afterSequence: 2,
      streamCreatedAt: '2020-01-01T00:00:00Z',
      signal: ending.signal,
      onEvent: collect(other),
    });
    await eventually(() => expect(idsOf(other)).toEqual(['m1', 'm2', 'm3']));
    await eventually(() => expect(idsOf(known)).toEqual(['m3']));
  });

  it('can be read from now on, without those of before', async () => {
    await complete('m1');
    const caughtUp = Promise.withResolvers<number>();
    const events: RecordedEvent[] = [];
    void bus.readEvents({
      afterSequence: 'last',
      signal: ending.signal,
      onEvent: collect(events),
      onCaughtUp: ({ sequence }) => caughtUp.resolve(sequence),
    });
    expect(await caughtUp.promise).toBe(1);
    await complete('m2');
    await eventually(() => expect(idsOf(events)).toEqual(['m2']));
  });

  it('are read from the first one of a stream that was deleted and made again', async () => {
    await complete('m1');
    await complete('m2');
    const events: RecordedEvent[] = [];
    void bus.readEvents({ afterSequence: 0, signal: ending.signal, onEvent: collect(events) });
    await eventually(() => expect(events.length).toBe(2));
    await bed.jsm.streams.delete(EVENTS);
    await complete('m3');
    await eventually(() => expect(idsOf(events)).toEqual(['m1', 'm2', 'm3']));
    expect(events[2]?.sequence).toBe(1);
    expect(events[2]?.streamCreatedAt).not.toBe(events[0]?.streamCreatedAt);
  });

  it('come again until the handler takes them, and never out of order', async () => {
    await complete('m1');
    await complete('m2');
    const calls: string[] = [];
    void bus.readEvents({
      afterSequence: 0,
      signal: ending.signal,
      onEvent: async ({ message }) => {
        calls.push(message.data.migrationId);
        if (calls.length <= 2) throw new Error('Kubernetes is away');
      },
    });
    await eventually(() => expect(calls).toEqual(['m1', 'm1', 'm1', 'm2']));
  });

  it('that can never be handled or read go to the dead letters, and the next one comes', async () => {
    await complete('m1');
    await bed.jsm.jetstream().publish('couchestor.v1.migration.completed.m2', 'nonsense');
    await complete('m3');
    const handled: string[] = [];
    void bus.readEvents({
      afterSequence: 0,
      signal: ending.signal,
      onEvent: async ({ message }) => {
        if (message.data.migrationId === 'm1') throw new CouchestorError('COUCHESTOR_TEST', 'no', { retry: 'never' });
        handled.push(message.data.migrationId);
      },
    });
    await eventually(() => expect(handled).toEqual(['m3']));
    expect((await bed.jsm.streams.info(streams.dead.name)).state.messages).toBe(2);
    expect(await bed.metric('couchestor_dead_letters_total', { stream: EVENTS })).toBe(2);
  });

  it('that were purged count as handed over', async () => {
    for (const id of ['m1', 'm2', 'm3']) await complete(id);
    await bed.jsm.streams.purge(EVENTS);
    const caughtUp = Promise.withResolvers<number>();
    void bus.readEvents({
      afterSequence: 1,
      signal: ending.signal,
      onEvent: async () => undefined,
      onCaughtUp: ({ sequence }) => caughtUp.resolve(sequence),
    });
    expect(await caughtUp.promise).toBe(3);
  });

  it('are all handed over, in order, when the server is killed in the middle', async () => {
    const ids = Array.from({ length: 3_000 }, (_, index) => `m${index}`);
    const events: RecordedEvent[] = [];
    void bus.readEvents({ afterSequence: 0, signal: ending.signal, onEvent: collect(events) });
    const publishing = (async () => {
      for (const id of ids) await complete(id);
    })();
    await eventually(() => expect(events.length).toBeGreaterThan(100));
    await bed.server.kill();
    await bed.server.restart();
    await publishing;
    await eventually(() => expect(new Set(idsOf(events)).size).toBe(3_000));
    const sequences = events.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    expect(sequences).toEqual(Array.from({ length: 3_000 }, (_, index) => index + 1));
  });

  it('wait for a handler that is slow, so that memory does not', async () => {
    // All are stored before the first is asked for, so that one batch is taken as a whole.
    await Promise.all(Array.from({ length: 1_200 }, (_, index) => complete(`m${index}`)));
    const gate = Promise.withResolvers<void>();
    const events: RecordedEvent[] = [];
    void bus.readEvents({
      afterSequence: 0,
      signal: ending.signal,
      onEvent: async (event) => {
        events.push(event);
        await untilAborted(gate.promise, ending.signal);
      },
    });
    await eventually(() => expect(events.length).toBe(1));
    const pending = async (): Promise<number[]> => {
      const pendings: number[] = [];
      for await (const { num_pending } of bed.jsm.consumers.list(EVENTS)) pendings.push(num_pending);
      return pendings;
    };
    await eventually(async () => expect(await pending()).toEqual([700]));
    gate.resolve();
    await eventually(() => expect(events.length).toBe(1_200));
  });
});
