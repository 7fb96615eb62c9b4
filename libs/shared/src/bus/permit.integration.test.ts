import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startNetworkLink } from '@couchestor/servers';
import { Kvm } from '@nats-io/kv';
import { createSystemClock, pause } from '../clock/index.ts';
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

  it('never takes for fresh what a silent network delivers long after it was sent', async () => {
    const SILENT_MS = 6_000;
    const LATE_MS_MAX = 3_500;
    await using link = await startNetworkLink(bed.server.url);
    const far = await bed.bus({ servers: link.url, instance: 'migrator-1' });
    const agesMs: number[] = [];
    void far.permit.watch({
      signal: ending.signal,
      onHeartbeat: ({ sentAt }, _, isFirst) => {
        if (!isFirst) agesMs.push(Date.now() - Date.parse(sentAt));
      },
    });
    const clock = createSystemClock();
    const beating = (async () => {
      while (await pause(clock, 250, ending.signal)) {
        await bus.permit.write({ ...heartbeat(false), sentAt: new Date().toISOString() });
      }
    })();
    await eventually(() => expect(agesMs.length).toBeGreaterThan(2));
    link.set({ kind: 'oneWay', passes: 'requests' });
    await clock.sleep(SILENT_MS);
    link.set({ kind: 'whole' });
    const before = agesMs.length;
    await eventually(() => expect(agesMs.length).toBeGreaterThan(before + 2));
    expect(Math.max(...agesMs)).toBeLessThan(LATE_MS_MAX);
    ending.abort();
    await beating;
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
