/** Builds the images of the services and of the simulator with the `docker` command, from `dist/`. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

export const imageTargets = ['watcher', 'scorer', 'migrator', 'simulator'] as const;

export interface ImageOptions {
  /** An image with Node.js 24 or later and `wget`; the one named in the Dockerfile by default. */
  readonly base?: string | undefined;
  /** Builds every layer anew; false by default. */
  readonly noCache?: boolean;
  /** What the docker command gets, such as DOCKER_HOST. */
  readonly env: NodeJS.ProcessEnv;
}

/** The references of the images, tagged with the version of package.json. @throws with what docker said */
export async function buildImages({ base, env, noCache = false }: ImageOptions): Promise<readonly string[]> {
  await run(process.execPath, ['tools/bundle.ts'], { cwd: root });
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const revision = await run('git', ['rev-parse', 'HEAD'], { cwd: root }).then(
    ({ stdout }) => stdout.trim(),
    () => 'unknown',
  );
  const references: string[] = [];
  for (const target of imageTargets) {
    const reference = `couchestor-${target}:${version}`;
    const args = [`VERSION=${version}`, `REVISION=${revision}`, ...(base === undefined ? [] : [`BASE=${base}`])];
    const flags = [...args.flatMap((arg) => ['--build-arg', arg]), ...(noCache ? ['--no-cache'] : [])];
    await run(
      'docker',
      ['build', '--file', 'deploy/docker/Dockerfile', '--target', target, '--tag', reference, ...flags, 'dist'],
      { cwd: root, env },
    );
    references.push(reference);
  }
  return references;
}

/** Writes images into one archive, as `docker save` does. */
export async function saveImages(references: readonly string[], path: string, env: NodeJS.ProcessEnv): Promise<void> {
  await run('docker', ['save', '--output', path, ...references], { env });
}
