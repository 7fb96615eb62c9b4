import { describe, expect, test } from 'vitest';
import { aSpec } from '../../test/worlds.ts';
import { samplesOf, type Entry } from '../../test/samples.ts';
import { createScoreFold, intervalOf } from './fold-scores.ts';
import { chooseQueries, promDuration, type ScoreQueries } from './score-queries.ts';
import { scoreOf, type ScoreTable } from './score-table.ts';

const AT_MS = 1_000_000_000;
const volumeIdOf = (label: string): string => label.replace(/^pvc-/, '');

function queriesOf(stored: Readonly<Record<string, unknown>>): ScoreQueries {
  const chosen = chooseQueries(aSpec({ samplingWindow: '10m', ...stored }), new Set());
  if (chosen.kind === 'none') throw new Error(chosen.metrics.message);
  return chosen.queries;
}
const counters = queriesOf({ metrics: { source: 'MayastorCounters' } });
const gauge = queriesOf({ metrics: { source: 'Gauge' } });

interface Answers {
  readonly value: readonly Entry[];
  readonly sampleCount: readonly Entry[];
  readonly lastSampleTime: readonly Entry[];
  readonly intervalMs: number | undefined;
}

/** Ten minutes of one sample a minute: ten are due. */
function answers(value: readonly Entry[], change: Partial<Answers> = {}): Answers {
  const labels = value.map(([label]) => label);
  return {
    value,
    sampleCount: labels.map((label) => [label, 10]),
    lastSampleTime: labels.map((label) => [label, AT_MS / 1_000]),
    intervalMs: 60_000,
    ...change,
  };
}
function fold({ value, sampleCount, lastSampleTime, intervalMs }: Answers, queries = counters): ScoreTable {
  const scores = createScoreFold(queries, AT_MS, volumeIdOf);
  scores.counted(samplesOf(sampleCount));
  scores.seenLast(samplesOf(lastSampleTime));
  scores.spaced(intervalMs);
  scores.valued(samplesOf(value));
  return scores.table();
}
const one = (answered: Answers, queries = counters) => scoreOf(fold(answered, queries), 'a', true, 0.8);

test('a number with its samples is a value', () => {
  expect(one(answers([['pvc-a', 12.5]]))).toEqual({ kind: 'value', iops: 12.5, coverage: 1 });
});

test.each([Number.NaN, Infinity, -Infinity, -1])('%d is none', (number) => {
  expect(one(answers([['pvc-a', number]]))).toEqual({ kind: 'unknown', reason: 'QueryFailed' });
});

test('what is not listed has no series, and is not zero', () => {
  expect(one(answers([['pvc-b', 1]]))).toEqual({ kind: 'unknown', reason: 'NoSeries' });
  expect(fold(answers([]))).toMatchObject({ metrics: { available: false, reason: 'NoSeries' } });
});

test('two series for one volume are ambiguous', () => {
  expect(
    one(
      answers([
        ['pvc-a', 5],
        ['a', 5],
      ]),
    ),
  ).toEqual({ kind: 'unknown', reason: 'Ambiguous' });
});

test('a series without the label belongs to nobody', () => {
  expect(fold(answers([['', 5]])).scores.size).toBe(0);
});

describe('coverage', () => {
  test.each([
    [8, { kind: 'value', iops: 5, coverage: 0.8 }],
    [7, { kind: 'unknown', reason: 'LowCoverage' }],
    [25, { kind: 'value', iops: 5, coverage: 1 }],
  ])('%d of 10 samples due', (count, score) => {
    expect(one(answers([['pvc-a', 5]], { sampleCount: [['pvc-a', count]] }))).toEqual(score);
  });

  test('of a volume that is not counted, or at an unknown interval, is none', () => {
    expect(one(answers([['pvc-a', 5]], { sampleCount: [] }))).toMatchObject({ reason: 'LowCoverage' });
    expect(one(answers([['pvc-a', 5]], { intervalMs: undefined }))).toMatchObject({ reason: 'LowCoverage' });
  });

  test('everything that began within the window is short of samples, also when all volumes did', () => {
    const began = answers([['pvc-a', 5]], { sampleCount: [['pvc-a', 4]] });
    expect(one(began)).toMatchObject({ reason: 'LowCoverage' });
  });

  test('samples without a value are too few for a rate, or disagree', () => {
    const counted = { sampleCount: [['pvc-a', 1]] as const };
    expect(one(answers([], counted))).toEqual({ kind: 'unknown', reason: 'LowCoverage' });
    expect(one(answers([], counted), gauge)).toEqual({ kind: 'unknown', reason: 'Ambiguous' });
  });
});

