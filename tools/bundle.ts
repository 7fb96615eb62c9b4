/**
 * `npm run bundle`: each service as one file in `dist/`, which needs nothing beside it but Node.js; and the simulator, with
 * the files that it reads at the same places below `dist/simulator` as in the sources.
 */
import { cpSync, mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const bundles = [
  ...['watcher', 'scorer', 'migrator'].map((service) => ({
    entry: `services/${service}/src/main.ts`,
    outfile: `dist/${service}.mjs`,
  })),
  { entry: 'libs/simulator/src/main.ts', outfile: 'dist/simulator/libs/simulator/src/main.mjs' },
];
const filesOfSimulator = [
  ['libs/simulator/src/kubernetes/diskpools.yaml', 'libs/simulator/src/diskpools.yaml'],
  ['deploy/kustomize/base/crd/storagepolicies.yaml', 'deploy/kustomize/base/crd/storagepolicies.yaml'],
] as const;

for (const { entry, outfile } of bundles) {
  const { metafile } = await build({
    entryPoints: [entry],
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
for (const [source, target] of filesOfSimulator) {
  const path = join('dist/simulator', target);
  mkdirSync(dirname(path), { recursive: true });
  cpSync(source, path);
}
// The same sources make the same layers of images, whenever they are built.
const epochSeconds = Number(process.env['SOURCE_DATE_EPOCH'] ?? 0);
const written = readdirSync('dist', { recursive: true, encoding: 'utf8' }).map((name) => join('dist', name));
for (const path of written) utimesSync(path, epochSeconds, epochSeconds);
