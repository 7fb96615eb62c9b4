import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary folder that belongs to one server of this process. */
export interface DataFolder {
  readonly path: string;
  remove(): Promise<void>;
}

const unremoved = new Set<string>();

/** Folders that nobody removed go when this process ends in the ordinary way; `spawnProcess` covers the other ways. */
process.once('exit', () => {
  for (const path of unremoved) rmSync(path, { recursive: true, force: true });
});

export async function createDataFolder(name: string, parent = tmpdir()): Promise<DataFolder> {
  const path = await mkdtemp(join(parent, `couchestor-${name}-`));
  unremoved.add(path);
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
      unremoved.delete(path);
    },
  };
}
