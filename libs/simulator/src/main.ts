import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '@couchestor/shared/clock';
import { seededRandom } from '@couchestor/shared/random';
import { createSimulatedCluster, generateScenario, readStoragePolicyCrd } from './cluster/index.ts';
import { commandUsage, parseCommand, type CommandOptions } from './command-options.ts';
import { serveKubernetes } from './kubernetes/index.ts';
import { serveMayastor, serveMetrics, serveTruth } from './mayastor/index.ts';

const CRD = new URL('../../../deploy/kustomize/base/crd/storagepolicies.yaml', import.meta.url);

let options: CommandOptions;
try {
  options = parseCommand(process.argv.slice(2));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${commandUsage}`);
  process.exit(2);
}
if (options.help) {
  console.log(commandUsage);
  process.exit(0);
}

const { seed, host, highIops, lowIops } = options;
const cluster = createSimulatedCluster({
  clock: createSystemClock(),
  random: seededRandom(seed + 1),
  scenario: generateScenario({ volumes: options.volumes, seed, highIops, lowIops, changeAfterMs: 60_000 }),
  crds: [readStoragePolicyCrd(CRD)],
  version: options.version,
  rebuildBytesPerSecond: options.rebuildBytesPerSecond,
  timers: { cachePeriodMs: options.cachePeriodMs },
});
const mayastor = await serveMayastor(cluster.mayastor, { host, port: options.restPort });
const exporter = await serveMetrics(cluster.mayastor, { host, port: options.metricsPort });
const token = options.token;
const kubernetes = await serveKubernetes(cluster.kubernetes, {
  host,
  port: options.kubernetesPort,
  ...(token === undefined ? {} : { token }),
});
const kubeconfig = join(mkdtempSync(join(tmpdir(), 'couchestor-simulator-')), 'kubeconfig');
writeFileSync(kubeconfig, kubernetes.kubeconfig(), { mode: 0o600 });

const truth = await serveTruth(cluster.mayastor, { host, port: options.truthPort });

console.log(`Mayastor    ${mayastor.url}/v0`);
console.log(`exporter    ${exporter.url}/metrics`);
console.log(`Kubernetes  ${kubernetes.url}`);
console.log(`truth       ${truth.url}/ledger`);
console.log(`export KUBECONFIG=${kubeconfig}`);

const stop = (): void => {
  cluster.mayastor.stop();
  void Promise.all([truth.close(), mayastor.close(), exporter.close(), kubernetes.close()]).then(() => process.exit(0));
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
