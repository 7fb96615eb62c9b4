/**
 * `npm run bundle [-- NAME…]`: each service, and the plugin of kubectl, as one file in `dist/`, which needs nothing beside it but
 * Node.js (the scorer also the thread that reads large answers); and the simulator, with the files that it reads at the same places below `dist/simulator` as in the sources.
 */
import { chmodSync, cpSync, mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';

interface Bundle {
  readonly entry: string;
  readonly outfile: string;
  /** The oldest Node.js that it runs on; that of the images by default. */
  readonly target?: string;
  /** Statements before everything else. */
  readonly prelude?: string;
  readonly isExecutable?: boolean;
}

/** What undici looks for while it loads and Node.js 20 does not have yet; nothing of ours comes to use it. */
const forNode20 = `
const __zlib = require('node:zlib'), __threads = require('node:worker_threads');
__zlib.createZstdDecompress ??= () => { throw new Error('this Node.js knows no zstd'); };
__threads.markAsUncloneable ??= () => {};`;

const bundles: readonly Bundle[] = [
  ...['watcher', 'scorer', 'migrator'].map((service) => ({
    entry: `services/${service}/src/main.ts`,
    outfile: `dist/${service}.mjs`,
  })),
  { entry: 'services/scorer/src/adapters/answer-thread.ts', outfile: 'dist/scorer-answer-thread.mjs' },
  { entry: 'libs/simulator/src/main.ts', outfile: 'dist/simulator/libs/simulator/src/main.mjs' },
  {
    entry: 'apps/kubectl-couchestor/src/main.ts',
    outfile: 'dist/kubectl-couchestor.mjs',
    target: 'node20',
    prelude: forNode20,
    isExecutable: true,
  },
];
const filesOfSimulator = [
  ['libs/simulator/src/kubernetes/diskpools.yaml', 'libs/simulator/src/diskpools.yaml'],
  ['deploy/kustomize/base/crd/storagepolicies.yaml', 'deploy/kustomize/base/crd/storagepolicies.yaml'],
] as const;

/** All of them, or those whose files are named without their folder and ending. */
const names = process.argv.slice(2);
const wanted = bundles.filter(({ outfile }) => names.length === 0 || names.includes(basename(outfile, '.mjs')));
if (wanted.length < names.length) {
  const known = bundles.map(({ outfile }) => basename(outfile, '.mjs')).join(', ');
  throw new Error(`${names.join(', ')} names no bundle; there are ${known}`);
}
for (const { entry, outfile, target = 'node24', prelude = '', isExecutable = false } of wanted) {
  const { metafile } = await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target,
    format: 'esm',
    minify: true,
    keepNames: true,
    sourcemap: 'linked',
    metafile: true,
    legalComments: 'linked',
    // CommonJS packages inside an ES module still call require.
    banner: {
      js: `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);${prelude}`,
    },
  });
  if (isExecutable) chmodSync(outfile, 0o755);
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
