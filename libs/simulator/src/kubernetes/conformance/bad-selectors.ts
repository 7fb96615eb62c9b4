import {
  cold,
  hot,
  labelValue,
  missing,
  notEmpty,
  notThoseOf,
  rule,
  unchecked,
  wrongType,
  type BadPolicy,
} from './policy-refusals.ts';

export const badSelectors: readonly BadPolicy[] = [
  {
    title: 'no hot pools',
    spec: { nvmePoolSelector: null },
    causes: [
      missing(
        'spec.nvmePoolSelector',
        'nvmePoolSelector must be set: name the labels of the hot DiskPools (hotPoolSelector is another name for the same field)',
      ),
    ],
  },
  {
    title: 'no cold pools',
    spec: { sataPoolSelector: null },
    causes: [
      missing(
        'spec.sataPoolSelector',
        'sataPoolSelector must be set: name the labels of the cold DiskPools (coldPoolSelector is another name for the same field)',
      ),
    ],
  },
  {
    title: 'both names of the hot pools',
    spec: { hotPoolSelector: hot },
    causes: [
      rule(
        'spec.hotPoolSelector',
        'hotPoolSelector is another name for nvmePoolSelector, which is set as well: remove one of the two',
      ),
    ],
  },
  {
    title: 'both names of the cold pools',
    spec: { coldPoolSelector: cold },
    causes: [
      rule(
        'spec.coldPoolSelector',
        'coldPoolSelector is another name for sataPoolSelector, which is set as well: remove one of the two',
      ),
    ],
  },
  { title: 'an empty hot selector', spec: { nvmePoolSelector: {} }, causes: [notEmpty('nvmePoolSelector', 'hot')] },
  {
    title: 'a cold selector of no labels',
    spec: { sataPoolSelector: { matchLabels: {} } },
    causes: [notEmpty('sataPoolSelector', 'cold')],
  },
  {
    title: 'a warm selector of no expressions',
    spec: { warmPoolSelector: { matchExpressions: [] }, warmWatermarkIOPS: 1000 },
    causes: [notEmpty('warmPoolSelector', 'warm')],
  },
  {
    title: 'cold pools that are the hot ones',
    spec: { sataPoolSelector: hot },
    causes: [notThoseOf('sataPoolSelector', 'nvmePoolSelector')],
  },
  {
    title: 'hot and cold pools of the same labels in another order, by their other names',
    spec: {
      nvmePoolSelector: null,
      hotPoolSelector: { matchLabels: { tier: 'a', rack: 'b' } },
      sataPoolSelector: null,
      coldPoolSelector: { matchLabels: { rack: 'b', tier: 'a' } },
    },
    causes: [notThoseOf('coldPoolSelector', 'hotPoolSelector')],
  },
  {
    title: 'warm pools that are the cold ones',
    spec: { warmPoolSelector: cold, warmWatermarkIOPS: 1000 },
    causes: [notThoseOf('warmPoolSelector', 'sataPoolSelector')],
  },
  {
    title: 'a list where an object belongs',
    spec: { volumeSelector: [] },
    causes: wrongType('spec.volumeSelector', 'array', 'object'),
  },
  {
    title: 'In without values',
    spec: { volumeSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
    causes: [
      missing(
        'spec.volumeSelector.matchExpressions[0].values',
        'values must have an entry with operator In: add one, or use Exists or DoesNotExist',
      ),
    ],
  },
  {
    title: 'Exists with values',
    spec: { volumeSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] } },
    causes: [
      rule(
        'spec.volumeSelector.matchExpressions[0].values',
        'values must be empty with operator Exists: remove them, or use In or NotIn',
      ),
    ],
  },
  {
    title: 'an operator that does not exist',
    spec: { volumeSelector: { matchExpressions: [{ key: 'a', operator: 'Has' }] } },
    causes: [
      'spec.volumeSelector.matchExpressions[0].operator FieldValueNotSupported: Unsupported value: "Has": supported values: "In", "NotIn", "Exists", "DoesNotExist"',
      unchecked,
    ],
  },
  {
    title: 'an expression without a key',
    spec: { volumeSelector: { matchExpressions: [{ operator: 'Exists' }] } },
    causes: ['spec.volumeSelector.matchExpressions[0].key FieldValueRequired: Required value', unchecked],
  },
  {
    title: 'an expression on a key that no label can have',
    spec: { volumeSelector: { matchExpressions: [{ key: 'a b', operator: 'Exists' }] } },
    causes: [
      rule(
        'spec.volumeSelector.matchExpressions[0].key',
        'key is "a b" and must be the key of a label: write NAME or PREFIX/NAME of letters, digits, "-", "_" and "."',
        'string',
      ),
    ],
  },
  {
    title: 'an expression with a value that no label can have',
    spec: { volumeSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b', '-'] }] } },
    causes: [labelValue('spec.volumeSelector.matchExpressions[0].values[1]', '-')],
  },
  {
    title: 'a label that no object can have',
    spec: { volumeSelector: { matchLabels: { 'a b': 'c' } } },
    causes: [
      rule(
        'spec.volumeSelector.matchLabels',
        'matchLabels has a key that no label can have: write NAME or PREFIX/NAME of letters, digits, "-", "_" and "."',
      ),
    ],
  },
  {
    title: 'a value that no label can have',
    spec: { volumeSelector: { matchLabels: { 'example.com/team': 'a b' } } },
    causes: [labelValue('spec.volumeSelector.matchLabels[example.com/team]', 'a b')],
  },
  {
    title: 'a value that is too long for a label',
    spec: { volumeSelector: { matchLabels: { team: 'x'.repeat(64) } } },
    causes: [
      'spec.volumeSelector.matchLabels.team FieldValueTooLong: Too long: may not be more than 63 bytes',
      unchecked,
    ],
  },
  {
    title: 'too many labels',
    spec: { volumeSelector: { matchLabels: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, ''])) } },
    causes: ['spec.volumeSelector.matchLabels FieldValueTooMany: Too many: 33: must have at most 32 items', unchecked],
  },
  {
    title: 'a StorageClass of a name that none can have',
    spec: { storageClassName: 'Fast Disks' },
    causes: [
      rule(
        'spec.storageClassName',
        'storageClassName is "Fast Disks" and must be the name of a StorageClass: choose one that kubectl get storageclasses lists',
        'string',
      ),
    ],
  },
];
