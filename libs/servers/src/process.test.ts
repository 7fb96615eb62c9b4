import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { spawnProcess } from './process.ts';

/** The process and the subshell that watches over it form a group of their own. */
function groupExists(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}

const untilGone = (pid: number): Promise<void> =>
  vi.waitFor(() => expect(groupExists(pid)).toBe(false), { timeout: 5_000 });

test('a process reports its lines and its exit code under its own pid', async () => {
  const lines: string[] = [];
  await using child = await spawnProcess({
    name: 'talker',
    command: process.execPath,
    args: [
      '-e',
      'console.log(process.pid); console.error("grüße"); process.stdout.write("no newline"); process.exitCode = 3',
    ],
    onLine: (line, stream) => lines.push(`${stream} ${line}`),
  });
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect(lines.sort()).toEqual(['stderr grüße', `stdout ${child.pid}`, 'stdout no newline']);
  expect(child.running).toBe(false);
  await untilGone(child.pid);
});

test('stopping gives a process its grace, and kills one that ignores the request', async () => {
  const polite = await spawnProcess({
    name: 'polite',
    command: process.execPath,
    args: ['-e', 'process.on("SIGTERM", () => process.exit(7)); console.log("up"); setInterval(() => {}, 1000)'],
    onLine: () => void polite.stop(),
  });
  expect(await polite.exited).toEqual({ code: 7, signal: null });

  const lines: string[] = [];
  await using stubborn = await spawnProcess({
    name: 'stubborn',
    command: 'sh',
    args: ['-c', 'trap "" TERM; echo up; while :; do sleep 0.05; done'],
    onLine: (line) => lines.push(line),
  });
  await vi.waitFor(() => expect(lines).toEqual(['up']));
  expect(await stubborn.stop(200)).toEqual({ code: null, signal: 'SIGKILL' });
  await untilGone(stubborn.pid);
});

test('a restarted process runs the same command anew', async () => {
  const lines: string[] = [];
  await using child = await spawnProcess({
    name: 'counter',
    command: 'sh',
    args: ['-c', 'echo started; exec sleep 60'],
    onLine: (line) => lines.push(line),
  });
  await vi.waitFor(() => expect(lines).toEqual(['started']));
  const first = child.pid;
  await child.kill();
  await child.restart();
  await vi.waitFor(() => expect(lines).toEqual(['started', 'started']));
  expect(child.pid).not.toBe(first);
  await untilGone(first);
});

test('a command that is not found ends with code 127', async () => {
  await using child = await spawnProcess({ name: 'nothing', command: '/nonexistent/command' });
  expect(await child.exited).toEqual({ code: 127, signal: null });
});

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'a parent ended by %s takes its processes and their folder with it',
  async (signal) => {
    const folder = await mkdtemp(join(tmpdir(), 'couchestor-orphan-'));
    const script = `
    import { spawnProcess } from ${JSON.stringify(new URL('./process.ts', import.meta.url).href)};
    const child = await spawnProcess({ name: 'child', command: 'sleep', args: ['60'], orphanedFolder: ${JSON.stringify(folder)} });
    console.log(child.pid);
  `;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(chunk.toString());
      expect(groupExists(pid)).toBe(true);
      parent.kill(signal);
      await untilGone(pid);
      expect(existsSync(folder)).toBe(false);
    } finally {
      parent.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    }
  },
);
