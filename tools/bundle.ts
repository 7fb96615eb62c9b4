/** `npm run bundle`: each service as one file in `dist/`, which needs nothing beside it but Node.js. */
import { build } from 'esbuild';

const services = ['watcher', 'scorer', 'migrator'];

for (const service of services) {
  const outfile = `dist/${service}.mjs`;
  const { metafile } = await build({
    entryPoints: [`services/${service}/src/main.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    minify: true,
    keepNames: true,
    sourcemap: 'linked',
    metafile: true,
    legalComments: 'linked',
    // CommonJS packages inside an ES module still call require.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  const bytes = metafile.outputs[outfile]?.bytes ?? 0;
  console.log(`${outfile}  ${(bytes / 1024 ** 2).toFixed(2)} MiB`);
}
