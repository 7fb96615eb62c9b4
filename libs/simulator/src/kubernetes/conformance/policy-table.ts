import type { JsonObject } from '../json.ts';

/** A policy that cannot work. Whoever reads it must refuse it, with the field and what to change. */
export interface BadPolicy {
  /** Goes on after "a policy is refused for". */
  readonly title: string;
  /** Beside the two pool selectors of the least policy. */
  readonly spec: JsonObject;
  /** Every cause that the API server gives, `field reason: message`. */
  readonly causes: readonly string[];
}

/** The API server gives it beside each cause that keeps it from looking at rules. */
export const unchecked =
  '<nil> FieldValueInvalid: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

/** A rule of our own is broken. */
function rule(field: string, sentence: string, type = 'object'): string {
  return `${field} FieldValueInvalid: Invalid value: "${type}": ${sentence}`;
}

function missing(field: string, sentence: string): string {
  return `${field} FieldValueRequired: Required value: ${sentence}`;
}

function bound(field: string, value: string, demand: string): string {
  return `${field} FieldValueInvalid: Invalid value: ${value}: ${field} in body ${demand}`;
}

function wrongType(field: string, found: string, wanted: string): readonly string[] {
  const message = `Invalid value: "${found}": ${field} in body must be of type ${wanted}: "${found}"`;
  return [`${field} FieldValueTypeInvalid: ${message}`, unchecked];
}

function duration(field: string, name: string, value: string, from: string, to: string): string {
  const sentence = `${name} is "${value}" and must be a duration from ${from} to ${to}: write it like 90s, 1h30m or 2d12h`;
  return rule(field, sentence, 'string');
}

function samplingWindow(value: string): BadPolicy['causes'] {
  return [duration('spec.samplingWindow', 'samplingWindow', value, '1s', '30d')];
}

export const highAboveLow = rule(
  'spec.highWatermarkIOPS',
  'highWatermarkIOPS must be greater than lowWatermarkIOPS: raise highWatermarkIOPS or lower lowWatermarkIOPS',
);
const warmBetween = rule(
  'spec.warmWatermarkIOPS',
  'warmWatermarkIOPS must be greater than lowWatermarkIOPS and less than highWatermarkIOPS: choose a number between the two',
);

function notEmpty(field: string, tier: string): string {
  const sentence = `${field} must not be empty, which would select every pool: name at least one label of the ${tier} DiskPools in matchLabels or matchExpressions`;
  return rule(`spec.${field}`, sentence);
}

function notThoseOf(field: string, other: string): string {
  const sentence = `${field} must not select the pools of ${other}: name labels that only the DiskPools of its own tier have`;
  return rule(`spec.${field}`, sentence);
}

function labelValue(field: string, value: string): string {
  const sentence = `the value of a label is "${value}" and must be of letters, digits, "-", "_" and ".", begin and end with a letter or digit, or be empty: write the value that the label has`;
  return rule(field, sentence, 'string');
}

/** A window of the night but for what is said. */
function window(part: JsonObject): JsonObject {
  return { windows: [{ schedule: '0 22 * * *', duration: '6h', ...part }] };
}

function badSchedule(title: string, schedule: string): BadPolicy {
  const sentence = `schedule is "${schedule}" and must be a cron schedule: write five fields with one space between, minute (0-59) hour (0-23) day of month (1-31) month (1-12 or JAN-DEC) day of week (0-7 or SUN-SAT), each *, a number, a rising range or a list of these, with /step behind * or a range if wanted, for example 0 22 * * 1-5`;
  return { title, spec: window({ schedule }), causes: [rule('spec.windows[0].schedule', sentence, 'string')] };
}

function badTimeZone(title: string, timeZone: string, isWellFormed: boolean): BadPolicy {
  const remedy = 'must be the IANA name of a time zone: write it like Europe/Berlin or UTC';
  const sentence = isWellFormed
    ? `unknown time zone ${timeZone} evaluating rule: timeZone ${remedy}`
    : `timeZone is "${timeZone}" and ${remedy}`;
  return { title, spec: window({ timeZone }), causes: [rule('spec.windows[0].timeZone', sentence, 'string')] };
}

