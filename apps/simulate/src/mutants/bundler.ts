import { fileURLToPath } from 'node:url';
import { context } from 'esbuild';
import { bundling, root, rewriting, type Rewrite } from '../bundle.ts';

/** Bundles the worker again and again, each time with other changes of the same few files. */
export interface Bundler extends AsyncDisposable {
  /** @throws if what it was changed into is no program */
  bundle(rewrite: Rewrite): Promise<Uint8Array>;
}

/** @param files that may be changed, from the root of the repository; all others are read once */
export async function createBundler(files: readonly string[]): Promise<Bundler> {
  let rewrite: Rewrite = () => undefined;
  const filter = new RegExp(`^${escaped(root)}(?:${files.map(escaped).join('|')})$`);
  const building = await context({
    ...bundling(fileURLToPath(new URL('worker.ts', import.meta.url))),
    write: false,
    outfile: 'worker.mjs',
    logLevel: 'silent',
    plugins: [rewriting(filter, (path, text) => rewrite(path, text))],
  });
  /** One at a time: a build that is asked for while another runs would be that other one. */
  let last: Promise<unknown> = Promise.resolve();
  return {
    bundle: (next) => {
      const bundled = last.then(async () => {
        rewrite = next;
        const { outputFiles } = await building.rebuild();
        const [file] = outputFiles;
        if (file === undefined) throw new Error('nothing was bundled');
        return file.contents;
      });
      last = bundled.catch(() => undefined);
      return bundled;
    },
    [Symbol.asyncDispose]: () => building.dispose(),
  };
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
