/** `npm run check`: everything that can be said about the code without running it. All of it is run, then the verdict. */
import { spawnSync } from 'node:child_process';

const checks = [
  ['format', 'oxfmt', ['--check']],
  ['lint', 'oxlint', []],
  ['types', 'tsc', ['-p', '.']],
  ['unused code and dependencies', 'knip', []],
  ['lists in documents', process.execPath, ['tools/reference.ts', '--check']],
  ['definition of StoragePolicies', process.execPath, ['tools/crd.ts', '--check']],
  ['words that do not belong here', process.execPath, ['tools/check-words.ts']],
] as const;

const failed: string[] = [];
for (const [name, command, args] of checks) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  const ok = status === 0;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
  if (ok) continue;
  failed.push(name);
  console.log(stdout, stderr);
}
if (failed.length > 0) process.exitCode = 1;
