import { expect, test } from 'vitest';
import { aSpec } from '../test/worlds.ts';
import type { Sample } from './core/fold-scores.ts';
import { measureScores } from './measure-scores.ts';
import type { MetricsServer } from './ports.ts';

const NOW_MS = Date.UTC(2026, 5, 15, 12);

/** A Prometheus in which samples are a minute apart, and only volumes with a recent one show that. */
function serverOf(samples: Readonly<Record<'counts' | 'lastTimes' | 'values', readonly Sample[]>>): MetricsServer {
  return {
    nowMs: async () => NOW_MS,
    existing: async (names) => new Set(names),
    vector: async (query) => {
      if (query.includes('count_over_time')) return samples.counts;
      return query.includes('timestamp') ? samples.lastTimes : samples.values;
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
    nowMs: () => NOW_MS,
    signal: AbortSignal.timeout(5_000),
  });
  expect(measurement.tableOf(spec)?.scores.get('here')).toEqual({ kind: 'value', iops: 7, coverage: 1 });
  expect(measurement.tableOf(spec)?.scores.get('gone')).toEqual({ kind: 'unknown', reason: 'Stale' });
});