describe('age', () => {
  const last = (agoMs: number, intervalMs = 60_000) =>
    one(
      answers([['pvc-a', 5]], {
        lastSampleTime: [['pvc-a', (AT_MS - agoMs) / 1_000]],
        intervalMs,
        sampleCount: [['pvc-a', 10_000]],
      }),
    );

  test('three intervals are fresh, more are stale', () => {
    expect(last(180_000)).toMatchObject({ kind: 'value' });
    expect(last(180_001)).toEqual({ kind: 'unknown', reason: 'Stale' });
  });

  test('five seconds are fresh, however short the interval', () => {
    expect(last(5_000, 1_000)).toMatchObject({ kind: 'value' });
    expect(last(5_001, 1_000)).toMatchObject({ reason: 'Stale' });
  });

  test('no last sample is stale', () => {
    expect(one(answers([['pvc-a', 5]], { lastSampleTime: [] }))).toMatchObject({ reason: 'Stale' });
  });
});

test('the interval is the middle gap of the series with most samples', () => {
  expect(
    intervalOf([
      [0, 60],
      [0, 15, 30, 45, 120, 135],
    ]),
  ).toBe(15);
  expect(intervalOf([[7]])).toBeUndefined();
  expect(intervalOf([])).toBeUndefined();
});

describe('what is asked', () => {
  test('is the same for policies with the same source and window, whatever their watermarks', () => {
    const other = queriesOf({ metrics: { source: 'MayastorCounters', minCoverage: 0.1 }, highWatermarkIOPS: 7_000 });
    expect(other.key).toBe(counters.key);
    const longer = queriesOf({ metrics: { source: 'MayastorCounters' }, samplingWindow: '11m' });
    expect(longer.key).not.toBe(counters.key);
  });

  test('is found out by what exists', () => {
    const auto = (...names: string[]) => {
      const chosen = chooseQueries(aSpec(), new Set(names));
      return chosen.kind === 'none' ? chosen.metrics.reason : chosen.queries.source;
    };
    expect(auto('volume_num_read_ops', 'volume_num_write_ops', 'openebs_volume_iops')).toBe('MayastorCounters');
    expect(auto('volume_num_read_ops')).toBe('NoSeries');
    expect(auto('openebs_volume_iops')).toBe('Gauge');
    expect(auto()).toBe('NoSeries');
  });

  test('names a volume in quotes, whatever it is called', () => {
    expect(counters.evidence?.samplesOf('a"}')).toBe('volume_num_read_ops{pv_name="a\\"}"}[600s]');
    const own = queriesOf({ metrics: { source: 'Gauge', query: 'iops{job="x"}', volumeLabel: 'vol' } });
    expect(own.evidence?.samplesOf('a')).toBe('iops{job="x",vol="a"}[600s]');
  });

  test('a method that is not there is said, not replaced', () => {
    const chosen = chooseQueries(aSpec({ scoring: { method: 'TwoSpeed' } }), new Set(['openebs_volume_iops']));
    expect(chosen).toMatchObject({ kind: 'none', metrics: { available: false, reason: 'MethodUnavailable' } });
  });

  test('durations are exact', () =>
    expect([promDuration(1_500), promDuration(3_600_000)]).toEqual(['1500ms', '3600s']));
});
