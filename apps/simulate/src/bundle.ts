import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions, type Plugin } from 'esbuild';

/** Of the repository, with a slash at its end. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Another text for a source file, named by its path from the root of the repository; undefined leaves it as it is. */
export type Rewrite = (path: string, text: string) => string | undefined;

/**
 * Makes one file of the worker and all that it runs, which starts quicker than the sources do. With `rewrite` it is made
 * of other sources, so that somebody can find out whether a defect would be noticed.
 */
export async function bundleWorker(outfile: string, rewrite?: Rewrite): Promise<void> {
  await build({
    ...bundling(fileURLToPath(new URL('worker.ts', import.meta.url))),
    outfile,
    sourcemap: 'inline',
    plugins: rewrite === undefined ? [] : [rewriting(/\/(?:libs|services)\/.*\.ts$/, rewrite)],
  });
}

/** What all bundles of workers have in common. */
export function bundling(entryPoint: string) {
  return {
    entryPoints: [entryPoint],
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    logLevel: 'warning',
    // CommonJS packages inside an ES module still call require.
    banner: {
      js: `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`,
    },
  } as const satisfies BuildOptions;
}

export function rewriting(filter: RegExp, rewrite: Rewrite): Plugin {
  return {
    name: 'rewrite',
    setup: (building) => {
      building.onLoad({ filter }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const contents = rewrite(path.slice(root.length), text);
        return contents === undefined ? undefined : { contents, loader: 'ts' };
      });
    },
  };
}
