import type { JsonObject } from '../json.ts';
import { cold, hot, warm, window } from './policy-refusals.ts';

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
