import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const dockerfile = new URL('../../deploy/docker/Dockerfile', import.meta.url);

/** How the image of a service starts it, with the same flags, from the folder of bundles. */
export interface Entrypoint {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
}

export async function entrypointOf(service: 'watcher' | 'scorer'): Promise<Entrypoint> {
  const text = await readFile(dockerfile, 'utf8');
  const stage = text.slice(text.indexOf(` AS ${service}\n`));
  const [command, ...args] = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(stage)?.[1] ?? '[]') as readonly string[];
  const bundle = args.indexOf(`/${service}.mjs`);
  if (command !== 'node' || bundle < 0) throw new Error(`the image of ${service} does not start its bundle with node`);
  return {
    command: process.execPath,
    args: args.with(bundle, `${service}.mjs`),
    cwd: fileURLToPath(new URL('../../dist', import.meta.url)),
  };
}
