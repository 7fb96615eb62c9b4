import { describe, expect, test } from 'vitest';
import { aSpec } from '../../test/worlds.ts';
import { chooseQueries, DISCOVERED_METRICS, partsOf, type ScoreQueries } from './score-queries.ts';

function queriesOf(metrics: Readonly<Record<string, unknown>>, existing: readonly string[] = []): ScoreQueries {
  const chosen = chooseQueries(aSpec({ samplingWindow: '10m', metrics }), new Set(existing));
  if (chosen.kind === 'none') throw new Error(chosen.metrics.message);
  return chosen.queries;
}

function numberQuery({ numbers }: ScoreQueries, part: string): string {
  if (numbers.kind !== 'one') throw new Error('it is made of several queries');
  return numbers.query(part);
}

describe('a source that is to be found', () => {
  test.each([
    [DISCOVERED_METRICS, 'MayastorCounters'],
    [['volume_num_read_ops', 'volume_num_write_ops'], 'MayastorCounters'],
    [['volume_num_read_ops', 'openebs_volume_iops'], 'Gauge'],
    [['openebs_volume_iops'], 'Gauge'],
  ])('of %j is %s', (existing, source) => {
    expect(queriesOf({}, existing)).toMatchObject({ source });
  });

  test.each([[[]], [['volume_num_read_ops']], [['volume_num_write_ops']]])('of %j is none', (existing) => {
    expect(chooseQueries(aSpec(), new Set(existing))).toMatchObject({
      kind: 'none',
      metrics: { available: false, reason: 'NoSeries', message: expect.stringContaining('volume_num_write_ops') },
    });
  });
});

test('a query or a selector that cannot be meant is not asked, and the policy says what to change', () => {
  const reasonOf = (metrics: object) => chooseQueries(aSpec({ metrics }), new Set());
  expect(reasonOf({ source: 'PromQL', query: 'sum(rate(reads[$window]))' })).toMatchObject({
    metrics: { reason: 'QueryInvalid', message: expect.stringContaining('aggregate by (pv_name)') },
  });
  expect(reasonOf({ source: 'Gauge', query: 'rate(reads[5m])' })).toMatchObject({
    metrics: { reason: 'QueryInvalid', message: expect.stringContaining('needs source PromQL') },
  });
});

describe('parts', () => {
  const counters = queriesOf({ source: 'MayastorCounters' });

  test('of all volumes there is one', () => {
    expect(partsOf(counters, 0)).toEqual(['']);
    expect(numberQuery(counters, '')).toContain('rate(volume_num_read_ops[600s])');
  });

  test.each([
    [1, 17],
    [2, 257],
  ])('by %d digits there are %d, of which each label matches exactly one', (parting, count) => {
    for (const queries of [counters, queriesOf({ source: 'Gauge' })]) {
      const parts = partsOf(queries, parting);
      expect(parts).toHaveLength(count);
      for (const label of ['pvc-0f3e', 'pvc-ffff', '0f3e', 'data-disk', 'pvc-x', 'pvc-']) {
        const matching = parts.filter((part) => {
          const [, name, operator, pattern] = /^(\w+)(=~|!~)"(.*)"$/.exec(part) ?? [];
          expect(name).toBe(queries.volumeLabel);
          return new RegExp(`^(?:${pattern})$`).test(label) === (operator === '=~');
        });
        expect(matching).toHaveLength(1);
      }
    }
  });

  test('stand in every selector, beside the matchers that are there', () => {
    const part = partsOf(counters, 1)[10] ?? '';
    expect(numberQuery(counters, part).split(part)).toHaveLength(3);
    const gauge = queriesOf({ source: 'Gauge', query: 'my_iops{cluster="a", }' });
    expect(gauge.evidence?.lastSampleTime('x="y"')).toContain('my_iops{cluster="a",x="y"}');
    expect(queriesOf({ source: 'Gauge', query: 'my_iops{}' }).evidence?.lastSampleTime('x="y"')).toContain(
      'my_iops{x="y"}',
    );
  });

  test('of a query of the user there are none', () => {
    expect(partsOf(queriesOf({ source: 'PromQL', query: 'my_iops' }), 2)).toEqual(['']);
  });
});
