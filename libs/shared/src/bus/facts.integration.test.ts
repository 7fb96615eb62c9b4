import { startNetworkLink } from '@couchestor/servers';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../clock/index.ts';
import { idOfSubject, streams, subjectOf, subjectToken, type VolumeObserved } from '../messages/index.ts';
import { HOUR_MS } from '../units/index.ts';
import { eventually } from './fixtures/eventually.ts';
import { sampleOf, startTestBed, type TestBed } from './fixtures/test-bed.ts';

const STATE = streams.state.name;
const volume = (volumeId: string, sizeBytes = 1): VolumeObserved => ({
  ...sampleOf('volume.observed'),
  volumeId,
  sizeBytes,
});
const id = subjectToken;

describe('facts', () => {
  let bed: TestBed;
  let ending: AbortController;

  beforeEach(async () => {
    bed = await startTestBed();
    ending = new AbortController();
  });
  afterEach(async () => {
    ending.abort();
    await bed[Symbol.asyncDispose]();
  });

  const stateLast = async (): Promise<number> => (await bed.jsm.streams.info(STATE)).state.last_seq;

  it('are published when they change, and only then', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    const writer = await bus.openFactWriter('volume.observed', {});

    expect(await writer.set(id('a'), volume('a'))).toBe('published');
    expect(await writer.set(id('a'), volume('a'))).toBe('unchanged');
    expect(await Promise.all([writer.set(id('b'), volume('b')), writer.set(id('b'), volume('b'))])).toEqual([
      'published',
      'unchanged',
    ]);
    expect(await writer.set(id('a'), volume('a', 2))).toBe('published');
    expect(await writer.delete(id('a'))).toBe('published');
    expect(await writer.delete(id('a'))).toBe('unchanged');
    expect(await writer.delete(id('never-there'))).toBe('unchanged');

    expect(await stateLast()).toBe(4);
    expect(await bed.metric('couchestor_messages_published_total', { type: 'volume.observed', result: 'stored' })).toBe(
      4,
    );
  });

  it('with an identity are published when that changes, whatever else does, also by a writer that starts later', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    const writer = await bus.openFactWriter('volume.observed', {});
    expect(writer.holds(id('a'), 'cold')).toBe(false);
    expect(await writer.set(id('a'), volume('a'), { identity: 'cold' })).toBe('published');
    expect(writer.holds(id('a'), 'cold')).toBe(true);
    expect(await writer.set(id('a'), volume('a', 2), { identity: 'cold' })).toBe('unchanged');
    const later = await (await bed.bus()).openFactWriter('volume.observed', {});
    expect(later.holds(id('a'), 'cold')).toBe(true);
    expect(later.holds(id('a'), 'hot')).toBe(false);
    expect(await later.set(id('a'), volume('a', 2), { identity: 'hot' })).toBe('published');
    await eventually(() => expect(writer.holds(id('a'), 'hot')).toBe(true));
    await writer.delete(id('a'));
    expect(writer.holds(id('a'), 'hot')).toBe(false);
    expect(await stateLast()).toBe(3);
  });

  it('are known to a writer that starts later, which publishes what differs and nothing else', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    const before = await bus.openFactWriter('volume.observed', {});
    await Promise.all(['a', 'b', 'gone'].map((name) => before.set(id(name), volume(name))));
    await before.delete(id('gone'));

    const after = await (await bed.bus()).openFactWriter('volume.observed', {});
    expect([...after.ids()].sort()).toEqual(['a', 'b']);
    expect(await after.set(id('a'), volume('a'))).toBe('unchanged');
    expect(await after.set(id('b'), volume('b', 2))).toBe('published');
    // What another wrote is noticed as it happens.
    await after.set(id('c'), volume('c'));
    await eventually(() => expect([...before.ids()]).toContain('c'));
    expect(await before.set(id('b'), volume('b', 2))).toBe('unchanged');
    expect(await before.set(id('c'), volume('c'))).toBe('unchanged');
    expect(await stateLast()).toBe(6);
  });

  it('are written one after the other for one id, so that the last call is what remains', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    const writer = await bus.openFactWriter('volume.observed', {});
    await Promise.all(Array.from({ length: 50 }, (_, index) => writer.set(id('a'), volume('a', index))));
    const tables = await bus.openFacts(['volume.observed'], { signal: ending.signal });
    await tables.whenSynced();
    expect(tables.of('volume.observed').get('a')?.data.sizeBytes).toBe(49);
  });

  it('keep their order when an earlier write has to be tried again', async () => {
    await (await bed.bus()).ensureStreams();
    // This bus was never asked to set up streams, so it does not bring back the one that is lost here.
    const registry = new Registry();
    const bus = await bed.bus({ random: () => 0.999, registry });
    const writer = await bus.openFactWriter('volume.observed', {});
    const { config } = await bed.jsm.streams.info(STATE);
    await bed.jsm.streams.delete(STATE);
    const earlier = writer.set(id('a'), volume('a', 1));
    const retries = registry.getSingleMetric('couchestor_publish_retries_total');
    await eventually(async () => expect((await retries?.get())?.values[0]?.value).toBeGreaterThan(3));
    await bed.jsm.streams.add(config);
    const later = writer.set(id('a'), volume('a', 2));
    await Promise.all([earlier, later]);
    const last = await bed.jsm.streams.getMessage(STATE, { last_by_subj: subjectOf('volume.observed', id('a')) });
    expect(last?.json<{ data: VolumeObserved }>().data.sizeBytes).toBe(2);
  });

  it('fill a table that is synced once it holds all that was there, and follow from then on', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    const writer = await bus.openFactWriter('volume.observed', {});
    const names = Array.from({ length: 2_000 }, (_, index) => `v${index}`);
    await Promise.all(names.map((name) => writer.set(id(name), volume(name))));
    await bus.publish('cluster.observed', id('cluster'), sampleOf('cluster.observed'), { messageId: 'c' });

    const tables = await bus.openFacts(['volume.observed', 'policy.observed'], { signal: ending.signal });
    const sizes: number[] = [];
    tables.onSynced((name, synced) => {
      if (name === 'volume.observed' && synced) sizes.push(tables.of('volume.observed').size);
    });
    await tables.whenSynced();
    expect(sizes).toEqual([2_000]);
    expect(tables.of('policy.observed').size).toBe(0);

    const changes: [string, number | undefined, number | undefined][] = [];
    tables.onChange('volume.observed', (name, next, previous) => {
      changes.push([name, next?.data.sizeBytes, previous?.data.sizeBytes]);
    });
    await writer.set(id('new'), volume('new', 7));
    await writer.set(id('v0'), volume('v0', 9));
    await writer.delete(id('v1'));
    await eventually(() =>
      expect(changes).toEqual([
        ['new', 7, undefined],
        ['v0', 9, 1],
        ['v1', undefined, 1],
      ]),
    );
    expect(tables.of('volume.observed').size).toBe(2_000);
    const [one, other] = ['v2', 'new'].map((name) => tables.of('volume.observed').get(name)?.data.persistentVolume);
    expect(one?.labels).toBeDefined();
    expect(other?.labels).toBe(one?.labels);
  });

  it('that cannot be read count as absent, and their bytes are kept among the dead letters', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    const writer = await bus.openFactWriter('volume.observed', {});
    await writer.set(id('a'), volume('a'));
    const tables = await bus.openFacts(['volume.observed'], { signal: ending.signal });
    await tables.whenSynced();

    const subject = subjectOf('volume.observed', id('a'));
    await bed.jsm.jetstream().publish(subject, '{"not":"ours"}');
    await eventually(() => expect(tables.of('volume.observed').has('a')).toBe(false));

    const letter = await eventually(async () => {
      const found = await bed.jsm.streams.getMessage(streams.dead.name, { last_by_subj: 'couchestor.dead.v1.watcher' });
      expect(found).not.toBeNull();
      return found?.json<Record<string, unknown>>();
    });
    expect(letter).toMatchObject({ service: 'watcher', subject, stream: STATE, sequence: 2, truncated: false });
    expect(letter?.['problem']).toContain('specversion');
    expect(Buffer.from(String(letter?.['base64']), 'base64').toString()).toBe('{"not":"ours"}');
    // The letter is stored before its writer hears so.
    await eventually(async () =>
      expect(await bed.metric('couchestor_dead_letters_total', { service: 'watcher', stream: STATE })).toBe(1),
    );
    // What is right again is there again, though the writer thinks that nothing has changed.
    await eventually(async () => expect(await writer.set(id('a'), volume('a'))).toBe('published'));
    await eventually(() => expect(tables.of('volume.observed').has('a')).toBe(true));
  });

  it('outlive a server that is killed while they are written', async () => {
    // What was under way when the connection broke is not waited for.
    const bus = await bed.bus({ requestTimeoutMs: 120_000 });
    await bus.ensureStreams();
    const writer = await bus.openFactWriter('volume.observed', {});
    const tables = await bus.openFacts(['volume.observed'], { signal: ending.signal });
    const names = Array.from({ length: 5_000 }, (_, index) => `v${index}`);
    const writing = Promise.all(names.map((name) => writer.set(id(name), volume(name))));
    await eventually(() => expect(tables.of('volume.observed').size).toBeGreaterThan(500));
    await bed.server.kill();
    await eventually(() => expect(bus.state).toBe('disconnected'));
    await bed.server.restart();
    await writing;
    await eventually(() => expect(tables.of('volume.observed').size).toBe(5_000));
    expect(tables.synced('volume.observed')).toBe(true);
    // The bus still follows.
    await writer.delete(id('v0'));
    await eventually(() => expect(tables.of('volume.observed').size).toBe(4_999));
  });

  it('whose stream is lost are reported as gone, and published again by whoever has them', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    let lost = 0;
    const writer = await bus.openFactWriter('volume.observed', { onLost: () => (lost += 1) });
    await Promise.all(['a', 'b', 'c'].map((name) => writer.set(id(name), volume(name))));
    const tables = await bus.openFacts(['volume.observed'], { signal: ending.signal });
    await tables.whenSynced();
    const gone: string[] = [];
    tables.onChange('volume.observed', (name, next) => {
      if (next === undefined) gone.push(name);
    });
    const synced: boolean[] = [];
    tables.onSynced((_name, is) => synced.push(is));

    await bed.jsm.streams.delete(STATE);
    // Made again by the bus itself.
    await eventually(() => expect(gone.sort()).toEqual(['a', 'b', 'c']));
    await eventually(() => expect(lost).toBe(1));
    expect(synced).toEqual([false, true]);
    expect([...writer.ids()]).toEqual([]);

    await Promise.all(['a', 'b'].map((name) => writer.set(id(name), volume(name))));
    await eventually(() => expect([...tables.of('volume.observed').keys()].sort()).toEqual(['a', 'b']));
  });

  it('are reported to who follows them: what is there first, then what changes, and what goes with its stream', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    const writer = await bus.openFactWriter('volume.observed', {});
    await Promise.all(['a', 'b', 'c'].map((name) => writer.set(id(name), volume(name))));
    await writer.delete(id('c'));
    const said: string[] = [];
    await bus.followFacts('volume.observed', (name, next) => said.push(`${name} ${next?.data.sizeBytes ?? 'gone'}`), {
      signal: ending.signal,
    });
    expect(said.filter((each) => !each.startsWith('c')).sort()).toEqual(['a 1', 'b 1']);
    await writer.set(id('a'), volume('a', 2));
    await writer.delete(id('a'));
    await eventually(() => expect(said.slice(-2)).toEqual(['a 2', 'a gone']));
    await bed.jsm.streams.delete(STATE);
    await eventually(() => expect(said.at(-1)).toBe('b gone'));
  });

  it('that did not come back with a restored stream are the only ones reported as gone', async () => {
    // Nobody sees the stream before all of it is restored.
    await using link = await startNetworkLink(bed.server.url);
    const bus = await bed.bus({ servers: link.url });
    await bus.ensureStreams();
    const writer = await bus.openFactWriter('volume.observed', {});
    await Promise.all(['kept', 'gone'].map((name) => writer.set(id(name), volume(name))));
    const tables = await bus.openFacts(['volume.observed'], { signal: ending.signal });
    await tables.whenSynced();
    const changes: [string, boolean][] = [];
    tables.onChange('volume.observed', (name, next) => changes.push([name, next !== undefined]));

    const { config } = await bed.jsm.streams.info(STATE);
    const kept = await bed.jsm.streams.getMessage(STATE, { last_by_subj: subjectOf('volume.observed', id('kept')) });
    link.set({ kind: 'cut' });
    await eventually(() => expect(bus.state).toBe('disconnected'));
    await bed.jsm.streams.delete(STATE);
    await bed.jsm.streams.add(config);
    await bed.jsm.jetstream().publish(subjectOf('volume.observed', id('kept')), kept?.data);
    link.set({ kind: 'whole' });

    await eventually(() => expect(changes).toContainEqual(['gone', false]));
    expect(changes).not.toContainEqual(['kept', false]);
    expect([...tables.of('volume.observed').keys()]).toEqual(['kept']);
  });

  it.each([
    { awayHours: 1, left: ['a', 'b'] },
    { awayHours: 13, left: ['b'] },
  ])('are read anew by whoever was away for too long ($awayHours h)', async ({ awayHours, left }) => {
    let skippedMs = 0;
    const clock = { ...createSystemClock(), monotonicMs: () => performance.now() + skippedMs };
    const bus = await bed.bus({ clock });
    await bus.ensureStreams();
    const writer = await bus.openFactWriter('volume.observed', {});
    await Promise.all(['a', 'b'].map((name) => writer.set(id(name), volume(name))));
    const tables = await bus.openFacts(['volume.observed'], { signal: ending.signal });
    await tables.whenSynced();
    // As after a tombstone that came and was purged while we did not look.
    await bed.jsm.streams.purge(STATE, { filter: subjectOf('volume.observed', id('a')) });
    await bed.server.kill();
    await eventually(() => expect(bus.state).toBe('disconnected'));
    skippedMs = awayHours * HOUR_MS;
    await bed.server.restart();
    await writer.set(id('c'), volume('c'));
    await eventually(() => expect([...tables.of('volume.observed').keys()].sort()).toEqual([...left, 'c']));
  });

  it('that were deleted leave the stream after a day, and nothing else does', async () => {
    const before = await bed.bus();
    await before.ensureStreams();
    const writer = await before.openFactWriter('volume.observed', {});
    await Promise.all(['deleted', 'returned', 'kept'].map((name) => writer.set(id(name), volume(name))));
    await writer.delete(id('deleted'));
    await writer.delete(id('returned'));
    await writer.set(id('returned'), volume('returned'));

    const clock = { ...createSystemClock(), nowMs: () => Date.now() + 25 * HOUR_MS };
    await (await bed.bus({ clock })).openFactWriter('volume.observed', {});
    const subjects = async (): Promise<string[]> =>
      Object.keys((await bed.jsm.streams.info(STATE, { subjects_filter: '>' })).state.subjects ?? {}).map(idOfSubject);
    await eventually(async () => expect((await subjects()).sort()).toEqual(['kept', 'returned']));
  });

  it('leave nothing running when the reading ends', async () => {
    const bus = await bed.bus();
    await bus.ensureStreams();
    const tables = await bus.openFacts(['volume.observed'], { signal: ending.signal });
    await tables.whenSynced();
    const consumers = async (): Promise<number> => (await bed.jsm.streams.info(STATE)).state.consumer_count;
    expect(await consumers()).toBe(1);
    ending.abort();
    await eventually(async () => expect(await consumers()).toBe(0));
  });
});
