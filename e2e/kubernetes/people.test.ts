import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubeAssets } from '../../libs/simulator/src/kubernetes/conformance/real-apiserver.ts';
import { type KubeBed, kustomizeFolder, openKubeBed, prepareCluster, whyNoApiServer } from './kube-bed.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const leftOut = await whyNoApiServer();

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Node.js as people have it, rather than the workspace's own: the plugin promises to run on 20 and newer. */
function nodeOfTheMachine(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return folders.map((folder) => join(folder, 'node')).find((file) => existsSync(file)) ?? process.execPath;
}

describe.skipIf(leftOut !== undefined)('people with the roles of the base and no others', () => {
  let bed: KubeBed;
  let path: string;
  let volume = '';
  let claim = '';
  let namespace = '';
  const kubeconfigs = new Map<string, string>();

  /** `kubectl couchestor …` by somebody of a group. */
  const couchestor = async (group: string, ...args: readonly string[]): Promise<Said> => {
    const env = { ...process.env, PATH: path, KUBECONFIG: kubeconfigs.get(group) };
    return run('kubectl', ['couchestor', ...args], { env, cwd: dirname(bed.kubeconfig), maxBuffer: 1024 ** 2 }).then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
        code,
        out: stdout,
        err: stderr,
      }),
    );
  };
  const annotation = async (name: string): Promise<string> => {
    const key = `storage\\.billyronks\\.io/${name}`;
    return (await bed.kubectl('get', 'pv', volume, '-o', `jsonpath={.metadata.annotations.${key}}`)).stdout;
  };
  const pausedNow = async (): Promise<string> => {
    const args = ['configmap', 'couchestor-control', '-n', 'kube-system', '--ignore-not-found', '-o'];
    return (await bed.kubectl('get', ...args, 'jsonpath={.data.paused}')).stdout;
  };

  beforeAll(async () => {
    bed = await openKubeBed();
    await prepareCluster(bed);
    const component = join(kustomizeFolder, 'components/simulator');
    await bed.kubectl('apply', '--server-side', '--kustomize', join(kustomizeFolder, 'base'));
    await bed.kubectl(
      'apply',
      '--server-side',
      '-f',
      `${component}/disk-pools.yaml`,
      '-f',
      `${component}/volumes.yaml`,
    );
    await bed.kubectl('apply', '--server-side', '-f', join(kustomizeFolder, 'overlays/evaluation/policy.yaml'));

    // Every ServiceAccount is of a group that is named after its namespace; these stand for groups of people.
    const bindings = await readFile(join(kustomizeFolder, 'components/people/bindings.yaml'), 'utf8');
    const folder = dirname(bed.kubeconfig);
    for (const group of ['couchestor-viewers', 'couchestor-operators', 'couchestor-strangers']) {
      await bed.kubectl('create', 'namespace', group);
      await bed.kubectl('create', 'serviceaccount', 'somebody', '-n', group);
      const { stdout: token } = await bed.kubectl('create', 'token', 'somebody', '-n', group);
      kubeconfigs.set(group, await bed.kubeconfigFor(token.trim()));
    }
    const patched = bindings.replaceAll(
      /name: (couchestor-(?:viewers|operators)) /g,
      'name: system:serviceaccounts:$1 ',
    );
    await bed.apply(patched);

    await run(process.execPath, ['tools/bundle.ts', 'kubectl-couchestor'], { cwd: root });
    await mkdir(join(folder, 'bin'));
    await symlink(join(root, 'dist/kubectl-couchestor.mjs'), join(folder, 'bin/kubectl-couchestor'));
    const node = nodeOfTheMachine();
    const { stdout: version } = await run(node, ['--version']);
    console.log(`kubectl couchestor runs on Node.js ${version.trim()} (${node})`);
    path = [join(folder, 'bin'), kubeAssets(process.env), dirname(node), process.env['PATH']].join(delimiter);

    const first = await bed.kubectl(
      'get',
      'pv',
      '-o',
      'jsonpath={.items[0].metadata.name} {.items[0].spec.claimRef.namespace} {.items[0].spec.claimRef.name}',
    );
    [volume = '', namespace = '', claim = ''] = first.stdout.split(' ');
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  test('of couchestor-viewers see all that there is to see', async () => {
    const group = 'couchestor-viewers';
    for (const args of [
      ['status', '-o', 'wide'],
      ['top', '--limit', '3'],
      ['history'],
      ['explain', volume],
      ['explain', claim, '-n', namespace, '-o', 'json'],
    ]) {
      const said = await couchestor(group, ...args);
      expect({ args, ...said }).toMatchObject({ code: 0, err: expect.not.stringContaining('Forbidden') });
    }
    const { out } = await couchestor(group, 'status');
    expect(out).toMatch(/evaluation-tiering +Pending/);
    // Nobody answers behind the Services here, and that is another thing than a right that is missing.
    expect((await couchestor(group, 'top')).err).not.toContain('you may not');
  });

  test('of couchestor-operators steer everything, and doctor finds no right missing', async () => {
    const group = 'couchestor-operators';
    const done = async (...args: readonly string[]): Promise<void> =>
      expect({ args, ...(await couchestor(group, ...args)) }).toMatchObject({ code: 0 });
    await done('hold', claim, '-n', namespace, '--for', '1h');
    expect(await annotation('hold')).toMatch(/^\d{4}-/);
    await done('hold', volume, '--remove');
    expect(await annotation('hold')).toBe('');
    await done('pin', volume, 'hot');
    expect(await annotation('pin-tier')).toBe('hot');
    await done('abort', volume, '--migration', 'a3bb189e-8bf9-5888-9912-ace4e6543002');
    expect(await annotation('abort')).toMatch(/^a3bb/);
    await done('pause', '--reason', 'a test');
    expect(await pausedNow()).toBe('true');
    await done('resume');
    expect(await pausedNow()).toBe('false');
    const { out } = await couchestor(group, 'doctor');
    expect(out).toContain('yours are enough for every verb');
    const can = async (...what: readonly string[]): Promise<string> => {
      const env = { ...process.env, PATH: path, KUBECONFIG: kubeconfigs.get(group) };
      return run('kubectl', ['auth', 'can-i', ...what], { env }).then(
        ({ stdout }) => stdout.trim(),
        ({ stdout }: { stdout: string }) => stdout.trim(),
      );
    };
    for (const verb of ['create', 'patch', 'delete']) expect(await can(verb, 'storagepolicies')).toBe('yes');
    for (const what of [
      ['get', 'secrets'],
      ['patch', 'storagepolicies', '--subresource=status'],
      ['delete', 'persistentvolumes'],
      ['patch', 'diskpools.openebs.io'],
      ['get', 'pods', '--subresource=proxy'],
      ['create', 'pods', '--subresource=portforward'],
      ['get', 'services/other:8081', '--subresource=proxy'],
      ['patch', 'configmaps/other'],
    ]) {
      expect([...what, await can(...what, '-n', 'kube-system')]).toEqual([...what, 'no']);
    }
  });

  test('of couchestor-viewers change nothing, and are told which role they lack', async () => {
    const group = 'couchestor-viewers';
    const refused = [['hold', volume], ['pin', volume, 'cold'], ['abort', volume, '--migration', 'x'], ['pause']];
    const before = await bed.kubectl('get', 'pv', volume, '-o', 'json');
    for (const args of refused) {
      const said = await couchestor(group, ...args);
      const err = expect.stringMatching(/^Error from server \(Forbidden\): .*\n.*kubectl couchestor doctor/);
      expect({ args, ...said }).toMatchObject({ code: 1, err });
    }
    expect(await bed.kubectl('get', 'pv', volume, '-o', 'json')).toEqual(before);
    expect(await pausedNow()).not.toBe('true');
    const { out } = await couchestor(group, 'doctor');
    expect(out.match(/WARNING +rights +.*\n?.*couchestor-operator/g)).toHaveLength(3);
    expect(out).not.toMatch(/Ask for the role couchestor-(mayastor-)?view/);
  });

  test('of neither group see nothing', async () => {
    const { code, err } = await couchestor('couchestor-strangers', 'status');
    expect(code).toBe(1);
    expect(err).toContain('Error from server (Forbidden)');
  });

  test('who may view the whole cluster sees policies as well', async () => {
    const label = 'rbac.authorization.k8s.io/aggregate-to-view=true';
    const { stdout } = await bed.kubectl('get', 'clusterroles', '-l', label, '-o', 'name');
    expect(stdout).toContain('clusterrole.rbac.authorization.k8s.io/couchestor-policies-view');
  });
});
