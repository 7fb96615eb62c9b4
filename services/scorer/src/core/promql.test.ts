import { expect, test } from 'vitest';
import { queryProblem, selectorProblem } from './promql.ts';

test.each([
  'sum by (pv_name) (rate(volume_num_read_ops[5m]))',
  'sum(rate(volume_num_read_ops[5m])) by (job, pv_name)',
  'sum without (node, job) (rate(volume_num_read_ops[1h30m]))',
  'my_iops',
  '(my_iops)',
  'rate(reads[5m]) + rate(writes[5m])',
  'max_over_time(rate(reads[5m])[30d:1h])',
  'topk(1000, my_iops)',
  'label_replace(my_iops, "pv_name", "$1", "volume", "(.*)")',
  'rate(reads[300]) # by the second',
])('%s may be asked', (query) => {
  expect(queryProblem(query, 'pv_name')).toBeUndefined();
});

test.each([
  ['sum by ((', 'is not PromQL from its character 9 on'],
  ['', 'is not PromQL from its character 1 on'],
  ['up{', 'is not PromQL'],
  ['42', 'one number for all volumes'],
  ['"text"', 'one number for all volumes'],
  ['reads[5m]', 'a range of samples'],
  ['rate(reads[5m])[1h:1m]', 'a range of samples'],
  ['sum(rate(reads[5m]))', 'drops the label pv_name'],
  ['(sum(rate(reads[5m])))', 'drops the label pv_name'],
  ['sum by (node) (rate(reads[5m]))', 'drops the label pv_name'],
  ['sum without (pv_name) (rate(reads[5m]))', 'drops the label pv_name'],
  ['count_values by (node) ("n", reads)', 'drops the label pv_name'],
  ['rate(reads[31d])', 'a range of more than 30d'],
  ['rate(reads[4w3d])', 'a range of more than 30d'],
  ['max_over_time(rate(reads[5m])[30d:1s])', 'more than 11000 steps'],
])('%s may not, and it is said why', (query, problem) => {
  expect(queryProblem(query, 'pv_name')).toContain(problem);
});

test('a label that is none is named', () => {
  expect(queryProblem('my_iops', 'pv-name')).toBe('metrics.volumeLabel (pv-name) is not the name of a label');
  expect(selectorProblem('my_iops', 'a) or (b')).toContain('not the name of a label');
});

test.each(['my_iops', 'my_iops{cluster="a"}', '{__name__="my_iops"}', ' my_iops '])('%s is a gauge', (selector) => {
  expect(selectorProblem(selector, 'volume_id')).toBeUndefined();
});

test.each(['my_iops[5m]', 'rate(my_iops[5m])', 'a or b', 'my_iops offset 5m', 'my_iops{', '', 'a b', 'a)'])(
  '%s is none',
  (selector) => {
    expect(selectorProblem(selector, 'volume_id')).toContain('is not the name of a metric');
  },
);
