import {
  bound,
  duration,
  highAboveLow,
  missing,
  rule,
  samplingWindow,
  unchecked,
  warm,
  warmBetween,
  wrongType,
  type BadPolicy,
} from './policy-refusals.ts';

export const badWatermarks: readonly BadPolicy[] = [
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

export const badDurations: readonly BadPolicy[] = [
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

export const badMetrics: readonly BadPolicy[] = [
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

export const badBrakes: readonly BadPolicy[] = [
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
