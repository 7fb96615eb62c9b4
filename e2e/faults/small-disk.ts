import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, rmdir, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk that can be full. */
export interface SmallDisk extends AsyncDisposable {
  readonly folder: string;
  /** Until nothing more can be written. */
  fill(): Promise<void>;
  free(): Promise<void>;
}

const SIZE_MIB = 96;
const CHUNK = Buffer.alloc(64 * 1024, 1);

/** A file system in memory. @throws Error where this process may not mount one: that takes root on Linux */
export async function mountSmallDisk(): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'couchestor-small-disk-'));
  try {
    await command('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MIB}m,mode=700`, 'couchestor', folder]);
  } catch (error) {
    await rmdir(folder);
    throw error;
  }
  const ballast = join(folder, 'ballast');
  return {
    folder,
    fill: async () => {
      const file = await open(ballast, 'a');
      try {
        // Whoever else writes there takes the last bytes, so nothing is left for a short while only.
        for (;;) await file.appendFile(CHUNK.subarray(0, await room(folder)));
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast, { force: true }),
    [Symbol.asyncDispose]: async () => {
      await command('umount', ['--lazy', folder]);
      await rmdir(folder);
    },
  };
}

/** How much to write next; at least a byte, so that a full disk is found out by writing. */
async function room(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.max(1, Math.min(CHUNK.length, bavail * bsize));
}

async function command(name: string, args: readonly string[]): Promise<void> {
  const child = spawn(name, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (bytes) => (said += String(bytes)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${said.trim()}`);
}
