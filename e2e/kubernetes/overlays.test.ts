import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type KubeBed, kustomizeFolder, openKubeBed, prepareCluster, whyNoApiServer } from './kube-bed.ts';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));
const scrape = join(kustomizeFolder, 'components/prometheus-scrape');
const leftOut = await whyNoApiServer();

describe.skipIf(leftOut !== undefined)('on a real API server', () => {
  let bed: KubeBed;
  beforeAll(async () => {
    bed = await openKubeBed();
    await prepareCluster(bed);
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  const overlays = readdirSync(join(kustomizeFolder, 'overlays')).map((name) => `deploy/kustomize/overlays/${name}`);
  test.each(['deploy/kustomize/base', ...overlays, 'e2e/kubernetes/every-component'])(
    '%s passes a server-side dry run without a warning',
    async (folder) => {
      const said = await bed.kubectl(
        'apply',
        '--server-side',
        '--dry-run=server',
        '--kustomize',
        join(here, '../..', folder),
      );
      expect(said.stderr).toBe('');
      expect(said.stdout).toMatch(/deployment.apps\/couchestor serverside-applied \(server dry run\)/);
    },
  );

  test('a pod that may become root is refused in the namespaces of these tests', async () => {
    const said = await bed.kubectl(
      'create',
      'deployment',
      'careless',
      '--image=any',
      '-n',
      'kube-system',
      '--dry-run=server',
    );
    expect(said.stderr).toMatch(/Warning: would violate PodSecurity "restricted/);
  });
});

test('every component is in the kustomization of every component', async () => {
  const listed = await readFile(join(here, 'every-component/kustomization.yaml'), 'utf8');
  const components = readdirSync(join(kustomizeFolder, 'components'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('kustomization.yaml'))
    .map((name) => name.replace('/kustomization.yaml', ''));
  expect(components.length).toBeGreaterThan(8);
  expect(components.filter((name) => !listed.includes(`components/${name}\n`))).toEqual([]);
});

test('the objects of the evaluation are those of its simulator', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'couchestor-objects-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await run(process.execPath, [join(here, '../../tools/evaluation-objects.ts'), folder]);
  for (const name of ['disk-pools.yaml', 'volumes.yaml', 'crd/diskpools.yaml']) {
    const committed = await readFile(join(kustomizeFolder, 'components/simulator', name), 'utf8');
    expect(await readFile(join(folder, name), 'utf8')).toBe(committed);
  }
});

test('promtool finds no fault in the rules and the scrape configurations', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'couchestor-scrape-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  // Debian's build of Prometheus does not know Kubernetes; everything else of the job is checked.
  const plain = await readFile(join(scrape, 'plain/scrape-config.yaml'), 'utf8');
  const [indent] = /^ *(?=kubernetes_sd_configs:)/m.exec(plain) ?? [];
  const discovery = new RegExp(`^${indent}kubernetes_sd_configs:\\n(?:${indent} .*\\n)+`, 'm');
  expect(plain).toMatch(discovery);
  const known = join(folder, 'scrape-config.yaml');
  await writeFile(known, plain.replace(discovery, `${indent}static_configs: [{ targets: [couchestor:8080] }]\n`));
  const evaluation = join(kustomizeFolder, 'components/prometheus/prometheus.yml');
  for (const config of [evaluation, known]) {
    await expect(run('promtool', ['check', 'config', '--syntax-only', config])).resolves.toBeDefined();
  }
  const rules = join(scrape, 'plain/alerts.yaml');
  await expect(run('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', rules])).resolves.toBeDefined();
});

test('the alerts fire when they should and at no other time', async () => {
  await expect(run('promtool', ['test', 'rules', join(here, 'alerts.promtool.yaml')])).resolves.toBeDefined();
});

test('the alerts for the operator are the plain ones, and use metrics that exist', () => {
  const plain = readFileSync(join(scrape, 'plain/alerts.yaml'), 'utf8');
  const rule = readFileSync(join(scrape, 'rules/prometheus-rule.yaml'), 'utf8');
  const groups = rule.slice(rule.indexOf('  groups:')).replaceAll(/^ {2}/gm, '');
  expect(groups).toBe(plain);

  const reference = readFileSync(join(here, '../../docs/reference.md'), 'utf8');
  const used = [...plain.matchAll(/\b(?:couchestor|storage_operator|kube)_\w+/g)].map(([name]) => name);
  expect(used.length).toBeGreaterThan(20);
  const unknown = used.filter((name) => !reference.includes(`\`${name.replace(/_count$/, '')}\``));
  expect(unknown).toEqual([]);
});
