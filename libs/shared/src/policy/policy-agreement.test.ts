import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { createKubernetesModel } from '../../../simulator/src/kubernetes/index.ts';
import { createVirtualClock } from '../clock/index.ts';
import { parsePolicySpec } from './index.ts';
import { formatStoragePolicy } from './storage-policy-crd.ts';

/**
 * Each rule is written twice, in CEL for the API server and in TypeScript for a policy that is stored already. Here both
 * judge the same random policies; the simulated API server evaluates the CEL.
 */

const model = createKubernetesModel({
  clock: createVirtualClock(),
  random: () => 0,
  crds: [parse(formatStoragePolicy())],
  bookmarkIntervalMs: 60_000,
});

/** The sentences of a refusal, as `kubectl` prints them. */
async function refusalOf(spec: object): Promise<readonly string[]> {
  const body = { apiVersion: 'storage.billyronks.io/v1', kind: 'StoragePolicy', metadata: { name: 'any' }, spec };
  const answer = await model.handle({
    method: 'POST',
    url: '/apis/storage.billyronks.io/v1/storagepolicies?dryRun=All',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (answer.kind !== 'body') throw new Error(`the model answers with ${answer.kind}`);
  if (answer.code === 201) return [];
  const { details } = JSON.parse(typeof answer.body === 'string' ? answer.body : Array.from(answer.body).join('')) as {
    details: { causes: { field: string; message: string }[] };
  };
  return details.causes
    .filter(({ field }) => field !== '<nil>')
    .map(
      ({ field, message }) =>
        `${field}: ${message.replace(/^(Invalid value: "(object|string)"|Required value): (?!spec\S* in body )/, '')}`,
    )
    .toSorted();
}

const watermark = fc.constantFrom(0, 1, 2, 3, 500, 5000);
const durations = fc
  .tuple(
    ...['d', 'h', 'm', 's', 'ms'].map((unit) =>
      fc.option(
        fc.oneof(fc.nat(31), fc.nat(100_000)).map((count) => `${count}${unit}`),
        { nil: '', freq: 2 },
      ),
    ),
  )
  .map((parts) => parts.join(''));
const duration = fc.oneof(
  durations,
  fc.constantFrom('1.5h', '0.5s', '1d1h1m', '1m1h', '30d', '24h', '1d', ' 1h', '1H'),
);
const label = fc.constantFrom('', 'a', 'hot', 'A-b_c.d', '-a', 'a b', 'ä');
const key = fc.constantFrom('a', 'tier', 'example.com/tier', 'Example.com/tier', 'a/b/c', '', 'a_');
const selector = fc.record(
  {
    matchLabels: fc.dictionary(key, label, { maxKeys: 2 }),
    matchExpressions: fc.array(
      fc.record(
        {
          key,
          operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
          values: fc.array(label, { maxLength: 2 }),
        },
        { requiredKeys: ['key', 'operator'] },
      ),
      { maxLength: 1 },
    ),
  },
  { requiredKeys: [] },
);
const item = fc.oneof(
  fc.nat(62).map(String),
  fc.constantFrom('*', 'MON', 'SUN', 'JAN', 'DEC', '09'),
  fc.tuple(fc.nat(60), fc.nat(60)).map(([from, to]) => `${from}-${to}`),
  fc.constantFrom('MON-FRI', 'FRI-MON', 'SAT-SUN', 'SUN-SAT', 'SUN-SUN', 'JAN-DEC', 'DEC-JAN', 'JAN-3', 'MON-JAN'),
);
const stepped = fc
  .tuple(
    item,
    fc.oneof(
      fc.constant(''),
      fc.nat(61).map((step) => `/${step}`),
    ),
  )
  .map((parts) => parts.join(''));
const field = fc.oneof(
  fc.constant('*'),
  fc.array(stepped, { minLength: 1, maxLength: 3 }).map((items) => items.join(',')),
);
const schedule = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(field, field, field, field, field).map((fields) => fields.join(' ')) },
  { weight: 1, arbitrary: fc.array(field, { maxLength: 6 }).map((fields) => fields.join(' ')) },
);
/** Parts of a spec, each of which may break it. */
const parts: readonly fc.Arbitrary<object>[] = [
  fc.record(
    {
      highWatermarkIOPS: watermark,
      lowWatermarkIOPS: watermark,
      warmWatermarkIOPS: watermark,
      warmPoolSelector: selector,
    },
    { requiredKeys: [] },
  ),
  fc.record({ samplingWindow: duration, cooldownPeriod: duration, migrationTimeout: duration }, { requiredKeys: [] }),
  fc.record({ storageClassName: fc.constantFrom('', 'mayastor', 'a.b', '-a', 'A') }),
  fc.record(
    { nvmePoolSelector: selector, hotPoolSelector: selector, sataPoolSelector: selector, coldPoolSelector: selector },
    { requiredKeys: [] },
  ),
  fc.record({ volumeSelector: selector }),
  schedule.map((text) => ({ windows: [{ schedule: text, duration: '1h' }] })),
  fc
    .record({ duration, timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Etc/GMT-14', 'Mars/Olympus', '', 'a/b') })
    .map((window) => ({ windows: [{ schedule: '0 22 * * *', ...window }] })),
  fc
    .record(
      { source: fc.constantFrom('Auto', 'PromQL'), query: fc.constantFrom('', 'up'), volumeLabel: label },
      { requiredKeys: [] },
    )
    .map((metrics) => ({ metrics })),
  fc.record({ promoteMemory: duration, demoteMemory: duration }, { requiredKeys: [] }).map((scoring) => ({ scoring })),
];
const least = {
  nvmePoolSelector: { matchLabels: { tier: 'hot' } },
  sataPoolSelector: { matchLabels: { tier: 'cold' } },
};
const spec = fc
  .array(fc.oneof(...parts), { minLength: 1, maxLength: 2 })
  .map((random) => Object.assign({}, least, ...random) as object);

test(
  'the API server and CoucheStor give the same verdict on a policy, in the same words',
  { timeout: 30_000 },
  async () => {
    const verdicts = { valid: 0, invalid: 0 };
    await fc.assert(
      fc.asyncProperty(spec, async (random) => {
        const parsed = parsePolicySpec(random);
        expect(await refusalOf(random)).toEqual(parsed.kind === 'valid' ? [] : parsed.problems.toSorted());
        verdicts[parsed.kind] += 1;
      }),
      { numRuns: 200 },
    );
    expect(Math.min(verdicts.valid, verdicts.invalid)).toBeGreaterThan(5);
  },
);
