import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Kvm } from '@nats-io/kv';
import { buckets, intentSchema, type Intent } from '../messages/index.ts';
import type { Bus } from './bus.ts';
import { ConflictError } from './errors.ts';
import { eventually } from './fixtures/eventually.ts';
import { startTestBed, type TestBed } from './fixtures/test-bed.ts';

const BUCKET = buckets.intents.name;
const sample = intentSchema.parse(
  JSON.parse(readFileSync(new URL('../messages/samples/intent.ended.json', import.meta.url), 'utf8')),
);
const intent = (volumeId: string, attempt = 1): Intent => ({ ...sample, volumeId, attempt });

describe('intents', () => {
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

  it('are written only by whoever has read the last revision', async () => {
    const { intents } = bus;
    expect(await intents.get('v1')).toBeUndefined();
    const first = await intents.create(intent('v1'));
    await expect(intents.create(intent('v1'))).rejects.toThrow(ConflictError);
    const second = await intents.update(intent('v1', 2), first);
    await expect(intents.update(intent('v1', 3), first)).rejects.toThrow(ConflictError);
    expect(await intents.get('v1')).toEqual({ intent: intent('v1', 2), revision: second });
    await expect(intents.delete('v1', first)).rejects.toThrow(ConflictError);
    await intents.delete('v1', second);
    expect(await intents.get('v1')).toBeUndefined();
    const third = await intents.create(intent('v1', 4));
    expect((await intents.get('v1'))?.revision).toBe(third);
  });

  it('are written by exactly one of many who try at the same time', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => bus.intents.create(intent('v1', index))),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(1);
  });

  it('are written once when the server is killed before it could answer, and the writer is told the truth', async () => {
    let revision = await bus.intents.create(intent('v1', 0));
    let attempt = 0;
    const stopping = new AbortController();
    const writing = (async () => {
      while (!stopping.signal.aborted) {
        attempt += 1;
        revision = await bus.intents.update(intent('v1', attempt), revision);
      }
    })();
    await eventually(() => expect(attempt).toBeGreaterThan(50));
    await bed.server.kill();
    await bed.server.restart();
    const resumed = attempt;
    await eventually(() => expect(attempt).toBeGreaterThan(resumed + 50));
    stopping.abort();
    await writing;
    expect(await bus.intents.get('v1')).toEqual({ intent: intent('v1', attempt), revision });
    // Every write took one place in the bucket: none was doubled by the retry.
    expect(revision).toBe(attempt + 1);
  });

  it('are what the key-value clients of NATS see', async () => {
    const revision = await bus.intents.create(intent('v1'));
    const bucket = await new Kvm(bed.nc).open(BUCKET);
    const entry = await bucket.get('v1');
    expect(entry?.revision).toBe(revision);
    expect(entry?.json()).toEqual(intent('v1'));
    await bucket.delete('v1');
    expect(await bus.intents.get('v1')).toBeUndefined();
    await bucket.put('v2', JSON.stringify(intent('v2')));
    expect([...(await bus.intents.list()).keys()]).toEqual(['v2']);
    await bus.intents.delete('v2');
    expect((await bucket.get('v2'))?.operation).toBe('DEL');
  });

  it('are listed and watched, those of before and those to come, deletions too', async () => {
    for (let index = 0; index < 600; index += 1) await bus.intents.create(intent(`v${index}`));
    await bus.intents.delete('v0');
    expect((await bus.intents.list()).size).toBe(599);

    const seen = new Map<string, number | undefined>();
    const watch = bus.intents.watchAll({
      signal: ending.signal,
      onChange: (volumeId, stored) => seen.set(volumeId, stored?.intent.attempt),
    });
    await watch.synced;
    expect(seen.size).toBe(599);
    await bus.intents.create(intent('new', 7));
    await bus.intents.delete('v1');
    await eventually(() => expect([seen.get('new'), seen.get('v1')]).toEqual([7, undefined]));
    ending.abort();
    await watch.ended;
  });

  it('come to those who watch in the order in which they were stored, also when the server is killed meanwhile', async () => {
    const revisions: number[] = [];
    const watch = bus.intents.watchAll({
      signal: ending.signal,
      onChange: (_volumeId, stored) => revisions.push(stored?.revision ?? Number.NaN),
    });
    await watch.synced;
    const stopping = new AbortController();
    const writers = await Promise.all(
      [1, 2, 3].map(async (number) => {
        const other = await bed.bus({ service: 'migrator', instance: `writer-${number}` });
        return async (): Promise<number> => {
          let revision = await other.intents.create(intent(`v${number}`, 0));
          for (let attempt = 1; !stopping.signal.aborted; attempt += 1) {
            revision = await other.intents.update(intent(`v${number}`, attempt), revision);
          }
          return revision;
        };
      }),
    );
    const writing = Promise.all(writers.map((write) => write()));
    await eventually(() => expect(revisions.length).toBeGreaterThan(100));
    await bed.server.kill();
    await bed.server.restart();
    const resumed = revisions.length;
    await eventually(() => expect(revisions.length).toBeGreaterThan(resumed + 100));
    stopping.abort();
    const last = Math.max(...(await writing));
    await eventually(() => expect(revisions.at(-1)).toBe(last));
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
  });

  it('that cannot be read are told apart from none, so that nothing starts on their volume', async () => {
    const bucket = await new Kvm(bed.nc).open(BUCKET);
    await bucket.put('v1', '{"state":"active"}');
    await expect(bus.intents.get('v1')).rejects.toThrow(/migrationId/);
    await expect(bus.intents.create(intent('v1'))).rejects.toThrow(ConflictError);
    expect((await bus.intents.list()).size).toBe(0);
    await eventually(async () =>
      expect(await bed.metric('couchestor_dead_letters_total', { stream: `KV_${BUCKET}` })).toBe(1),
    );
  });

  it('of a lost bucket are reported as gone to those who watch', async () => {
    await bus.intents.create(intent('v1'));
    const present = new Set<string>();
    const watch = bus.intents.watchAll({
      signal: ending.signal,
      onChange: (volumeId, stored) => {
        if (stored === undefined) present.delete(volumeId);
        else present.add(volumeId);
      },
    });
    await watch.synced;
    expect([...present]).toEqual(['v1']);
    await bed.jsm.streams.delete(`KV_${BUCKET}`);
    await eventually(() => expect([...present]).toEqual([]));
  });

  it('that end before they are synced tell so instead of waiting for ever', async () => {
    await bed.server.kill();
    await eventually(() => expect(bus.state).toBe('disconnected'));
    const watch = bus.intents.watchAll({ signal: ending.signal, onChange: () => undefined });
    const reason = new Error('enough');
    ending.abort(reason);
    await expect(watch.synced).rejects.toBe(reason);
    await watch.ended;
    await expect(bus.intents.get('v1', ending.signal)).rejects.toBe(reason);
    await expect(bus.intents.list(ending.signal)).rejects.toBe(reason);
  });
});
