/**
 * Writes the CustomResourceDefinition of StoragePolicies from the schemas of `libs/shared/src/policy`. With `--check` it
 * changes nothing and fails if the file is not what it should be.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { formatStoragePolicy } from '../libs/shared/src/policy/storage-policy-crd.ts';

const FILE = 'deploy/kustomize/base/crd/storagepolicies.yaml';

const text = formatStoragePolicy();
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, text);
} else if (readFileSync(FILE, 'utf8') !== text) {
  console.error(`${FILE} is not what the schemas say; run: node tools/crd.ts`);
  process.exitCode = 1;
}
