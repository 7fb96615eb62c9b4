import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findBinary } from '@couchestor/servers';
import type { DockerApi } from './docker-api.ts';

/** Where an image has its binary and how it runs it. */
export interface ProgramImage {
  readonly binary: string;
  readonly folder: string;
  readonly instructions: readonly string[];
}

/** An official image that cannot be pulled. */
interface Imitation extends ProgramImage {
  readonly name: string;
  /** The setting by which the servers are told to use another image. */
  readonly variable: string;
}

const IMITATIONS: readonly Imitation[] = [
  {
    name: 'nats',
    binary: 'nats-server',
    folder: '/usr/local/bin',
    instructions: ['ENTRYPOINT ["nats-server"]', 'EXPOSE 4222 6222 8222'],
    variable: 'COUCHESTOR_NATS_IMAGE',
  },
  {
    name: 'redis',
    binary: 'redis-server',
    folder: '/usr/local/bin',
    // Debian's build answers nobody but loopback unless told so; the official image's entrypoint does the telling.
    instructions: ['ENTRYPOINT ["redis-server", "--protected-mode", "no"]', 'WORKDIR /data', 'EXPOSE 6379'],
    variable: 'COUCHESTOR_REDIS_IMAGE',
  },
  {
    name: 'prometheus',
    binary: 'prometheus',
    folder: '/bin',
    instructions: ['ENTRYPOINT ["/bin/prometheus"]', 'USER nobody', 'WORKDIR /prometheus', 'EXPOSE 9090'],
    variable: 'COUCHESTOR_PROMETHEUS_IMAGE',
  },
];

const PATH = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n';

/** Images in an engine, under names that no other run uses. Disposing removes them and the containers made from them. */
export interface LocalImages extends AsyncDisposable {
  readonly references: readonly string[];
  /** The settings that make the servers use them. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Makes stand-ins for the official images of NATS, Redis and Prometheus where no registry can be reached: the binaries
 * installed on this machine, the libraries they are linked to, and a shell. @throws naming a binary that is not installed.
 */
export async function buildLocalImages(api: DockerApi, env: NodeJS.ProcessEnv): Promise<LocalImages> {
  const built: { readonly variable: string; readonly reference: string }[] = [];
  const removeAll = async (): Promise<void> => {
    const references = built.map(({ reference }) => reference);
    if (references.length === 0) return;
    for (const id of await api.containersOf(references)) await api.removeContainer(id);
    for (const reference of references) await api.removeImage(reference);
  };
  try {
    for (const imitation of IMITATIONS) {
      const reference = `couchestor-local/${imitation.name}:${process.pid}`;
      await buildProgramImage(api, reference, imitation, env);
      built.push({ variable: imitation.variable, reference });
    }
  } catch (error) {
    await removeAll();
    throw error;
  }
  return {
    references: built.map(({ reference }) => reference),
    env: Object.fromEntries(built.map(({ variable, reference }) => [variable, reference])),
    [Symbol.asyncDispose]: removeAll,
  };
}

/** A stand-in for the official image of `nats`, `redis` or `prometheus`, under the given name. */
export async function buildServerImage(
  api: DockerApi,
  reference: string,
  name: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const imitation = IMITATIONS.find((each) => each.name === name);
  if (imitation === undefined) throw new RangeError(`there is no stand-in for ${name}`);
  await buildProgramImage(api, reference, imitation, env);
}

/** An image of one program, the libraries that it is linked to, `sh` and `wget`. @throws naming what is not installed. */
export async function buildProgramImage(
  api: DockerApi,
  reference: string,
  { binary, folder, instructions }: ProgramImage,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'couchestor-image-'));
  try {
    for (const name of ['bin', 'etc', 'tmp']) await mkdir(join(root, name));
    await chmod(join(root, 'tmp'), 0o1777);
    await writeFile(join(root, 'etc/passwd'), PASSWD);
    await copyProgram(await installed(binary, env), root, folder);
    await copyProgram(await installed('busybox', env), root, '/bin');
    for (const applet of ['sh', 'wget']) await symlink('busybox', join(root, 'bin', applet));

    const tar = spawn('tar', ['--create', '--owner=0', '--group=0', '--numeric-owner', `--directory=${root}`, '.'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(tar, 'exit');
    await api.importImage(reference, tar.stdout, [PATH, ...instructions]);
    const [code] = (await exited) as [number | null];
    if (code !== 0) throw new Error(`tar ended with code ${code} for ${reference}`);
  } finally {
    await rm(root, { recursive: true });
  }
}

async function installed(name: string, env: NodeJS.ProcessEnv): Promise<string> {
  const path = await findBinary(name, env);
  if (path === undefined) throw new Error(`${name} is not installed on this machine, so no image can be made of it`);
  return path;
}

/** Copies a program into a folder of the image, and each library to where the program's loader expects it. */
async function copyProgram(path: string, root: string, folder: string): Promise<void> {
  await copyInto(path, join(root, folder, basename(path)));
  for (const library of await librariesOf(path)) await copyInto(library, join(root, library));
}

async function copyInto(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(source, target);
}

/** Lines of ldd are `libm.so.6 => /lib/…/libm.so.6 (0x…)`, and `/lib64/ld-linux… (0x…)` for the loader itself. */
async function librariesOf(path: string): Promise<readonly string[]> {
  const listed = await promisify(execFile)('ldd', [path]).catch((error: { readonly stderr: string }) => {
    if (error.stderr.includes('not a dynamic executable')) return { stdout: '' };
    throw error;
  });
  return [...listed.stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, library = '']) => library);
}
