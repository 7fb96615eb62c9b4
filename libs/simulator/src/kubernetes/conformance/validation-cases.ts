import assert from 'node:assert/strict';
import type { JsonObject } from '../json.ts';
import { create, expectCode, mergePatch, policies, policy, refusal, type ConformanceCase } from './fixtures.ts';

interface BadPolicy {
  readonly title: string;
  readonly spec?: JsonObject;
  readonly metadata?: JsonObject;
  /** `field reason: message`, every one of them. */
  readonly causes: readonly string[];
}

const unchecked =
  '<nil> FieldValueInvalid: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

function rule(field: string, message: string, type = 'object'): string {
  return `${field} FieldValueInvalid: Invalid value: "${type}": ${message}`;
}

function bound(field: string, value: string, message: string): string {
  return `${field} FieldValueInvalid: Invalid value: ${value}: ${field} in body ${message}`;
}

function wrongType(field: string, found: string, wanted: string): readonly string[] {
  return [
    `${field} FieldValueTypeInvalid: Invalid value: "${found}": ${field} in body must be of type ${wanted}: "${found}"`,
    unchecked,
  ];
}

function window(name: string, from: string, to: string): string {
  return `${name} must be a duration from ${from} to ${to}, written like 90s, 1h30m or 2d12h`;
}

const durationPattern = String.raw`'^([0-9]{1,4}d)?([0-9]{1,6}(\.[0-9]{1,3})?h)?([0-9]{1,6}(\.[0-9]{1,3})?m)?([0-9]{1,9}(\.[0-9]{1,3})?s)?([0-9]{1,9}ms)?$'`;
const highAboveLow =
  'highWatermarkIOPS must be greater than lowWatermarkIOPS: raise highWatermarkIOPS or lower lowWatermarkIOPS';
const warmBetween =
  'warmWatermarkIOPS must be greater than lowWatermarkIOPS and less than highWatermarkIOPS: choose a number between the two';
const needsValues = 'operator In or NotIn needs at least one entry in values; Exists and DoesNotExist take none';
const fiveFields =
  'schedule must be five fields with one space between, minute (0-59) hour (0-23) day of month (1-31) month (1-12 or JAN-DEC) day of week (0-7 or SUN-SAT), each a number, a range, a list or *, with /step if wanted: for example 0 22 * * 1-5';

const warmPoolSelector = { matchLabels: { tier: 'warm' } };
const notEmpty = (field: string, tier: string): string =>
  rule(
    `spec.${field}`,
    `${field} must not be empty, which would select every pool: name at least one label of the ${tier} DiskPools in matchLabels or matchExpressions`,
  );

