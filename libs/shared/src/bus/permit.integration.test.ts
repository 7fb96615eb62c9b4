import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Kvm } from '@nats-io/kv';
import { buckets, type Heartbeat } from '../messages/index.ts';
import type { Bus } from './bus.ts';
import { BusUnavailableError } from './errors.ts';
import { eventually } from './fixtures/eventually.ts';
import { startTestBed, type TestBed } from './fixtures/test-bed.ts';

const heartbeat = (paused: boolean): Heartbeat => ({
  leader: 'watcher-1',
  sentAt: '2026-06-01T08:00:00.000Z',
  paused,
});

describe('the permit', () => {
  let bed: TestBed;
  let bus: Bus;
  let ending: AbortController;
  let seen: { paused: boolean; revision: number; isFirst: boolean }[];
  let cleared: number;

  beforeEach(async () => {
    bed = await startTestBed();
    bus = await bed.bus();
    await bus.ensureStreams();
    ending = new AbortController();
    seen = [];
    cleared = 0;
  });
  afterEach(async () => {
    ending.abort();
    await bed[Symbol.asyncDispose]();
  });
  const watch = (): Promise<void> =>
    bus.permit.watch({
      signal: ending.signal,
      onHeartbeat: ({ paused }, revision, isFirst) => seen.push({ paused, revision, isFirst }),
      onCleared: () => (cleared += 1),
    });

  it('marks the value that was there already, and every first one after a reconnect', async () => {
    await bus.permit.write(heartbeat(false));
    void watch();
    await eventually(() => expect(seen).toEqual([{ paused: false, revision: 1, isFirst: true }]));
    await bus.permit.write(heartbeat(true));
    await eventually(() => expect(seen.at(-1)).toEqual({ paused: true, revision: 2, isFirst: false }));

    await bed.server.kill();
    await bed.server.restart();
    await eventually(() => expect(seen.at(-1)).toEqual({ paused: true, revision: 2, isFirst: true }));
    await bus.permit.write(heartbeat(false));
    await eventually(() => expect(seen.at(-1)).toEqual({ paused: false, revision: 3, isFirst: false }));
  });

  it('can be taken away, and what cannot be read is none', async () => {
    void watch();
    await bus.permit.write(heartbeat(false));
    await eventually(() => expect(seen.length).toBe(1));
    await bus.permit.clear();
    await eventually(() => expect(cleared).toBe(1));
    await (await new Kvm(bed.nc).open(buckets.permit.name)).put('heartbeat', '{}');
    await bus.permit.write(heartbeat(false));
    await eventually(() => expect(seen.map(({ revision }) => revision)).toEqual([1, 4]));
  });

  it('is forgotten by the server after its time', async () => {
    const { config } = await bed.jsm.streams.info(`KV_${buckets.permit.name}`);
    expect(config.max_age).toBe(14_000 * 1e6);
  });

  it('is not written later than it was true: no waiting for a connection, one try', async () => {
    await bed.server.kill();
    await eventually(() => expect(bus.state).toBe('disconnected'));
    await expect(bus.permit.write(heartbeat(false))).rejects.toThrow(BusUnavailableError);
    await bed.server.restart();
    await eventually(() => expect(bus.state).toBe('connected'));
    await bus.permit.write(heartbeat(true));
    void watch();
    await eventually(() => expect(seen).toEqual([{ paused: true, revision: 1, isFirst: true }]));
  });

  it('is watched again after its bucket was lost', async () => {
    void watch();
    await bus.permit.write(heartbeat(false));
    await eventually(() => expect(seen.length).toBe(1));
    await bed.jsm.streams.delete(`KV_${buckets.permit.name}`);
    await eventually(() => bus.permit.write(heartbeat(true)));
    await eventually(() => expect(seen.at(-1)?.paused).toBe(true));
    expect(seen.at(-1)?.isFirst).toBe(true);
  });
});
