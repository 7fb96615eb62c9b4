/**
 * Writes what Kubernetes holds of the simulated Mayastor into `deploy/kustomize/components/simulator`: its DiskPools, and
 * a volume with its claim for each simulated one. The numbers are those of the simulator's arguments in `deployment.yaml`.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateScenario, mayastorNamespace, storageClass } from '../libs/simulator/src/cluster/index.ts';

const component = fileURLToPath(new URL('../deploy/kustomize/components/simulator', import.meta.url));
const definition = fileURLToPath(new URL('../libs/simulator/src/kubernetes/diskpools.yaml', import.meta.url));
const folder = process.argv[2] ?? component;
const claimNamespace = 'couchestor-evaluation';

const deployment = readFileSync(join(component, 'deployment.yaml'), 'utf8');
const { pools, volumes } = generateScenario({
  volumes: argument('volumes'),
  seed: argument('seed'),
  highIops: argument('high-iops'),
  lowIops: argument('low-iops'),
  changeAfterMs: 60_000,
});

mkdirSync(join(folder, 'crd'), { recursive: true });
copyFileSync(definition, join(folder, 'crd/diskpools.yaml'));
write(
  'disk-pools.yaml',
  pools.map(
    ({ id, node, labels }) => `apiVersion: openebs.io/v1beta3
kind: DiskPool
metadata:
  name: ${id}
  namespace: ${mayastorNamespace}
  labels:
    app.kubernetes.io/part-of: couchestor-evaluation
${Object.entries(labels)
  .map(([name, value]) => `    ${name}: ${value}\n`)
  .join('')}spec:
  node: ${node}
  disks: [/dev/disk/by-id/${id}]
`,
  ),
);
write(
  'volumes.yaml',
  volumes.flatMap(({ id, role, sizeBytes, annotations }) => {
    const claim = `data-${id.slice(0, 8)}`;
    const entries = Object.entries(annotations).map(([name, value]) => `    ${name}: '${value}'\n`);
    return [
      `apiVersion: v1
kind: PersistentVolume
metadata:
  name: pvc-${id}
  labels:
    app.kubernetes.io/part-of: couchestor-evaluation
    couchestor.example/role: ${role}
${entries.length === 0 ? '' : `  annotations:\n${entries.join('')}`}spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ${storageClass}
  capacity: { storage: '${sizeBytes}' }
  persistentVolumeReclaimPolicy: Retain
  csi: { driver: io.openebs.csi-mayastor, volumeHandle: ${id}, fsType: ext4 }
  claimRef: { apiVersion: v1, kind: PersistentVolumeClaim, namespace: ${claimNamespace}, name: ${claim} }
`,
      `apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: ${claim}
  namespace: ${claimNamespace}
  labels:
    app.kubernetes.io/part-of: couchestor-evaluation
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ${storageClass}
  volumeName: pvc-${id}
  resources:
    requests: { storage: '${sizeBytes}' }
`,
    ];
  }),
);

function argument(name: string): number {
  const text = new RegExp(`--${name}=(\\d+)`).exec(deployment)?.[1];
  if (text === undefined) throw new Error(`${dirname(component)} gives the simulator no --${name}`);
  return Number(text);
}

function write(name: string, documents: readonly string[]): void {
  writeFileSync(join(folder, name), `# Written by \`node tools/evaluation-objects.ts\`.\n${documents.join('---\n')}`);
}