const badPolicies: readonly BadPolicy[] = [
  {
    title: 'a high watermark equal to the low one',
    spec: { highWatermarkIOPS: 500 },
    causes: [rule('spec.highWatermarkIOPS', highAboveLow)],
  },
  {
    title: 'a high watermark below the low one and below its bound',
    spec: { highWatermarkIOPS: 0 },
    causes: [
      bound('spec.highWatermarkIOPS', '0', 'should be greater than or equal to 1'),
      rule('spec.highWatermarkIOPS', highAboveLow),
    ],
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
    title: 'text where a boolean belongs',
    spec: { enabled: 'yes' },
    causes: wrongType('spec.enabled', 'string', 'boolean'),
  },
  {
    title: 'an object where a list belongs',
    spec: { windows: {} },
    causes: wrongType('spec.windows', 'object', 'array'),
  },
  {
    title: 'a list where an object belongs',
    spec: { volumeSelector: [] },
    causes: wrongType('spec.volumeSelector', 'array', 'object'),
  },
  {
    title: 'a warm watermark without warm pools',
    spec: { warmWatermarkIOPS: 1000 },
    causes: [
      rule(
        'spec.warmWatermarkIOPS',
        'warmWatermarkIOPS needs warmPoolSelector: name the pools of the warm tier, or remove warmWatermarkIOPS',
      ),
    ],
  },
  {
    title: 'warm pools without a warm watermark',
    spec: { warmPoolSelector },
    causes: [
      'spec.warmWatermarkIOPS FieldValueRequired: Required value: warmWatermarkIOPS is needed with warmPoolSelector: say from how many IOPS a volume is warm, or remove warmPoolSelector',
    ],
  },
  {
    title: 'a warm watermark at the low one',
    spec: { warmPoolSelector, warmWatermarkIOPS: 500 },
    causes: [rule('spec.warmWatermarkIOPS', warmBetween)],
  },
  {
    title: 'a warm watermark at the high one',
    spec: { warmPoolSelector, warmWatermarkIOPS: 5000 },
    causes: [rule('spec.warmWatermarkIOPS', warmBetween)],
  },
  {
    title: 'no hot pools',
    spec: { nvmePoolSelector: null },
    causes: [
      'spec.nvmePoolSelector FieldValueRequired: Required value: nvmePoolSelector is needed: name the labels of the hot DiskPools (hotPoolSelector is another name for the same field)',
    ],
  },
  {
    title: 'no cold pools',
    spec: { sataPoolSelector: null },
    causes: [
      'spec.sataPoolSelector FieldValueRequired: Required value: sataPoolSelector is needed: name the labels of the cold DiskPools (coldPoolSelector is another name for the same field)',
    ],
  },
  {
    title: 'both names of the hot pools',
    spec: { hotPoolSelector: { matchLabels: { tier: 'hot' } } },
    causes: [
      rule(
        'spec.hotPoolSelector',
        'nvmePoolSelector and hotPoolSelector are two names of one field: remove one of them',
      ),
    ],
  },
  {
    title: 'both names of the cold pools',
    spec: { coldPoolSelector: { matchLabels: { tier: 'cold' } } },
    causes: [
      rule(
        'spec.coldPoolSelector',
        'sataPoolSelector and coldPoolSelector are two names of one field: remove one of them',
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
    title: 'a hot selector of no expressions',
    spec: { nvmePoolSelector: { matchExpressions: [] } },
    causes: [notEmpty('nvmePoolSelector', 'hot')],
  },
  {
    title: 'In without values',
    spec: { volumeSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
    causes: [rule('spec.volumeSelector.matchExpressions[0]', needsValues)],
  },
  {
    title: 'Exists with values',
    spec: { volumeSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] } },
    causes: [rule('spec.volumeSelector.matchExpressions[0]', needsValues)],
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
    title: 'a sampling window that is too long',
    spec: { samplingWindow: '30d1s' },
    causes: [rule('spec.samplingWindow', window('samplingWindow', '1s', '30d'), 'string')],
  },
  {
    title: 'a sampling window that is too short',
    spec: { samplingWindow: '999ms' },
    causes: [rule('spec.samplingWindow', window('samplingWindow', '1s', '30d'), 'string')],
  },
  {
    title: 'a sampling window in words',
    spec: { samplingWindow: '5 minutes' },
    causes: [
      bound('spec.samplingWindow', '"5 minutes"', `should match ${durationPattern}`),
      rule('spec.samplingWindow', window('samplingWindow', '1s', '30d'), 'string'),
    ],
  },
  {
    title: 'an empty sampling window',
    spec: { samplingWindow: '' },
    causes: [
      bound('spec.samplingWindow', '""', 'should be at least 2 chars long'),
      rule('spec.samplingWindow', window('samplingWindow', '1s', '30d'), 'string'),
    ],
  },
  {
    title: 'a duration that is too long to be read',
    spec: { samplingWindow: '1'.repeat(40) },
    causes: ['spec.samplingWindow FieldValueTooLong: Too long: may not be more than 32 bytes', unchecked],
  },
  {
    title: 'a cooldown above a year',
    spec: { cooldownPeriod: '366d' },
    causes: [rule('spec.cooldownPeriod', window('cooldownPeriod', '0s', '365d'), 'string')],
  },
  {
    title: 'a migration time-out of nothing',
    spec: { migrationTimeout: '0s' },
    causes: [rule('spec.migrationTimeout', window('migrationTimeout', '1s', '7d'), 'string')],
  },
  {
    title: 'an approval that expires never',
    spec: { approval: { mode: 'Manual', expiresAfter: 'never' } },
    causes: [
      bound('spec.approval.expiresAfter', '"never"', `should match ${durationPattern}`),
      rule('spec.approval.expiresAfter', window('expiresAfter', '1s', '365d'), 'string'),
    ],
  },
  {
    title: 'PromQL without a query',
    spec: { metrics: { source: 'PromQL' } },
    causes: [
      'spec.metrics.query FieldValueRequired: Required value: metrics.query is needed with metrics.source PromQL: add a query that gives one series for each volume, or choose another source',
    ],
  },
  {
    title: 'a share above one',
    spec: { metrics: { minCoverage: 1.1 } },
    causes: [bound('spec.metrics.minCoverage', '1.1', 'should be less than or equal to 1')],
  },
  {
    title: 'a schedule of six fields',
    spec: { windows: [{ schedule: '0 0 22 * * *', duration: '6h' }] },
    causes: [rule('spec.windows[0].schedule', fiveFields, 'string')],
  },
  {
    title: 'a schedule at hour 25',
    spec: { windows: [{ schedule: '0 25 * * *', duration: '6h' }] },
    causes: [rule('spec.windows[0].schedule', fiveFields, 'string')],
  },
  {
    title: 'a window without a duration',
    spec: { windows: [{ schedule: '0 22 * * *' }] },
    causes: ['spec.windows[0].duration FieldValueRequired: Required value', unchecked],
  },
  {
    title: 'too many windows',
    spec: { windows: Array.from({ length: 21 }, () => ({ schedule: '0 22 * * *', duration: '1h' })) },
    causes: ['spec.windows FieldValueTooMany: Too many: 21: must have at most 20 items', unchecked],
  },
  {
    title: 'a time zone in words',
    spec: { windows: [{ schedule: '0 22 * * *', duration: '1h', timeZone: 'Central European' }] },
    causes: [rule('spec.windows[0].timeZone', 'timeZone must be an IANA name, such as Europe/Berlin or UTC', 'string')],
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
  {
    title: 'a label that is none',
    metadata: { labels: { 'a b': 'c' } },
    causes: [
      `metadata.labels FieldValueInvalid: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
    ],
  },
  {
    title: 'a label value that is none',
    metadata: { labels: { a: 'b c' } },
    causes: [
      `metadata.labels FieldValueInvalid: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
    ],
  },
];

const goodSpecs: readonly JsonObject[] = [
  {},
  { highWatermarkIOPS: 1, lowWatermarkIOPS: 0 },
  { highWatermarkIOPS: 100_000_000, lowWatermarkIOPS: 99_999_999 },
  { samplingWindow: '1s', cooldownPeriod: '0s', migrationTimeout: '1s' },
  { samplingWindow: '30d', cooldownPeriod: '365d', migrationTimeout: '7d' },
  { samplingWindow: '29d24h', cooldownPeriod: '1.5h', migrationTimeout: '1500ms' },
  { samplingWindow: '2d12h30m15s' },
  { nvmePoolSelector: null, hotPoolSelector: { matchLabels: { tier: 'hot' } } },
  {
    sataPoolSelector: null,
    coldPoolSelector: { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['hot'] }] },
  },
  { warmPoolSelector, warmWatermarkIOPS: 501 },
  { warmPoolSelector, warmWatermarkIOPS: 4999 },
  { volumeSelector: {} },
  { volumeSelector: { matchLabels: { 'example.com/team': '' }, matchExpressions: [{ key: 'a', operator: 'Exists' }] } },
  { windows: [] },
  {
    windows: [{ schedule: '*/5 0-6,22 1,15 JAN-MAR MON,WED', duration: '31d', action: 'Deny', timeZone: 'Etc/GMT+2' }],
  },
  { windows: Array.from({ length: 20 }, () => ({ schedule: '59 23 31 12 7', duration: '1s', timeZone: 'UTC' })) },
  { metrics: { source: 'PromQL', query: 'sum by (volume) (rate(x[5m]))', volumeLabel: 'volume' } },
  { metrics: { minCoverage: 0, maxUnknownPercent: 100 } },
  { metrics: { minCoverage: 1 } },
  { scoring: { method: 'TwoSpeed', promoteMemory: '5m', demoteMemory: '30d' } },
  { approval: { mode: 'Manual', expiresAfter: '1s' }, moves: { allowSnapshots: true } },
  { limits: { perPool: 20, perNode: 20, maxVolumesInMotionPercent: 100, maxMovesPerHour: 1000 } },
];

