/** What is committed speaks of the project alone, and of no machine that it was written on. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const rules: readonly (readonly [RegExp, string])[] = [
  [/(^|[^\w.])\/(home|root|work)\/[\w.]+/, 'a path of a machine'],
  [/\.\.\/shared\//, 'a path beside this checkout; take it from the environment'],
  [/registry\.[a-z]+js\.org|registry\.yarnpkg|deb\.debian\.org/, 'the host of a registry'],
  [/\.(only|skip|todo)\(/, 'a test that is not run'],
  [/@ts-(ignore|nocheck|expect-error)/, 'a silenced type error'],
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'unfinished work'],
];
// `.ci/run` is where paths of the machine belong; lock files and recordings are not ours to word.
const exempt = /(^|\/)(pnpm-lock\.yaml|package-lock\.json|LICENSE|check-words\.ts)$|\/fixtures\/|^\.ci\//;

const files = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' })
  .split('\0')
  .filter((file) => file !== '' && !exempt.test(file));
const faults: string[] = [];
for (const file of files) {
  const lines = readFileSync(file, 'utf8').split('\n');
  for (const [index, line] of lines.entries()) {
    for (const [pattern, what] of rules) {
      if (!pattern.test(line)) continue;
      // Path segments of our own messages and fixtures (`/shared/`) are no imports.
      if (pattern.source.includes('shared') && /^\s*import|from '/.test(line)) continue;
      faults.push(`${file}:${index + 1}: ${what}: ${line.trim().slice(0, 120)}`);
    }
  }
}
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
