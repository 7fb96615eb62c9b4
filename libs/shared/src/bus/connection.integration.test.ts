import { execFileSync } from 'node:child_process';
import { freePort, startNats } from '@couchestor/servers';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../clock/index.ts';
import { MalformedMessageError, streams, subjectToken } from '../messages/index.ts';
import type { Bus } from './bus.ts';
import { connectBus } from './connect-bus.ts';
import { PublishRefusedError } from './errors.ts';
import { eventually } from './fixtures/eventually.ts';
import { collectingLogger, sampleOf, startTestBed, type LogLine, type TestBed } from './fixtures/test-bed.ts';

const ended = { ...sampleOf('migration.completed'), migrationId: 'm1' };
const m1 = subjectToken('m1');

/** Sockets, timers and the like that keep this process going. */
function resources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => kind !== 'Immediate')
    .sort();
}

/** Turn by turn, without a timer that would itself be one of the resources. */
async function untilResources(expected: readonly string[]): Promise<void> {
  const deadlineMs = performance.now() + 25_000;
  while (performance.now() < deadlineMs && resources().length > expected.length) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  expect(resources().length).toBeLessThanOrEqual(expected.length);
}

describe('a bus without a server', () => {
  const options = (port: number, logs: LogLine[], signal?: AbortSignal) => ({
    servers: `nats://127.0.0.1:${port}`,
    service: 'scorer',
    instance: 'scorer-1',
    clock: createSystemClock(),
    logger: collectingLogger(logs),
    registry: new Registry(),
    ...(signal === undefined ? {} : { signal }),
  });
  const waits = (logs: readonly LogLine[]): number =>
    logs.filter(({ message }) => message === 'NATS is not there yet').length;

  it('waits for it, however late it starts', async () => {
    const port = await freePort();
    const logs: LogLine[] = [];
    const connecting = connectBus(options(port, logs));
    await eventually(() => expect(waits(logs)).toBeGreaterThan(1));
    const { COUCHESTOR_NATS_URL: _shared, ...env } = process.env;
    await using server = await startNats({ env, port });
    expect(server.url).toContain(String(port));
    await using bus = await connecting;
    expect(bus.state).toBe('connected');
    expect(bus.lastError?.message).toMatch(/refused/i);
  });

  it('gives up when it is told to, and leaves nothing running', async () => {
    const before = resources();
    const stopping = new AbortController();
    const logs: LogLine[] = [];
    const connecting = connectBus(options(await freePort(), logs, stopping.signal));
    await eventually(() => expect(waits(logs)).toBeGreaterThan(0));
    const reason = new Error('SIGTERM');
    stopping.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    await untilResources(before);
  });
});