const badPolicyCases: readonly ConformanceCase[] = badPolicies.map(({ title, spec, metadata, causes }) => ({
  title: `a policy is refused for ${title}`,
  run: async (client, name) => {
    const body = policy({ name, ...metadata }, spec);
    const refused = refusal(await client.send('POST', policies, { body }));
    assert.deepEqual(refused, { code: 422, reason: 'Invalid', causes: [...causes].sort() });
  },
}));

export const validationCases: readonly ConformanceCase[] = [
  ...badPolicyCases,
  {
    title: 'policies at the edge of what is allowed are accepted',
    run: async (client, name) => {
      for (const [index, spec] of goodSpecs.entries()) await create(client, policies, policy(`${name}-${index}`, spec));
    },
  },
  {
    title: 'a policy without a name or with a bad one is refused',
    run: async (client) => {
      assert.deepEqual(refusal(await client.send('POST', policies, { body: policy({}) })), {
        code: 422,
        reason: 'Invalid',
        causes: [
          'metadata.name FieldValueRequired: Required value: name or generateName is required',
          unchecked,
        ].sort(),
      });
      const named = refusal(await client.send('POST', policies, { body: policy('Bad_Name') }));
      assert.equal(named.code, 422);
      assert.match(
        named.causes[0] ?? '',
        /^metadata.name FieldValueInvalid: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain/,
      );
    },
  },
  {
    title: 'a policy without a spec is refused',
    run: async (client, name) => {
      const { spec: _, ...body } = policy(name);
      assert.deepEqual(refusal(await client.send('POST', policies, { body })), {
        code: 422,
        reason: 'Invalid',
        causes: ['spec FieldValueRequired: Required value', unchecked].sort(),
      });
    },
  },
  {
    title: 'a patch is held to the same rules, and a refused one changes nothing',
    run: async (client, name) => {
      const created = await create(client, policies, policy(name));
      const request = { body: { spec: { lowWatermarkIOPS: 5000 } }, contentType: mergePatch };
      const refused = refusal(await client.send('PATCH', `${policies}/${name}`, request));
      assert.deepEqual(refused, {
        code: 422,
        reason: 'Invalid',
        causes: [rule('spec.highWatermarkIOPS', highAboveLow)],
      });
      const read = await expectCode(client.send('GET', `${policies}/${name}`), 200);
      assert.deepEqual(read.body, created);
    },
  },
  {
    title: 'a status is held to its schema',
    run: async (client, name) => {
      await create(client, policies, policy(name));
      const condition = { type: 'Ready', status: 'True', reason: 'x', message: '' };
      const patch = async (status: JsonObject) =>
        refusal(
          await client.send('PATCH', `${policies}/${name}/status`, { body: { status }, contentType: mergePatch }),
        );
      const lastTransitionTime = '2026-01-01T00:00:00Z';
      assert.deepEqual(
        await patch({
          phase: 'Weird',
          watchedVolumes: -1,
          conditions: [{ ...condition, lastTransitionTime: 'yesterday' }],
        }),
        {
          code: 422,
          reason: 'Invalid',
          causes: [
            unchecked,
            'status.conditions[0].lastTransitionTime FieldValueTypeInvalid: Invalid value: "yesterday": conditions[0].lastTransitionTime in body must be of type date-time: "yesterday"',
            'status.phase FieldValueNotSupported: Unsupported value: "Weird": supported values: "Pending", "Active", "Disabled", "Error"',
            'status.watchedVolumes FieldValueInvalid: Invalid value: -1: watchedVolumes in body should be greater than or equal to 0',
          ].sort(),
        },
      );
      const twice = { ...condition, lastTransitionTime };
      assert.deepEqual(await patch({ conditions: [twice, twice] }), {
        code: 422,
        reason: 'Invalid',
        causes: ['status.conditions[1] FieldValueDuplicate: Duplicate value: {"type":"Ready"}'],
      });
    },
  },
];
