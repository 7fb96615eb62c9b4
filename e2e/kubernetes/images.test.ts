import { execFile } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { buildImages, imageTargets } from '../../tools/images.ts';
import { whyLeftOut } from '../containers/container-bed.ts';
import { type DockerEngine, obtainEngine } from '../containers/docker-engine.ts';
import { buildProgramImage } from '../containers/local-images.ts';

const run = promisify(execFile);
const leftOut = await whyLeftOut();
const base = `couchestor-local/node:${process.pid}`;

/** As docker tells them. */
interface ImageFacts {
  readonly Config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly RootFS: { readonly Layers: readonly string[] };
}

describe.skipIf(leftOut !== undefined)('images built by a Docker engine', () => {
  let engine: DockerEngine;
  let env: NodeJS.ProcessEnv;
  let references: readonly string[] = [];

  const inspect = async (reference: string): Promise<ImageFacts> => {
    const { stdout } = await run('docker', ['image', 'inspect', reference], { env });
    const [facts] = JSON.parse(stdout) as readonly ImageFacts[];
    if (facts === undefined) throw new Error(`there is no image ${reference}`);
    return facts;
  };

  beforeAll(async () => {
    engine = await obtainEngine(process.env);
    env = { ...process.env, DOCKER_HOST: engine.api.host };
    await buildProgramImage(
      engine.api,
      base,
      { binary: 'node', folder: '/usr/local/bin', instructions: [] },
      { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}` },
    );
    references = await buildImages({ base, env });
  });
  afterAll(async () => {
    for (const reference of [...references, base]) await engine.api.removeImage(reference);
    await engine[Symbol.asyncDispose]();
  });

  test('each says what it is, and is not root', async () => {
    expect(references.map((reference) => reference.split(':')[0])).toEqual(
      imageTargets.map((target) => `couchestor-${target}`),
    );
    for (const reference of references) {
      const [name, version] = reference.split(':');
      const { Config } = await inspect(reference);
      expect(Config.User).toBe('65532:65532');
      expect(Config.Env).toContain(`COUCHESTOR_VERSION=${version}`);
      expect(Config.Labels).toMatchObject({
        'org.opencontainers.image.title': name,
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.licenses': 'Apache-2.0',
        'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{40}$/),
      });
    }
  });

  test('built again, the services have the same layers', async () => {
    const services = () => references.filter((reference) => !reference.includes('simulator'));
    const layers = async () =>
      Promise.all(services().map(async (reference) => (await inspect(reference)).RootFS.Layers));
    const before = await layers();
    await buildImages({ base, env, noCache: true });
    expect(await layers()).toEqual(before);
  });

  test.each(['watcher', 'scorer', 'migrator'])(
    'the %s runs on a read-only root without any capability, and wget in it finds it healthy',
    async (target) => {
      const reference = references.find((each) => each.startsWith(`couchestor-${target}:`)) ?? '';
      const confined = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--memory=256m'];
      // Nothing that it needs is there: it waits, and is healthy.
      const settings = ['KUBERNETES_SERVICE_HOST=127.0.0.1', 'KUBERNETES_SERVICE_PORT=1', 'LEADER_ELECTION=false'];
      const { stdout } = await run(
        'docker',
        ['run', '--detach', '--network=none', ...confined, ...settings.map((each) => `--env=${each}`), reference],
        { env },
      );
      const container = stdout.trim();
      onTestFinished(() => engine.api.removeContainer(container));
      const wget = ['exec', container, 'wget', '-qO-', 'http://localhost:8081/healthz'];
      await expect
        .poll(() => run('docker', wget, { env }).then((said) => said.stdout, String), { timeout: 30_000 })
        .toBe('ok');
    },
  );
});