const hot = { matchLabels: { tier: 'hot' } };
const warm = { matchLabels: { tier: 'warm' } };
const cold = { matchLabels: { tier: 'cold' } };

const badWatermarks: readonly BadPolicy[] = [
  { title: 'a high watermark equal to the low one', spec: { highWatermarkIOPS: 500 }, causes: [highAboveLow] },
  {
    title: 'a high watermark below the low one and below its bound',
    spec: { highWatermarkIOPS: 0 },
    causes: [bound('spec.highWatermarkIOPS', '0', 'should be greater than or equal to 1'), highAboveLow],
  },
  {
    title: 'a high watermark above its bound',
    spec: { highWatermarkIOPS: 100_000_001 },
    causes: [bound('spec.highWatermarkIOPS', '100000001', 'should be less than or equal to 100000000')],
  },
  {
    title: 'a negative low watermark',
    spec: { lowWatermarkIOPS: -1 },
    causes: [bound('spec.lowWatermarkIOPS', '-1', 'should be greater than or equal to 0')],
  },
  {
    title: 'text where a number belongs',
    spec: { highWatermarkIOPS: 'x' },
    causes: wrongType('spec.highWatermarkIOPS', 'string', 'integer'),
  },
  {
    title: 'a fraction where a whole number belongs',
    spec: { lowWatermarkIOPS: 1.5 },
    causes: wrongType('spec.lowWatermarkIOPS', 'number', 'integer'),
  },
  {
    title: 'a warm watermark without warm pools',
    spec: { warmWatermarkIOPS: 1000 },
    causes: [
      missing(
        'spec.warmPoolSelector',
        'warmPoolSelector must be set with warmWatermarkIOPS: name the labels of the warm DiskPools, or remove warmWatermarkIOPS',
      ),
    ],
  },
  {
    title: 'warm pools without a warm watermark',
    spec: { warmPoolSelector: warm },
    causes: [
      missing(
        'spec.warmWatermarkIOPS',
        'warmWatermarkIOPS must be set with warmPoolSelector: say from how many IOPS a volume is warm, or remove warmPoolSelector',
      ),
    ],
  },
  {
    title: 'a warm watermark at the low one',
    spec: { warmPoolSelector: warm, warmWatermarkIOPS: 500 },
    causes: [warmBetween],
  },
  {
    title: 'a warm watermark at the high one',
    spec: { warmPoolSelector: warm, warmWatermarkIOPS: 5000 },
    causes: [warmBetween],
  },
];

