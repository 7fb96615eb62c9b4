// Makes a bare machine ready: any Node.js 20 or newer and npm are enough. It brings the pinned pnpm, and with it the
// pinned Node.js that every script of this workspace then runs on (npm puts node_modules/.bin first on PATH).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const manifests = ['libs', 'services', 'apps'].flatMap((folder) =>
  readdirSync(join(root, folder)).map((name) => `${folder}/${name}/package.json`),
);
const inputs = [
  'package.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'tools/pnpm/package-lock.json',
  'e2e/package.json',
  'examples/package.json',
  ...manifests,
];
const stamp = join(root, 'node_modules/.bootstrap');

const hash = createHash('sha256');
for (const file of inputs.sort()) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
const key = `${process.platform}-${process.arch}-${hash.digest('hex')}`;
if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) process.exit(0);

const tool = join(root, 'tools/pnpm');
run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], tool);
const pnpm = join(tool, 'node_modules', `@pnpm/exe.${process.platform}-${process.arch}`, 'pnpm');
if (!existsSync(pnpm)) {
  console.error(`bootstrap: no pnpm for ${process.platform}-${process.arch}; supported are linux-x64 and linux-arm64`);
  process.exit(1);
}
run(pnpm, ['install', '--frozen-lockfile', '--trust-lockfile', '--reporter=append-only'], root);
writeFileSync(stamp, key);

function run(command, args, cwd) {
  // Everything an installer says goes to stderr, so that a script's own output stays clean.
  const result = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) {
    console.error(`bootstrap: ${command} ${args.join(' ')} failed`, result.error ?? '');
    process.exit(result.status ?? 1);
  }
}
