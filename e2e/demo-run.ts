import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What `--json` prints as its last line. */
export interface DemoReport {
  readonly settled: boolean;
  readonly seconds: number;
  readonly volumes: {
    readonly total: number;
    readonly hot: number;
    readonly cold: number;
    readonly mixed: number;
    readonly eligible: number;
    readonly onWantedTier: number;
    readonly reasons: Readonly<Record<string, number>>;
  };
  readonly moves: {
    readonly completed: number;
    readonly failed: number;
    readonly aborted: number;
    readonly active: number;
  };
  readonly redundancyViolations: number;
  readonly leftovers: Readonly<Record<'cordons' | 'leases' | 'intents' | 'extraReplicas', number>>;
  readonly maxConcurrent: number;
  readonly rssMiB: Readonly<Record<string, number | null>>;
  readonly kills: number;
}

/** A demo, or any other command of the project, as a user runs it. */
export interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  /** Resolves with the first line, past or future, that matches. @throws if the process ends without it */
  line(pattern: RegExp): Promise<string>;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
}

export function run(script: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Running {
  const child = spawn(process.execPath, [join(root, script), ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  let waiting: { readonly pattern: RegExp; readonly found: (line: string) => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    waiting = waiting.filter(({ pattern, found }) => {
      if (!pattern.test(line)) return true;
      found(line);
      return false;
    });
  });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    lines,
    exited,
    line: (pattern) => {
      const past = lines.find((line) => pattern.test(line));
      if (past !== undefined) return Promise.resolve(past);
      return new Promise((resolve, reject) => {
        waiting.push({ pattern, found: resolve });
        void exited.then(() =>
          reject(new Error(`ended without a line like ${pattern}; last: ${lines.slice(-5).join('\n')}`)),
        );
      });
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      await exited;
    },
  };
}

export function runDemo(args: readonly string[], env?: NodeJS.ProcessEnv): Running {
  return run('apps/demo/src/main.ts', args, env);
}

export function reportOf({ lines }: Running): DemoReport {
  const last = lines.at(-1);
  if (last === undefined) throw new Error('the demo said nothing');
  return JSON.parse(last) as DemoReport;
}

/** Processes that this one started, and those that they started, as the kernel has them now. */
export function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(Number(entry));
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found: number[] = [];
  const queue = [pid];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const own = children.get(next) ?? [];
    found.push(...own);
    queue.push(...own);
  }
  return found;
}

export function isAlive(pid: number): boolean {
  return parentOf(pid) !== undefined;
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold anything; what follows it is plain. A zombie has ended.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : Number(parent);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return undefined;
    throw error;
  }
}
