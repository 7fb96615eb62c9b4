/**
 * Runs the suites one after the other, but the last two beside each other, each with a budget of time that is printed
 * beside what it took, says again what failed, and ends with `N passed, N failed, N skipped`. Arguments: names of suites
 * (`unit`), `--ci` for those that need a prepared machine too, of which none may be skipped then, `--filter TEXT` for
 * test files whose path holds TEXT.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';

interface Suite {
  readonly name: string;
  readonly budgetSeconds: number;
  /** Undefined for a suite that is one command, which counts as one test. */
  readonly project: string | undefined;
  readonly ciOnly: boolean;
  /** Runs beside the one before it: both wait more than they work. */
  readonly beside?: true;
  /** Test files at a time, where they wait more than they work; else two. */
  readonly files?: number;
}

const suites: readonly Suite[] = [
  { name: 'check', budgetSeconds: 60, project: undefined, ciOnly: false },
  { name: 'unit', budgetSeconds: 120, project: 'unit', ciOnly: false },
  { name: 'simulation', budgetSeconds: 90, project: undefined, ciOnly: false },
  { name: 'integration', budgetSeconds: 120, project: 'integration', ciOnly: false, files: 3 },
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
    ['apps/simulate/src/main.ts', '--moves', '20000'],
    ['apps/simulate/src/main.ts', '--services', '--moves', '1000'],
    ['apps/simulate/src/main.ts', '--walks', '--moves', '4000'],
  ],
};

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Outcome extends Counts {
  /** What failed and how, a text each. */
  readonly failures: readonly string[];
}

/** What is used of vitest's report. */
interface Report {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

/** Enough of an error to know it again where nothing but the end of the output was kept. */
const FAILURE_LINES = 12;

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
const failures: string[] = [];
const wanted = suites.filter(({ name, ciOnly }) =>
  positionals.length > 0 ? positionals.includes(name) : values.ci || !ciOnly,
);
for (const [index, suite] of wanted.entries()) {
  if (suite.beside === true && index > 0) continue;
  const next = wanted[index + 1];
  await Promise.all([runSuite(suite), ...(next?.beside === true ? [runSuite(next)] : [])]);
}
console.log(`\n${[...summary, ...failures].join('\n')}\n`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
// What is left out where everything is at hand would never be run.
const leftOut = values.ci && total.skipped > 0;
process.exitCode = total.failed > 0 || total.passed === 0 || leftOut ? 1 : 0;

async function runSuite({ name, project, budgetSeconds, files }: Suite): Promise<void> {
  console.log(`\n── ${name}`);
  const beganMs = performance.now();
  const counts = project === undefined ? await runCommands(commands[name] ?? []) : await runProject(project, files);
  failures.push(...counts.failures.map((failure) => `\nFAILED in ${name}: ${failure}`));
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

async function runCommands(all: readonly (readonly string[])[]): Promise<Outcome> {
  const ok: string[] = [];
  const broken: string[] = [];
  for (const command of all) {
    ((await run(process.execPath, command)) ? ok : broken).push(command.join(' '));
  }
  return { passed: ok.length, failed: broken.length, skipped: 0, failures: broken };
}

async function runProject(project: string, files: number | undefined): Promise<Outcome> {
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
      ...(files === undefined ? [] : [`--maxWorkers=${files}`]),
      ...(values.filter === undefined ? [] : [values.filter]),
    ]);
    const outcome = outcomeOf(JSON.parse(readFileSync(report, 'utf8')) as Report);
    // A run that broke outside of a test has failed, whatever it counted.
    return ok || outcome.failed > 0 ? outcome : { ...outcome, failed: 1, failures: ['broken outside of a test'] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function outcomeOf({ numPassedTests, numPendingTests, numTodoTests, testResults }: Report): Outcome {
  const broken = testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name);
    const tests = assertionResults
      .filter((test) => test.status === 'failed')
      .map(({ fullName, failureMessages }) => `${file} > ${fullName}\n${startOf(failureMessages?.join('\n') ?? '')}`);
    // A file whose tests could not be found out has none that failed.
    return tests.length > 0 || status !== 'failed' ? tests : [`${file}\n${startOf(message)}`];
  });
  return { passed: numPassedTests, failed: broken.length, skipped: numPendingTests + numTodoTests, failures: broken };
}

function startOf(error: string): string {
  const lines = error.split('\n').filter((line) => !line.includes('/node_modules/'));
  return lines.slice(0, FAILURE_LINES).join('\n');
}

async function run(command: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
}
