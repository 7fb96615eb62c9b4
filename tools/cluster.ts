/** `npm run cluster -- up|down|status`: the evaluation overlay on the cluster of KUBECONFIG. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildImages, saveImages } from './images.ts';

const usage = `npm run cluster -- up|down|status [FOLDER]

Tries CoucheStor, with a simulated Mayastor, on the cluster that KUBECONFIG names. It must have no Mayastor of its own.

  up       builds the images, loads them into the cluster, applies deploy/kustomize/overlays/evaluation, waits
  status   its pods and policies
  down     removes all of it, definitions included
  FOLDER   a kustomization of your own with the same workloads, in place of the evaluation overlay

  COUCHESTOR_IMAGE_LOAD   a command that takes the path of an image archive and brings it to the cluster's nodes, such as
                          "kind load image-archive" or "minikube image load"; without it the images stay in Docker
  COUCHESTOR_BASE_IMAGE   another base of the images than the Dockerfile's
`;

const kustomize = fileURLToPath(new URL('../deploy/kustomize', import.meta.url));
const definitions = ['base/crd', 'components/simulator/crd', 'components/volume-view/crd'].flatMap((folder) => [
  '-f',
  join(kustomize, folder),
]);
const workloads = [
  ['kube-system', 'statefulset/couchestor-nats'],
  ['kube-system', 'statefulset/couchestor-redis'],
  ['mayastor', 'deployment/mayastor-simulator'],
  ['kube-system', 'deployment/couchestor-prometheus'],
  ['kube-system', 'deployment/couchestor'],
  ['kube-system', 'deployment/couchestor-scorer'],
  ['kube-system', 'deployment/couchestor-migrator'],
] as const;

const [verb, overlay = join(kustomize, 'overlays/evaluation'), ...rest] = process.argv.slice(2);
if ((process.env['KUBECONFIG'] ?? '') === '') {
  console.error(
    'KUBECONFIG is not set; set it to the kubeconfig of the cluster to use, so that no other is met by chance',
  );
  process.exit(2);
}
switch (rest.length === 0 ? (verb ?? '') : '') {
  case 'up':
    await loadImages();
    await up();
    await status();
    break;
  case 'status':
    await status();
    break;
  case 'down':
    await run('kubectl', ['delete', '--kustomize', overlay, '--ignore-not-found', '--timeout=120s']);
    // Made by those who ran: the next watcher would wait for the former's lease to lapse.
    for (const made of ['lease/couchestor-watcher', 'configmap/couchestor-control']) {
      await run('kubectl', ['delete', made, '--namespace=kube-system', '--ignore-not-found']);
    }
    break;
  default:
    console.error(usage);
    process.exit(2);
}

async function loadImages(): Promise<void> {
  const references = await buildImages({ base: process.env['COUCHESTOR_BASE_IMAGE'], env: process.env });
  console.log(`built ${references.join(', ')}`);
  const load = process.env['COUCHESTOR_IMAGE_LOAD'] ?? '';
  if (load === '') {
    console.log('COUCHESTOR_IMAGE_LOAD is not set: the nodes must find these images by themselves');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'couchestor-images-'));
  try {
    const archive = join(folder, 'images.tar');
    await saveImages(references, archive, process.env);
    await run('sh', ['-c', `${load} "$0"`, archive]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function up(): Promise<void> {
  // Objects of a kind can only be applied once the API server serves the kind.
  await run('kubectl', ['apply', '--server-side', ...definitions]);
  await run('kubectl', ['wait', '--for=condition=Established', '--timeout=60s', ...definitions]);
  await run('kubectl', ['apply', '--server-side', '--kustomize', overlay]);
  for (const [namespace, workload] of workloads) {
    await run('kubectl', ['rollout', 'status', `--namespace=${namespace}`, workload, '--timeout=180s']);
  }
}

async function status(): Promise<void> {
  const parts = 'app in (couchestor,couchestor-nats,couchestor-redis,couchestor-prometheus,mayastor)';
  await run('kubectl', ['get', 'pods', '--all-namespaces', '--selector', parts]);
  await run('kubectl', ['get', 'storagepolicies', '--output=wide']);
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === 0) return;
  console.error(`${command} ${args[0] ?? ''} failed`);
  process.exit(code ?? 1);
}
