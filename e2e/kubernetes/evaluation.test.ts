import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubeAssets } from '../../libs/simulator/src/kubernetes/conformance/real-apiserver.ts';
import { saveImages } from '../../tools/images.ts';
import { startPrivateEngine, whatLacks } from '../containers/docker-engine.ts';
import { buildProgramImage, buildServerImage } from '../containers/local-images.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const servers = { nats: 'nats:2.10-alpine', redis: 'redis:7.2-alpine', prometheus: 'prom/prometheus:v2.55.1' };
const base = 'couchestor-local/node:26';

/** A command that brings up, loads and takes down a one-node cluster in a folder. */
const command = process.env['COUCHESTOR_KUBE_CLUSTER'] ?? '';
const lacking =
  command === '' ? 'COUCHESTOR_KUBE_CLUSTER names no command that brings up a cluster' : await whatLacks(process.env);
if (lacking !== undefined) console.warn(`\n*** SKIPPED, no pod ran: ${lacking}\n`);

interface Status {
  readonly phase: string;
  readonly totalMigrations: number;
  readonly migrationHistory: readonly { readonly migrationId: string; readonly success: boolean }[];
}

describe.skipIf(lacking !== undefined)('the evaluation overlay in pods', () => {
  const stack = new AsyncDisposableStack();
  let env: NodeJS.ProcessEnv;

  /** What a shell makes of a line of the operator guide. */
  const shell = async (line: string): Promise<string> =>
    (await run('bash', ['-o', 'pipefail', '-c', line], { env, maxBuffer: 64 * 1024 ** 2 })).stdout.trim();
  const clusterTool = async (verb: string): Promise<void> => {
    const child = spawn(process.execPath, ['tools/cluster.ts', verb], { cwd: root, env, stdio: 'inherit' });
    expect(await once(child, 'exit')).toEqual([0, null]);
  };

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'couchestor-evaluation-'));
    stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
    const engine = stack.use(await startPrivateEngine(process.env));
    env = {
      ...process.env,
      PATH: [kubeAssets(process.env), dirname(process.execPath), process.env['PATH']].join(delimiter),
      HOME: folder,
      DOCKER_HOST: engine.api.host,
      KUBECONFIG: join(folder, 'kubeconfig'),
      COUCHESTOR_IMAGE_LOAD: `${command} load ${folder}`,
      COUCHESTOR_BASE_IMAGE: base,
    };
    const node = { binary: 'node', folder: '/usr/local/bin', instructions: [] };
    await buildProgramImage(engine.api, base, node, env);
    for (const [name, reference] of Object.entries(servers)) await buildServerImage(engine.api, reference, name, env);
    const archive = join(folder, 'servers.tar');
    await saveImages(Object.values(servers), archive, env);
    stack.defer(async () => {
      await run(command, ['down', folder]);
    });
    await run(command, ['up', folder]);
    await run(command, ['load', folder, archive]);
    await clusterTool('up');
  }, 300_000);
  afterAll(() => stack.disposeAsync(), 60_000);

  test('all pods are ready, and the commands for a look at them answer', async () => {
    const pods = await shell('kubectl get pods -n kube-system -l app=couchestor --no-headers');
    expect(pods.split('\n')).toHaveLength(3);
    expect(pods.match(/ 1\/1 +Running /g)).toHaveLength(3);
    expect(
      await shell('kubectl exec -n kube-system deploy/couchestor -- wget -qO- http://localhost:8081/healthz'),
    ).toBe('ok');
    expect(await shell('kubectl get storagepolicies')).toMatch(
      /^NAME +HIGH IOPS +LOW IOPS +PHASE +WATCHED +MIGRATIONS +AGE\nevaluation-tiering +5000 +500 +Active +40 /,
    );
  });

  test('volumes move, and history, annotations and logs tell of it', async () => {
    const total = () => shell("kubectl get storagepolicy evaluation-tiering -o jsonpath='{.status.totalMigrations}'");
    await expect.poll(async () => Number(await total()), { timeout: 150_000, interval: 1_000 }).toBeGreaterThan(0);
    const field = '{.status.migrationHistory[0].volumeName}';
    const volume = await shell(`kubectl get storagepolicy evaluation-tiering -o jsonpath='${field}'`);
    expect(await shell(`kubectl get pv ${volume} -o yaml | grep -A5 annotations`)).toMatch(/storage.billyronks.io\//);
    const logs = 'kubectl logs -n kube-system -l app=couchestor --tail=-1 --max-log-requests=20';
    expect(await shell(`${logs} | grep "${volume}" | grep -c "heat score"`)).toMatch(/^[1-9]/);
    expect(await shell(`${logs} | grep -c "Prometheus connection"`)).toMatch(/^[1-9]/);
    expect(await shell(`${logs} | grep -c '"level":"ERROR"' || true`)).toBe('0');
  });

  test('the commands for thresholds, rights, decisions and moves answer', async () => {
    const field = '{.spec.highWatermarkIOPS} / {.spec.lowWatermarkIOPS}';
    expect(await shell(`kubectl get storagepolicy evaluation-tiering -o jsonpath='${field}'`)).toBe('5000 / 500');
    const account = '--as=system:serviceaccount:kube-system:couchestor';
    expect(await shell(`kubectl auth can-i get storagepolicies ${account}`)).toBe('yes');
    const services = 'kubectl get --raw /api/v1/namespaces/kube-system/services';
    const volume = await shell("kubectl get pv -o jsonpath='{.items[0].metadata.name}'");
    const decision = await shell(`${services}/couchestor-scorer:health/proxy/v1/decisions/${volume}`);
    expect(JSON.parse(decision)).toMatchObject({ volumeName: volume, reason: expect.any(String) });
    const moves = await shell(`${services}/couchestor-migrator:health/proxy/v1/moves`);
    expect(JSON.parse(moves)).toBeDefined();
  });

  test('all policies are disabled and enabled again by one line', async () => {
    const phase = () => shell("kubectl get storagepolicy evaluation-tiering -o jsonpath='{.status.phase}'");
    const setAll = (enabled: boolean) =>
      shell(
        `kubectl get storagepolicies -o name | xargs -I{} kubectl patch {} --type=merge -p '{"spec":{"enabled":${enabled}}}'`,
      );
    await setAll(false);
    await expect.poll(phase, { timeout: 10_000 }).toBe('Disabled');
    await setAll(true);
    await expect.poll(phase, { timeout: 10_000 }).toBe('Active');
  });

  test('the watcher scaled to 0 and back has lost nothing and doubled nothing', async () => {
    const status = async () =>
      JSON.parse(await shell("kubectl get storagepolicy evaluation-tiering -o jsonpath='{.status}'")) as Status;
    const before = (await status()).totalMigrations;
    await shell('kubectl scale deployment couchestor -n kube-system --replicas=0');
    await shell('kubectl wait -n kube-system --for=delete pod -l app.kubernetes.io/component=watcher --timeout=30s');
    await shell('kubectl scale deployment couchestor -n kube-system --replicas=1');
    await shell('kubectl rollout status -n kube-system deployment/couchestor --timeout=60s');
    const holder = () =>
      shell("kubectl get lease couchestor-watcher -n kube-system -o jsonpath='{.spec.holderIdentity}'");
    const pod = await shell('kubectl get pods -n kube-system -l app.kubernetes.io/component=watcher -o name');
    await expect.poll(holder, { timeout: 30_000 }).toContain(pod.replace('pod/', ''));

    const { phase, totalMigrations, migrationHistory } = await status();
    expect(phase).toBe('Active');
    expect(totalMigrations).toBeGreaterThanOrEqual(before);
    expect(migrationHistory.filter(({ success }) => success)).toHaveLength(totalMigrations);
    expect(new Set(migrationHistory.map(({ migrationId }) => migrationId)).size).toBe(migrationHistory.length);
  });
});
