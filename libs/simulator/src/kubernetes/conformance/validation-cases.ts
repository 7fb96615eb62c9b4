import assert from 'node:assert/strict';
import type { JsonObject } from '../json.ts';
import { create, expectCode, mergePatch, policies, policy, refusal, type ConformanceCase } from './fixtures.ts';
import { highAboveLow, unchecked } from './policy-refusals.ts';
import { badPolicies, goodPolicies } from './policy-table.ts';

const policyCases: readonly ConformanceCase[] = [
  ...badPolicies.map(({ title, spec, causes }): ConformanceCase => ({
    title: `a policy is refused for ${title}`,
    run: async (client, name) => {
      const refused = refusal(await client.send('POST', policies, { body: policy(name, spec) }));
      assert.deepEqual(refused, { code: 422, reason: 'Invalid', causes: [...causes].sort() });
    },
  })),
  ...goodPolicies.map(([title, spec]): ConformanceCase => ({
    title: `a policy is accepted at the edge of what can work: ${title}`,
    run: async (client, name) => {
      await create(client, policies, policy(name, spec));
    },
  })),
];

export const validationCases: readonly ConformanceCase[] = [
  ...policyCases,
  {
    title: 'labels of a policy are held to their form',
    run: async (client, name) => {
      const refused = async (labels: JsonObject) =>
        refusal(await client.send('POST', policies, { body: policy({ name, labels }) })).causes;
      assert.deepEqual(await refused({ 'a b': 'c' }), [
        `metadata.labels FieldValueInvalid: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
      ]);
      assert.deepEqual(await refused({ a: 'b c' }), [
        `metadata.labels FieldValueInvalid: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
      ]);
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
        causes: [highAboveLow],
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
