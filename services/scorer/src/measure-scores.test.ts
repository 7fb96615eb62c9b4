import { describe, expect, test } from 'vitest';
import { aSpec } from '../test/worlds.ts';
import { samplesOf, type Entry } from '../test/samples.ts';
import { measureScores } from './measure-scores.ts';
import { MetricsError } from './metrics-error.ts';
import type { MetricsServer } from './ports.ts';

const NOW_MS = Date.UTC(2026, 5, 15, 12);

/** A Prometheus in which samples are a minute apart, and only volumes with a recent one show that. */
function serverOf(samples: Readonly<Record<'counts' | 'lastTimes' | 'values', readonly Entry[]>>): MetricsServer {
  return {
    nowMs: async () => NOW_MS,
    existing: async (names) => new Set(names),
    vector: async (query) => {
      if (query.includes('count_over_time')) return [samplesOf(samples.counts)];
      return [samplesOf(query.includes('timestamp') ? samples.lastTimes : samples.values)];
    },
    sampleTimes: async (query) =>
      samples.lastTimes.some(([label]) => query.includes(JSON.stringify(label))) ? [[0, 60_000, 120_000]] : [],
  };
}

test('the interval of samples is read off a volume that still has some, however many another one had', async () => {
  const spec = aSpec({ samplingWindow: '1h', metrics: { source: 'MayastorCounters' } });
  const measurement = await measureScores({
    server: serverOf({
      counts: [
        ['gone', 240],
        ['here', 60],
      ],
      lastTimes: [['here', NOW_MS / 1_000]],
      values: [
        ['gone', 9],
        ['here', 7],
      ],
    }),
    specs: [spec],
    volumeIdOf: (label) => label,
    partings: new Map(),
    breathe: async () => undefined,
    nowMs: () => NOW_MS,
    signal: AbortSignal.timeout(5_000),
  });
  expect(measurement.tableOf(spec)?.scores.get('here')).toEqual({ kind: 'value', iops: 7, coverage: 1 });
  expect(measurement.tableOf(spec)?.scores.get('gone')).toEqual({ kind: 'unknown', reason: 'Stale' });
});

describe('volumes that are too many for one answer', () => {
  const spec = aSpec({ samplingWindow: '1h', metrics: { source: 'MayastorCounters' } });
  const ids = Array.from({ length: 64 }, (_, index) => `${index.toString(16).padStart(2, '0')}-id`);

  /** A Prometheus that answers about so many volumes at most. */
  function serverFor(most: number): MetricsServer & { readonly questions: string[] } {
    const questions: string[] = [];
    return {
      questions,
      nowMs: async () => NOW_MS,
      existing: async (names) => new Set(names),
      vector: async (query) => {
        questions.push(query);
        const [, operator = '=~', pattern = '.*'] = /pv_name(=~|!~)"([^"]*)"/.exec(query) ?? [];
        const wanted = ids
          .map((id) => `pvc-${id}`)
          .filter((label) => new RegExp(`^(?:${pattern})$`).test(label) === (operator === '=~'));
        if (wanted.length > most) throw new MetricsError('QueryFailed', 'too many samples', { tooMuch: true });
        const time = NOW_MS / 1_000;
        const value = query.includes('count_over_time') ? 60 : query.includes('timestamp') ? time : 7;
        return [samplesOf(wanted.map((label) => [label, value]))];
      },
      sampleTimes: async () => [[0, 60_000, 120_000]],
    };
  }
  const measured = (server: MetricsServer, partings: Map<string, number>) =>
    measureScores({
      server,
      specs: [spec],
      volumeIdOf: (label) => label.replace(/^pvc-/, ''),
      partings,
      breathe: async () => undefined,
      nowMs: () => NOW_MS,
      signal: AbortSignal.timeout(5_000),
    }).then((measurement) => measurement.tableOf(spec));

  test.each([
    [64, 3],
    [16, 3 * 17],
    [1, 3 * 257],
  ])('are asked for in parts of %d at most, and from then on at once so: %d questions', async (most, questions) => {
    const server = serverFor(most);
    const partings = new Map<string, number>();
    const table = await measured(server, partings);
    expect(table?.scores.size).toBe(64);
    expect([...(table?.scores.values() ?? [])].every((score) => score.kind === 'value' && score.iops === 7)).toBe(true);
    server.questions.length = 0;
    await measured(server, partings);
    expect(server.questions).toHaveLength(questions);
  });

  test('are unknown where even the smallest parts are refused, and the next cycle asks for all of them again', async () => {
    const server = serverFor(0);
    const partings = new Map<string, number>();
    expect(await measured(server, partings)).toMatchObject({ absent: 'QueryFailed', metrics: { available: false } });
    server.questions.length = 0;
    await measured(server, partings);
    expect(server.questions).toHaveLength(3);
    expect(server.questions[0]).not.toContain('=~');
  });
});

describe('questions', () => {
  const spec = aSpec({ samplingWindow: '1h', metrics: { source: 'MayastorCounters' } });

  /** Each answer arrives at once; its slices are read when they are asked for. */
  async function eventsOf(failing?: 'arriving' | 'reading'): Promise<readonly string[]> {
    const events: string[] = [];
    await measureScores({
      server: {
        nowMs: async () => NOW_MS,
        existing: async (names) => new Set(names),
        vector: async (query) => {
          const what = query.includes('count_over_time') ? 'counts' : query.includes('timestamp') ? 'times' : 'values';
          events.push(`ask ${what}`);
          if (failing === 'arriving') throw new MetricsError('PrometheusUnavailable', '429', { retryAfterMs: 1_000 });
          return (async function* () {
            events.push(`read ${what}`);
            if (failing === 'reading') throw new MetricsError('QueryFailed', 'a partial answer');
            const samples = samplesOf([['v', what === 'times' ? NOW_MS / 1_000 : 60]]);
            yield samples;
            if (what === 'counts') yield samplesOf([['w', 60]]);
          })();
        },
        sampleTimes: async () => {
          events.push('ask interval');
          return [[0, 60_000]];
        },
      },
      specs: [spec],
      volumeIdOf: (label) => label,
      partings: new Map(),
      breathe: async () => void events.push('breathe'),
      nowMs: () => NOW_MS,
      signal: AbortSignal.timeout(5_000),
    });
    return events;
  }

  test('are on their way while the answer to the one before is taken up, slice by slice', async () => {
    expect(await eventsOf()).toEqual([
      'ask counts',
      'ask times',
      'read counts',
      'breathe',
      'breathe',
      'ask values',
      'read times',
      'breathe',
      'ask interval',
      'read values',
      'breathe',
    ]);
  });

  test('end with an answer that is none', async () => {
    expect(await eventsOf('arriving')).toEqual(['ask counts']);
    expect(await eventsOf('reading')).toEqual(['ask counts', 'ask times', 'read counts']);
  });
});
