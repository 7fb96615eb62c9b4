import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Another text for a source file, named by its path from the root of the repository; undefined leaves it as it is. */
export type Rewrite = (path: string, text: string) => string | undefined;

/**
 * Makes one file of the worker and all that it runs, which starts quicker than the sources do. With `rewrite` it is made
 * of other sources, so that somebody can find out whether a defect would be noticed.
 */
export async function bundleWorker(outfile: string, rewrite?: Rewrite): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('worker.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    sourcemap: 'inline',
    logLevel: 'warning',
    // CommonJS packages inside an ES module still call require.
    banner: {
      js: `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`,
    },
    plugins:
      rewrite === undefined
        ? []
        : [
            {
              name: 'rewrite',
              setup: (building) => {
                building.onLoad({ filter: /\/(?:libs|services)\/.*\.ts$/ }, async ({ path }) => {
                  const text = await readFile(path, 'utf8');
                  const contents = rewrite(path.slice(root.length), text);
                  return contents === undefined ? undefined : { contents, loader: 'ts' };
                });
              },
            },
          ],
  });
}
