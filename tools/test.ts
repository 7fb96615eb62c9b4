/**
 * Runs the suites one after the other, but the last two beside each other, each with a budget of time that is printed
 * beside what it took, and ends with `N passed, N failed, N skipped`. Arguments: names of suites (`unit`), `--ci` for
 * those that need a prepared machine too, of which none may be skipped then, `--filter TEXT` for test files whose path
 * holds TEXT.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

interface Suite {
  readonly name: string;
  readonly budgetSeconds: number;
  /** Undefined for a suite that is one command, which counts as one test. */
  readonly project: string | undefined;
  readonly ciOnly: boolean;
  /** Runs beside the one before it: both wait more than they work. */
  readonly beside?: true;
}

const suites: readonly Suite[] = [
  { name: 'check', budgetSeconds: 60, project: undefined, ciOnly: false },
  { name: 'unit', budgetSeconds: 120, project: 'unit', ciOnly: false },
  { name: 'simulation', budgetSeconds: 90, project: undefined, ciOnly: false },
  { name: 'integration', budgetSeconds: 120, project: 'integration', ciOnly: false },
  { name: 'e2e', budgetSeconds: 240, project: 'e2e', ciOnly: false },
  { name: 'containers', budgetSeconds: 120, project: 'containers', ciOnly: true },
  { name: 'kubernetes', budgetSeconds: 120, project: 'kubernetes', ciOnly: true },
  { name: 'pods', budgetSeconds: 720, project: 'pods', ciOnly: true },
  { name: 'faults', budgetSeconds: 420, project: 'faults', ciOnly: true, beside: true },
];

/** Suites without a project are commands. */
const commands: Readonly<Record<string, readonly (readonly string[])[]>> = {
  check: [['tools/check.ts']],
  simulation: [
    ['apps/simulate/src/main.ts', '--moves', '2500'],
    ['apps/simulate/src/main.ts', '--walks', '--moves', '20000'],
  ],
};

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { ci: { type: 'boolean', default: false }, filter: { type: 'string' } },
});
const unknown = positionals.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`unknown suite ${unknown.join(', ')}; there are ${suites.map((suite) => suite.name).join(', ')}`);
  process.exit(2);
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const summary: string[] = [];
const wanted = suites.filter(({ name, ciOnly }) =>
  positionals.length > 0 ? positionals.includes(name) : values.ci || !ciOnly,
);
for (const [index, suite] of wanted.entries()) {
  if (suite.beside === true && index > 0) continue;
  const next = wanted[index + 1];
  await Promise.all([runSuite(suite), ...(next?.beside === true ? [runSuite(next)] : [])]);
}
console.log(`\n${summary.join('\n')}\n`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
// What is left out where everything is at hand would never be run.
const leftOut = values.ci && total.skipped > 0;
process.exitCode = total.failed > 0 || total.passed === 0 || leftOut ? 1 : 0;

async function runSuite({ name, project, budgetSeconds }: Suite): Promise<void> {
  console.log(`\n── ${name}`);
  const beganMs = performance.now();
  const counts = project === undefined ? await runCommands(commands[name] ?? []) : await runProject(project);
  const seconds = (performance.now() - beganMs) / 1_000;
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  const late = seconds > budgetSeconds ? '  OVER BUDGET' : '';
  summary.push(
    `${name.padEnd(12)} ${seconds.toFixed(0).padStart(4)} s of ${budgetSeconds} s  ` +
      `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped${late}`,
  );
}

async function runCommands(all: readonly (readonly string[])[]): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const command of all) {
    if (await run(process.execPath, command)) counts.passed += 1;
    else counts.failed += 1;
  }
  return counts;
}

async function runProject(project: string): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), 'couchestor-test-'));
  const report = join(folder, 'report.json');
  try {
    const ok = await run('vitest', [
      'run',
      `--project=${project}`,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      '--passWithNoTests',
      ...(values.filter === undefined ? [] : [values.filter]),
    ]);
    const counts = countsOf(report);
    // A run that broke outside of a test has failed, whatever it counted.
    return ok || counts.failed > 0 ? counts : { ...counts, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function countsOf(report: string): Counts {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
    readFileSync(report, 'utf8'),
  ) as Record<string, number>;
  return {
    passed: numPassedTests ?? 0,
    failed: numFailedTests ?? 0,
    skipped: (numPendingTests ?? 0) + (numTodoTests ?? 0),
  };
}

async function run(command: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
}
