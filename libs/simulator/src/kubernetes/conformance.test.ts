import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSystemClock } from '@couchestor/shared/clock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createApiClient, type ApiServer } from './conformance/api-client.ts';
import { conformanceCases } from './conformance/conformance.ts';
import { kubeAssets, startRealApiServer } from './conformance/real-apiserver.ts';
import { createKubernetesModel, readDiskPoolCrd, serveKubernetes, type JsonObject } from './index.ts';

const readCrd = (path: string): JsonObject =>
  parse(readFileSync(new URL(`../../../../deploy/kustomize/${path}`, import.meta.url), 'utf8')) as JsonObject;
const crds = [
  readCrd('base/crd/storagepolicies.yaml'),
  readDiskPoolCrd(),
  readCrd('components/volume-view/crd/mayastorvolumes.yaml'),
];

interface StartedServer extends ApiServer {
  readonly close: () => Promise<void>;
}

async function startModel(): Promise<StartedServer> {
  const model = createKubernetesModel({
    clock: createSystemClock(),
    random: Math.random,
    crds,
    bookmarkIntervalMs: 200,
  });
  const token = randomUUID();
  const server = await serveKubernetes(model, { token });
  return {
    url: server.url,
    token,
    caPem: server.caPem ?? '',
    expireHistory: async () => model.forgetHistory(),
    close: server.close,
  };
}

const assets = kubeAssets(process.env);
if (assets === undefined) {
  const reason =
    'NOT COMPARED WITH A REAL KUBE-APISERVER: set COUCHESTOR_KUBE_ASSETS (or KUBEBUILDER_ASSETS) to a folder with etcd and kube-apiserver.';
  if (process.env['COUCHESTOR_CI'] === 'true') throw new Error(reason);
  console.warn(reason);
}
const servers = [
  { name: 'the simulator', start: startModel },
  ...(assets === undefined ? [] : [{ name: 'a real kube-apiserver', start: () => startRealApiServer(assets, crds) }]),
];

describe.each(servers)('$name', ({ start }) => {
  let server: StartedServer | undefined;
  beforeAll(async () => {
    server = await start();
  }, 120_000);
  afterAll(async () => server?.close(), 30_000);

  test.each(conformanceCases.map((conformanceCase, index) => ({ ...conformanceCase, index })))(
    '$title',
    { timeout: 30_000 },
    async ({ run, index }) => {
      if (server === undefined) throw new Error('the server is not up');
      await expect(run(createApiClient(server), `case-${index}`)).resolves.toBeUndefined();
    },
  );
});
