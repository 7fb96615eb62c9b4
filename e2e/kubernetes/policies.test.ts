import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parsePolicySpec } from '@couchestor/shared/policy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KubeBed, kustomizeFolder, openKubeBed, whyNoApiServer } from './kube-bed.ts';

const leftOut = await whyNoApiServer();
const definition = join(kustomizeFolder, 'base/crd/storagepolicies.yaml');

/** `kubectl` that may fail; both of what it says. */
async function attempt(said: Promise<{ readonly stdout: string; readonly stderr: string }>) {
  return said.then(
    ({ stdout, stderr }) => ({ failed: false, stdout, stderr }),
    ({ stdout, stderr }: { stdout: string; stderr: string }) => ({ failed: true, stdout, stderr }),
  );
}

describe.skipIf(leftOut !== undefined)('a StoragePolicy on a real API server', () => {
  let bed: KubeBed;
  beforeAll(async () => {
    bed = await openKubeBed();
    // As it may have been before there were rules: any spec is stored.
    const text = await readFile(definition, 'utf8');
    const schema = /\n( +)spec:\n(?=\1  type: object\n\1  description: Which)[\s\S]*?\n(?=\1status:)/;
    const lax = text.replace(schema, '\n$1spec: { type: object, x-kubernetes-preserve-unknown-fields: true }\n');
    if (lax === text) throw new Error('the definition is not written as this test takes it');
    const file = join(dirname(bed.kubeconfig), 'lax.yaml');
    await writeFile(file, lax);
    await bed.kubectl('apply', '--server-side', '-f', file);
    await bed.kubectl('wait', '--for=condition=Established', '--timeout=90s', '-f', file);
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  test('stored before the rules can be shown as Error, in the words of the refusal that it now meets', async () => {
    const selector = { matchLabels: { tier: 'hot' } };
    const spec = {
      highWatermarkIOPS: 1,
      lowWatermarkIOPS: 2,
      samplingWindow: 'soon',
      nvmePoolSelector: selector,
      sataPoolSelector: selector,
      windows: [{ schedule: '0 22-6 * * *', duration: '8h' }],
    };
    const policy = { apiVersion: 'storage.billyronks.io/v1', kind: 'StoragePolicy', metadata: { name: 'early' }, spec };
    await bed.apply(JSON.stringify(policy));
    await bed.kubectl('apply', '--server-side', '-f', definition);

    const change = (patch: object, ...more: readonly string[]) =>
      attempt(bed.kubectl('patch', 'storagepolicy', 'early', '--type=merge', '-p', JSON.stringify(patch), ...more));
    const annotated = { metadata: { labels: { changed: 'true' } } };
    await expect.poll(async () => (await change(annotated)).stderr, { timeout: 60_000 }).toMatch(/Warning: spec/);
    expect(await change({ status: { phase: 'Error' } }, '--subresource=status')).toMatchObject({ failed: false });

    const refused = await change({ spec: { samplingWindow: 'later', windows: [...spec.windows, ...spec.windows] } });
    expect(refused.failed).toBe(true);
    const parsed = parsePolicySpec({ ...spec, samplingWindow: 'later' });
    const problems = parsed.kind === 'invalid' ? parsed.problems : [];
    expect(problems).toHaveLength(4);
    for (const problem of problems) {
      const [field = '', sentence = ''] = problem.split(/: (.*)/s);
      expect(refused.stderr).toMatch(
        new RegExp(`${escaped(field)}: Invalid value: "(object|string)": ${escaped(sentence)}`),
      );
    }
    const right = {
      highWatermarkIOPS: 3,
      samplingWindow: '1h',
      sataPoolSelector: { matchLabels: { tier: 'cold' } },
      windows: [],
    };
    expect(await change({ spec: right })).toMatchObject({ failed: false });
  });

  test('is taught by kubectl explain, and has its short names', async () => {
    const explained = async () => (await bed.kubectl('explain', 'sp.spec.windows')).stdout;
    // What is taught follows what is enforced after a moment.
    await expect.poll(explained, { timeout: 60_000 }).toMatch(/schedule\s+<string> -required-\s+When the window opens/);
    expect(await explained()).not.toContain('<no description>');
    expect((await bed.kubectl('get', 'spolicy', '--no-headers')).stdout).toMatch(/^early +3 +2 +Error /);
  });
});

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
