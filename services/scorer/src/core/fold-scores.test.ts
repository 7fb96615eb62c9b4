import { describe, expect, test } from 'vitest';
import { aSpec } from '../../test/worlds.ts';
import { samplesOf, type Entry } from '../../test/samples.ts';
import { createScoreFold, intervalOf } from './fold-scores.ts';
import { chooseQueries, promDuration, type ScoreQueries } from './score-queries.ts';
import { allSteps } from './steps.ts';
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
  scores.valued(samplesOf(value), 0);
  return allSteps(scores.finish());
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
    for (const method of ['TwoSpeed', 'P95']) {
      const spec = aSpec({ scoring: { method }, metrics: { source: 'PromQL', query: 'my_iops' } });
      expect(chooseQueries(spec, new Set())).toMatchObject({
        kind: 'none',
        metrics: { available: false, reason: 'MethodUnavailable' },
      });
    }
  });

  test('durations are exact', () =>
    expect([promDuration(1_500), promDuration(3_600_000)]).toEqual(['1500ms', '3600s']));
});

describe('two memories', () => {
  const scoring = { method: 'TwoSpeed', promoteMemory: '1h', demoteMemory: '4h' };
  const queries = queriesOf({ metrics: { source: 'MayastorCounters' }, scoring });
  const { numbers } = queries;
  if (numbers.kind !== 'twoSpeed') throw new Error('two memories are made of pieces');

  function foldPieces(iopsOf: readonly (readonly Entry[])[], lastAgoMs = 0): ScoreTable {
    const scores = createScoreFold(queries, AT_MS, volumeIdOf);
    scores.counted(samplesOf([['pvc-a', 60]]));
    scores.seenLast(samplesOf([['pvc-a', (AT_MS - lastAgoMs) / 1_000]]));
    scores.spaced(60_000);
    for (const [piece, entries] of iopsOf.entries()) scores.valued(samplesOf(entries), piece);
    return allSteps(scores.finish());
  }
  const every = (entries: readonly Entry[]) => Array.from({ length: 9 }, () => entries);
  const scored = (table: ScoreTable) => scoreOf(table, 'a', true, 0.8);

  test('are asked for by nine queries, from now on back over four of the longer one', () => {
    const asked = numbers.pieces.map((piece) => numbers.query(piece, 12, ''));
    expect(asked).toHaveLength(9);
    expect(asked[0]).toContain('rate(volume_num_read_ops[900s])');
    expect(asked[0]).toMatch(/ and \(sum by \(pv_name\) \(.*count_over_time.*\) >= 12\)$/);
    expect(asked[1]).toContain('rate(volume_num_write_ops[1350s] offset 900s)');
    const { fromMs = 0 } = numbers.pieces.at(-1) ?? {};
    expect(fromMs).toBeGreaterThanOrEqual(16 * 3_600_000);
  });

  test('make a score of two numbers', () => {
    const busyLately = numbers.pieces.map(({ toMs }): Entry[] => [['pvc-a', toMs < 3_600_000 ? 1_000 : 0]]);
    const score = scored(foldPieces(busyLately));
    expect(score).toMatchObject({ kind: 'value', coverage: 1 });
    if (score.kind !== 'value') return;
    expect(score.iops).toBeGreaterThan(2 * (score.demoteIops ?? Infinity));
  });

  test('know nothing of a volume of whose past too much is missing, nor of one without samples of late', () => {
    const young = every([['pvc-a', 10]]).slice(0, 3);
    expect(scored(foldPieces(young))).toEqual({ kind: 'unknown', reason: 'LowCoverage' });
    expect(scored(foldPieces([]))).toEqual({ kind: 'unknown', reason: 'LowCoverage' });
    expect(scored(foldPieces(every([['pvc-a', 10]]), 200_000))).toEqual({ kind: 'unknown', reason: 'Stale' });
  });

  test('know nothing where a piece is no number, or is found twice', () => {
    const spoilt = (piece: readonly Entry[]) => scored(foldPieces(every([['pvc-a', 10]]).with(4, piece)));
    expect(spoilt([['pvc-a', Number.NaN]])).toEqual({ kind: 'unknown', reason: 'QueryFailed' });
    expect(spoilt([['pvc-a', -1]])).toEqual({ kind: 'unknown', reason: 'QueryFailed' });
    expect(
      spoilt([
        ['pvc-a', 10],
        ['a', 10],
      ]),
    ).toEqual({ kind: 'unknown', reason: 'Ambiguous' });
  });

  test('a piece is known with four in five of the samples due in it, two at least', () => {
    const scores = createScoreFold(queries, AT_MS, volumeIdOf);
    const piece = { fromMs: 900_000, toMs: 0 };
    expect(scores.samplesDue(piece)).toBe(2);
    scores.spaced(60_000);
    expect(scores.samplesDue(piece)).toBe(12);
    expect(scores.samplesDue({ fromMs: 60_000, toMs: 30_000 })).toBe(2);
  });
});
