import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { readLines } from './lines.ts';

export interface ProcessOptions {
  /** What messages call it. */
  readonly name: string;
  readonly command: string;
  readonly args?: readonly string[];
  /** The whole environment of the process; that of this process by default. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Called with each line that it writes; its output is discarded otherwise. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** A folder to be removed should this process be killed before it can do so itself. */
  readonly orphanedFolder?: string;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One command, restartable under the same options. It never outlives the process that spawned it. */
export interface SpawnedProcess extends AsyncDisposable {
  readonly name: string;
  /** Of the newest start. */
  readonly pid: number;
  readonly running: boolean;
  /** Settles when the newest start has ended. */
  readonly exited: Promise<ProcessExit>;
  /** SIGTERM, then SIGKILL once `graceMs` (10 s by default) have passed. */
  stop(graceMs?: number): Promise<ProcessExit>;
  /** SIGKILL. */
  kill(): Promise<ProcessExit>;
  /** Stops it if it still runs, and starts it anew. */
  restart(): Promise<void>;
}

/**
 * The shell turns into the command, so its pid is the command's; a subshell stays behind and reads from descriptor 3, of
 * which this process holds the other end. A line means that the command has ended and its pid may belong to someone else
 * by now; end of file means that this process is gone, however it went, so that the command must go too.
 */
const LIFELINE_SCRIPT = `
folder=$1; shift
(
  if ! read -r _ <&3; then
    kill -9 $$
    if [ -n "$folder" ]; then sleep 0.2; rm -rf -- "$folder"; fi
  fi
) >/dev/null 2>&1 &
exec 3<&-
exec "$@"
`;

/** How long output may lag behind the end of its process, for grandchildren may hold the pipes open. */
const OUTPUT_LAG_MS = 2_000;

interface Run {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly exited: Promise<ProcessExit>;
}

/** @throws if the process cannot be spawned; a command that is not found ends with code 127. */
export async function spawnProcess(options: ProcessOptions): Promise<SpawnedProcess> {
  let run = await startRun(options);

  const stop = async (graceMs = 10_000): Promise<ProcessExit> => {
    const { child, exited } = run;
    child.kill('SIGTERM');
    const grace = new AbortController();
    const killed = sleep(graceMs, undefined, { signal: grace.signal }).then(
      () => child.kill('SIGKILL'),
      () => false,
    );
    const exit = await exited;
    grace.abort();
    await killed;
    return exit;
  };

  return {
    name: options.name,
    get pid() {
      return run.pid;
    },
    get running() {
      return isRunning(run.child);
    },
    get exited() {
      return run.exited;
    },
    stop,
    kill: () => {
      run.child.kill('SIGKILL');
      return run.exited;
    },
    restart: async () => {
      await stop();
      run = await startRun(options);
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function startRun(options: ProcessOptions): Promise<Run> {
  const { name, command, args = [], env = process.env, cwd, onLine, orphanedFolder = '' } = options;
  // A session of its own keeps Ctrl-C at the terminal for this process, which then stops its children in order.
  const child = spawn('/bin/sh', ['-c', LIFELINE_SCRIPT, name, orphanedFolder, command, ...args], {
    env,
    ...(cwd === undefined ? {} : { cwd }),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const exited = observeExit(child);
  await once(child, 'spawn');
  const { stdout, stderr } = child;
  const lifeline = child.stdio[3];
  if (child.pid === undefined || stdout === null || stderr === null || !(lifeline instanceof Writable)) {
    throw new Error(`${name} was not spawned as it should be`);
  }
  readLines(stdout, (line) => onLine?.(line, 'stdout'));
  readLines(stderr, (line) => onLine?.(line, 'stderr'));
  // The watching subshell may already be gone (killed by hand): nothing is left then that the farewell could reach.
  lifeline.on('error', () => lifeline.destroy());
  child.once('exit', () => lifeline.end('\n'));
  return { pid: child.pid, child, exited };
}

async function observeExit(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const settle = (): void => {
        clearTimeout(timer);
        resolve({ code, signal });
      };
      const timer = setTimeout(settle, OUTPUT_LAG_MS);
      child.once('close', settle);
    });
  });
}
