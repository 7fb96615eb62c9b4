import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where distributions put daemons; an ordinary user's PATH often lacks them. */
const DAEMON_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

/** The path of an executable on PATH or where daemons are installed. */
export async function findBinary(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of [...folders, ...DAEMON_FOLDERS]) {
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

/** Whether this process may install Debian packages. */
export async function canInstallPackages(env: NodeJS.ProcessEnv): Promise<boolean> {
  return process.getuid?.() === 0 && (await findBinary('apt-get', env)) !== undefined;
}

/**
 * Installs a Debian package unless its binary has appeared meanwhile. One process at a time does so: test workers often
 * find out together that something is missing. RUNLEVEL=1 keeps the package from starting its daemon.
 */
export async function installPackage(name: string, binary: string, env: NodeJS.ProcessEnv): Promise<void> {
  const install = `apt-get install -y --no-install-recommends ${name}`;
  const script = `command -v ${binary} || test -x /usr/sbin/${binary} || ${install} || { apt-get update && ${install}; }`;
  process.stderr.write(`installing ${name} with apt-get\n`);
  const child = spawn('/usr/bin/flock', [join(tmpdir(), 'couchestor-apt.lock'), 'sh', '-c', script], {
    env: { ...env, RUNLEVEL: '1', DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', process.stderr, process.stderr],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`apt-get could not install ${name} (code ${code})`);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