const badSelectors: readonly BadPolicy[] = [
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

const badDurations: readonly BadPolicy[] = [
  {
    title: 'a sampling window a millisecond too long',
    spec: { samplingWindow: '30d1ms' },
    causes: samplingWindow('30d1ms'),
  },
  {
    title: 'a sampling window a millisecond too short',
    spec: { samplingWindow: '999ms' },
    causes: samplingWindow('999ms'),
  },
  { title: 'a sampling window in words', spec: { samplingWindow: '5 minutes' }, causes: samplingWindow('5 minutes') },
  { title: 'a sampling window without a unit', spec: { samplingWindow: '60' }, causes: samplingWindow('60') },
  { title: 'an empty sampling window', spec: { samplingWindow: '' }, causes: samplingWindow('') },
  { title: 'minutes before hours', spec: { samplingWindow: '30m1h' }, causes: samplingWindow('30m1h') },
  {
    title: 'a duration of two lines',
    spec: { samplingWindow: '1h\n' },
    causes: [
      rule(
        'spec.samplingWindow',
        'samplingWindow must be a duration from 1s to 30d: write it like 90s, 1h30m or 2d12h',
        'string',
      ),
    ],
  },
  {
    title: 'a number where a duration belongs',
    spec: { samplingWindow: 3600 },
    causes: wrongType('spec.samplingWindow', 'integer', 'string'),
  },
  {
    title: 'a duration that is too long to be read',
    spec: { samplingWindow: '1'.repeat(40) },
    causes: ['spec.samplingWindow FieldValueTooLong: Too long: may not be more than 32 bytes', unchecked],
  },
  {
    title: 'a cooldown above a year',
    spec: { cooldownPeriod: '366d' },
    causes: [duration('spec.cooldownPeriod', 'cooldownPeriod', '366d', '0s', '365d')],
  },
  {
    title: 'a migration time-out of nothing',
    spec: { migrationTimeout: '0s' },
    causes: [duration('spec.migrationTimeout', 'migrationTimeout', '0s', '1s', '7d')],
  },
  {
    title: 'an approval that expires never',
    spec: { approval: { mode: 'Manual', expiresAfter: 'never' } },
    causes: [duration('spec.approval.expiresAfter', 'expiresAfter', 'never', '1s', '365d')],
  },
  {
    title: 'an approval by nobody',
    spec: { approval: { mode: 'Never' } },
    causes: [
      'spec.approval.mode FieldValueNotSupported: Unsupported value: "Never": supported values: "Automatic", "Manual"',
      unchecked,
    ],
  },
  {
    title: 'a memory for promotion that is longer than that for demotion',
    spec: { scoring: { method: 'TwoSpeed', promoteMemory: '1d1s', demoteMemory: '24h' } },
    causes: [
      rule(
        'spec.scoring.promoteMemory',
        'promoteMemory is 1d1s and must not be longer than demoteMemory (24h): shorten promoteMemory or lengthen demoteMemory',
      ),
    ],
  },
  {
    title: 'a share of a hot tier beside a warm one',
    spec: {
      scoring: { hotSharePercent: 16 },
      warmWatermarkIOPS: 1000,
      warmPoolSelector: { matchLabels: { tier: 'warm' } },
    },
    causes: [
      rule(
        'spec.warmWatermarkIOPS',
        'warmWatermarkIOPS must not be set with scoring.hotSharePercent, which knows two tiers: remove one of the two',
      ),
    ],
  },
  {
    title: 'a memory that is no duration beside one that is',
    spec: { scoring: { promoteMemory: 'short', demoteMemory: '1h' } },
    causes: [duration('spec.scoring.promoteMemory', 'promoteMemory', 'short', '1s', '30d')],
  },
];

const badWindows: readonly BadPolicy[] = [
  badSchedule('a schedule of six fields', '0 0 22 * * *'),
  badSchedule('a schedule at hour 25', '0 25 * * *'),
  badSchedule('a schedule with two spaces', '0  22 * * *'),
  badSchedule('a schedule by a nickname', '@daily'),
  badSchedule('a step behind a number', '0/15 * * * *'),
  badSchedule('a step of nothing', '*/0 * * * *'),
  badSchedule('a step of more hours than a day has', '0 */24 * * *'),
  badSchedule('a range of hours across midnight', '0 22-6 * * *'),
  badSchedule('a range of days across the week', '0 0 * * FRI-MON'),
  badSchedule('a range of months across the year', '0 0 * NOV-FEB *'),
  badTimeZone('a time zone in words', 'Central European', false),
  badTimeZone('the time zone of whoever reads it', 'Local', false),
  badTimeZone('a time zone that does not exist', 'Europe/Berln', true),
  {
    title: 'a window that stays open too long',
    spec: window({ duration: '31d1s' }),
    causes: [duration('spec.windows[0].duration', 'duration', '31d1s', '1s', '31d')],
  },
  {
    title: 'a window without a duration',
    spec: { windows: [{ schedule: '0 22 * * *' }] },
    causes: ['spec.windows[0].duration FieldValueRequired: Required value', unchecked],
  },
  {
    title: 'a window that neither allows nor denies',
    spec: window({ action: 'Maybe' }),
    causes: [
      'spec.windows[0].action FieldValueNotSupported: Unsupported value: "Maybe": supported values: "Allow", "Deny"',
      unchecked,
    ],
  },
  {
    title: 'too many windows',
    spec: { windows: Array.from({ length: 21 }, () => ({ schedule: '0 22 * * *', duration: '1h' })) },
    causes: ['spec.windows FieldValueTooMany: Too many: 21: must have at most 20 items', unchecked],
  },
  {
    title: 'an object where a list belongs',
    spec: { windows: {} },
    causes: wrongType('spec.windows', 'object', 'array'),
  },
];

const badMetrics: readonly BadPolicy[] = [
  {
    title: 'PromQL without a query',
    spec: { metrics: { source: 'PromQL' } },
    causes: [
      missing(
        'spec.metrics.query',
        'query must be set with source PromQL: add a query that gives one series for each volume, or choose another source',
      ),
    ],
  },
  {
    title: 'an empty query',
    spec: { metrics: { source: 'PromQL', query: '' } },
    causes: [bound('spec.metrics.query', '""', 'should be at least 1 chars long')],
  },
  {
    title: 'a source that does not exist',
    spec: { metrics: { source: 'Graphite' } },
    causes: [
      'spec.metrics.source FieldValueNotSupported: Unsupported value: "Graphite": supported values: "Auto", "MayastorCounters", "Gauge", "PromQL"',
      unchecked,
    ],
  },
  {
    title: 'a label of series that Prometheus cannot have',
    spec: { metrics: { volumeLabel: 'pv-name' } },
    causes: [
      rule(
        'spec.metrics.volumeLabel',
        'volumeLabel is "pv-name" and must be the name of a label in Prometheus: write letters, digits and _, no digit in front',
        'string',
      ),
    ],
  },
  {
    title: 'a share above one',
    spec: { metrics: { minCoverage: 1.1 } },
    causes: [bound('spec.metrics.minCoverage', '1.1', 'should be less than or equal to 1')],
  },
  {
    title: 'no unknown score allowed at all',
    spec: { metrics: { maxUnknownPercent: 0 } },
    causes: [bound('spec.metrics.maxUnknownPercent', '0', 'should be greater than or equal to 1')],
  },
];

const badBrakes: readonly BadPolicy[] = [
  {
    title: 'text where a boolean belongs',
    spec: { enabled: 'yes' },
    causes: wrongType('spec.enabled', 'string', 'boolean'),
  },
  {
    title: 'more moves at once than allowed',
    spec: { maxConcurrentMigrations: 101 },
    causes: [bound('spec.maxConcurrentMigrations', '101', 'should be less than or equal to 100')],
  },
  {
    title: 'several limits out of bounds at once',
    spec: { limits: { perPool: 0, perNode: 21, maxMovesPerHour: 1001 } },
    causes: [
      bound('spec.limits.perPool', '0', 'should be greater than or equal to 1'),
      bound('spec.limits.perNode', '21', 'should be less than or equal to 20'),
      bound('spec.limits.maxMovesPerHour', '1001', 'should be less than or equal to 1000'),
    ],
  },
  {
    title: 'a pool filled beyond its capacity',
    spec: { capacity: { maxPoolUsedPercent: 101 } },
    causes: [bound('spec.capacity.maxPoolUsedPercent', '101', 'should be less than or equal to 100')],
  },
];

export const badPolicies: readonly BadPolicy[] = [
  ...badWatermarks,
  ...badSelectors,
  ...badDurations,
  ...badWindows,
  ...badMetrics,
  ...badBrakes,
];

/** What lies at the edge of what can work, by what it is. */
export const goodPolicies: readonly (readonly [title: string, spec: JsonObject])[] = [
  ['the least', {}],
  ['the lowest watermarks', { highWatermarkIOPS: 1, lowWatermarkIOPS: 0 }],
  ['the highest watermarks', { highWatermarkIOPS: 100_000_000, lowWatermarkIOPS: 99_999_999 }],
  ['the shortest durations', { samplingWindow: '1s', cooldownPeriod: '0s', migrationTimeout: '1s' }],
  ['the longest durations', { samplingWindow: '30d', cooldownPeriod: '365d', migrationTimeout: '7d' }],
  ['durations in other words', { samplingWindow: '29d24h', cooldownPeriod: '1.5h', migrationTimeout: '1500ms' }],
  ['a duration of every unit', { samplingWindow: '2d12h30m15s10ms' }],
  ['hot pools by their other name', { nvmePoolSelector: null, hotPoolSelector: hot }],
  [
    'cold pools by their other name and by expression',
    {
      sataPoolSelector: null,
      coldPoolSelector: { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['hot'] }] },
    },
  ],
  [
    'hot pools that are the cold ones but for an expression',
    {
      nvmePoolSelector: { ...cold, matchExpressions: [{ key: 'fast', operator: 'Exists' }] },
    },
  ],
  ['a warm watermark just above the low one', { warmPoolSelector: warm, warmWatermarkIOPS: 501 }],
  ['a warm watermark just below the high one', { warmPoolSelector: warm, warmWatermarkIOPS: 4999 }],
  ['every volume', { volumeSelector: {} }],
  [
    'volumes by label and expression',
    {
      volumeSelector: {
        matchLabels: { 'example.com/team': '', [`${'a'.repeat(253)}/${'b'.repeat(63)}`]: 'c'.repeat(63) },
        matchExpressions: [{ key: 'a', operator: 'DoesNotExist', values: [] }],
      },
    },
  ],
  [
    'as many labels as there may be',
    {
      volumeSelector: { matchLabels: Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`k${i}`, ''])) },
    },
  ],
  ['no windows', { windows: [] }],
  [
    'a window with lists, ranges, steps and names',
    window({ schedule: '*/5 0-6,22 1,15 JAN-MAR MON,WED', duration: '31d', action: 'Deny', timeZone: 'Etc/GMT+2' }),
  ],
  [
    'a window over the weekend',
    window({ schedule: '0-30/15 09 01-07 12 FRI-SUN', timeZone: 'America/Argentina/Buenos_Aires' }),
  ],
  [
    'as many windows as there may be',
    {
      windows: Array.from({ length: 20 }, () => ({ schedule: '59 23 31 12 5-7', duration: '1s', timeZone: 'UTC' })),
    },
  ],
  ['a window with a reason of the longest text', window({ reason: '🌙'.repeat(256) })],
  ['a query', { metrics: { source: 'PromQL', query: 'sum by (volume) (rate(x[5m]))', volumeLabel: 'volume' } }],
  ['a query that another source leaves aside', { metrics: { source: 'Gauge', query: 'up' } }],
  ['any coverage', { metrics: { minCoverage: 0, maxUnknownPercent: 100 } }],
  ['whole coverage', { metrics: { minCoverage: 1 } }],
  ['two memories', { scoring: { method: 'TwoSpeed', promoteMemory: '5m', demoteMemory: '30d' } }],
  ['two memories of one length', { scoring: { method: 'TwoSpeed', promoteMemory: '24h', demoteMemory: '1d' } }],
  ['a share of the volumes for the hot tier', { scoring: { hotSharePercent: 99 } }],
  ['one memory', { scoring: { demoteMemory: '1s' } }],
  ['moves by hand', { approval: { mode: 'Manual', expiresAfter: '1s' }, moves: { allowSnapshots: true } }],
  [
    'the widest limits',
    {
      maxConcurrentMigrations: 100,
      limits: {
        perPool: 20,
        perNode: 20,
        maxVolumesInMotionPercent: 100,
        maxMovesPerHour: 1000,
        maxConsecutiveFailures: 100,
      },
      capacity: { maxPoolUsedPercent: 100 },
    },
  ],
  ['nothing where a default stands', { dryRun: null, limits: null, windows: null, storageClassName: null }],
];