describe('a bus', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed();
  });
  afterEach(() => bed[Symbol.asyncDispose]());

  const stored = async (): Promise<number> => (await bed.jsm.streams.info(streams.events.name)).state.messages;

  it('says when the connection is lost and found', async () => {
    const bus = await bed.bus();
    const states: string[] = [];
    bus.onState((state) => states.push(state));
    expect(await bed.metric('couchestor_nats_connected')).toBe(1);
    await bed.server.kill();
    await eventually(() => expect(states).toEqual(['disconnected']));
    expect(await bed.metric('couchestor_nats_connected')).toBe(0);
    await bed.server.restart();
    await eventually(() => expect(states).toEqual(['disconnected', 'connected']));
    expect(await bed.metric('couchestor_nats_reconnects_total')).toBe(1);
  });

  it('publishes what it was given during an outage once that is over', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    await bed.server.kill();
    await eventually(() => expect(bus.state).toBe('disconnected'));
    const publishing = bus.publish('migration.completed', m1, ended, { messageId: 'x' });
    const stopping = new AbortController();
    const abandoned = bus.publish('migration.completed', m1, ended, { messageId: 'y', signal: stopping.signal });
    const reason = new Error('no longer wanted');
    stopping.abort(reason);
    await expect(abandoned).rejects.toBe(reason);
    await bed.server.restart();
    expect(await publishing).toEqual({ sequence: 1, duplicate: false });
    // The bare client of the bed has lost the server as well, and finds it in its own time.
    await eventually(async () => expect(await stored()).toBe(1));
  });

  it('does not wait for ever for a server that has stopped answering, and stores the message once', async () => {
    const bus = await bed.bus({ requestTimeoutMs: 200 });
    await bus.ensureStreams();
    const pid = Number(bed.server.pid);
    process.kill(pid, 'SIGSTOP');
    await eventually(() => expect(execFileSync('ps', ['-o', 'state=', '-p', String(pid)]).toString()).toMatch(/^T/));
    const publishing = bus.publish('migration.completed', m1, ended, { messageId: 'x' });
    try {
      await eventually(async () => expect(await bed.metric('couchestor_publish_retries_total')).toBeGreaterThan(1));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect((await publishing).sequence).toBe(1);
    await eventually(async () => expect(await stored()).toBe(1));
  });

  it('waits for streams that another service makes later', async () => {
    const bus = await bed.bus();
    const ending = new AbortController();
    const publishing = bus.publish('migration.completed', m1, ended, { messageId: 'x' });
    const tables = await bus.openFacts(['policy.observed'], { signal: ending.signal });
    const synced = tables.whenSynced();
    const events: string[] = [];
    void bus.readEvents({
      afterSequence: 0,
      signal: ending.signal,
      onEvent: async ({ message }) => {
        events.push(message.name);
      },
    });
    await eventually(async () => expect(await bed.metric('couchestor_publish_retries_total')).toBeGreaterThan(0));
    await (await bed.bus()).ensureStreams();
    await publishing;
    await synced;
    await eventually(() => expect(events).toEqual(['migration.completed']));
  });

  it('sets up streams together with others, and brings old settings in line without touching messages', async () => {
    const bus = await bed.bus();
    const others = await Promise.all([bed.bus(), bed.bus()]);
    await Promise.all([bus, ...others].map((one) => one.ensureStreams()));
    await bus.publish('migration.completed', m1, ended, { messageId: 'x' });
    const { config } = await bed.jsm.streams.info(streams.events.name);
    await bed.jsm.streams.update(streams.events.name, { ...config, max_bytes: 1_000_000, max_msg_size: 9_000 });
    await bus.ensureStreams();
    expect((await bed.jsm.streams.info(streams.events.name)).config).toEqual(config);
    expect(await stored()).toBe(1);
    expect(config).toMatchObject({ discard: 'old', max_bytes: 2_147_483_648, retention: 'limits', num_replicas: 1 });
    expect((await bed.jsm.streams.info(streams.commands.name)).config).toMatchObject({
      retention: 'workqueue',
      max_msgs_per_subject: 1,
      max_age: 86_400e9,
    });
    expect((await bed.jsm.streams.info(streams.state.name)).config).toMatchObject({
      discard: 'new',
      max_msgs_per_subject: 1,
    });
    expect(await bed.metric('couchestor_stream_bytes', { stream: streams.events.name })).toBeGreaterThan(100);
    expect(await bed.metric('couchestor_stream_limit_bytes', { stream: streams.events.name })).toBe(2_147_483_648);
  });

  it('leaves streams alone that are as they should be', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    const changed: string[] = [];
    bed.nc.subscribe('$JS.EVENT.ADVISORY.STREAM.>', {
      callback: (_error, { subject }) => {
        changed.push(subject);
      },
    });
    await bus.ensureStreams();
    await (await bed.bus()).ensureStreams();
    const { config } = await bed.jsm.streams.info(streams.dead.name);
    await bed.jsm.streams.update(streams.dead.name, config);
    await eventually(() => expect(changed).toEqual(['$JS.EVENT.ADVISORY.STREAM.UPDATED.COUCHESTOR_DEAD']));
  });

  it('refuses at once what JetStream would never take', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    const { migrationId: _left, ...incomplete } = ended;
    await expect(
      bus.publish('migration.completed', m1, incomplete as typeof ended, { messageId: 'x' }),
    ).rejects.toThrow(MalformedMessageError);
    const { config } = await bed.jsm.streams.info(streams.events.name);
    await bed.jsm.streams.update(streams.events.name, { ...config, max_msg_size: 100 });
    await expect(bus.publish('migration.completed', m1, ended, { messageId: 'x' })).rejects.toThrow(
      PublishRefusedError,
    );
    expect(
      await bed.metric('couchestor_messages_published_total', { type: 'migration.completed', result: 'refused' }),
    ).toBe(1);
  });

  it('logs what it cannot read and writes nothing, if it may only read', async () => {
    await (await bed.bus()).ensureStreams();
    const reader = await bed.bus({ readOnly: true, service: 'console' });
    await bed.jsm.jetstream().publish('couchestor.v1.migration.completed.m1', 'nonsense');
    const ending = new AbortController();
    const caughtUp = Promise.withResolvers<void>();
    void reader.readEvents({
      afterSequence: 0,
      signal: ending.signal,
      onEvent: () => Promise.resolve(),
      onCaughtUp: () => caughtUp.resolve(),
    });
    await caughtUp.promise;
    expect(bed.logs.filter(({ message }) => message.includes('dead letters')).length).toBe(1);
    expect((await bed.jsm.streams.info(streams.dead.name)).state.messages).toBe(0);
  });

  /** Everything that a bus can be busy with. */
  const keepBusy = async (bus: Bus): Promise<readonly Promise<void>[]> => {
    const { signal } = new AbortController();
    const tables = await bus.openFacts(['volume.observed'], { signal });
    await tables.whenSynced();
    await bus.openFactWriter('volume.observed', {});
    return [
      bus.readEvents({ afterSequence: 0, signal, onEvent: () => Promise.resolve() }),
      bus.permit.watch({ signal, onHeartbeat: () => undefined }),
      bus.intents.watchAll({ signal, onChange: () => undefined }).ended,
      bus.consumeRequests({
        durable: 'migrator',
        signal,
        maxInFlight: 1,
        ackWaitMs: 1_000,
        maxDeliver: 2,
        handle: () => Promise.resolve({ kind: 'ack' }),
        onExhausted: () => Promise.resolve(),
      }),
    ];
  };
  const errors = (): LogLine[] => bed.logs.filter(({ level }) => level === 'error');

  it('ends soon and leaves nothing behind', async () => {
    const before = resources();
    const bus = await bed.bus();
    await bus.ensureStreams();
    const busy = await keepBusy(bus);
    await bus[Symbol.asyncDispose]();
    await Promise.all(busy);
    await untilResources(before);
    expect(errors()).toEqual([]);
  });

  it('ends as soon while there is no server', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    const busy = await keepBusy(bus);
    await bed.server.kill();
    await eventually(() => expect(bus.state).toBe('disconnected'));
    const publishing = bus.publish('migration.completed', m1, ended, { messageId: 'x' });
    const outcome = Promise.allSettled([publishing]);
    const begunMs = performance.now();
    await bus[Symbol.asyncDispose]();
    await Promise.all(busy);
    expect(await outcome).toEqual([{ status: 'rejected', reason: new Error('the bus is closed') }]);
    // It waits 2 s at most for what is in its buffers; the rest is for a machine that has much else to do.
    expect(performance.now() - begunMs).toBeLessThan(10_000);
    expect(errors()).toEqual([]);
  });
});
