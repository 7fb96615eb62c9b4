import { readFileSync } from 'node:fs';
import { createSystemClock } from '@couchestor/shared/clock';
import { createKubernetesAccess } from '@couchestor/shared/kubernetes';
import { createKubernetesModel, serveKubernetes, type JsonObject } from '@couchestor/simulator/kubernetes';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { NOW_MS } from '../../test/builders.ts';
import type { VolumeView } from '../core/volume-view.ts';
import type { VolumeViewSink } from '../ports.ts';
import { createVolumeViewSink } from './volume-view-sink.ts';

const crdFile = '../../../../deploy/kustomize/components/volume-view/crd/mayastorvolumes.yaml';
const crd = parse(readFileSync(new URL(crdFile, import.meta.url), 'utf8')) as JsonObject;
const reference = {
  apiVersion: 'openebs.io/v1alpha1',
  kind: 'MayastorVolume',
  name: 'volume-a',
  namespace: 'mayastor',
};
const signal = new AbortController().signal;

/** With every field that there is, so that one that the definition lacks would be missed. */
const view: VolumeView = {
  volumeId: 'volume-a',
  persistentVolume: 'pvc-volume-a',
  claim: { namespace: 'shop', name: 'data' },
  policy: 'databases',
  tier: 'mixed',
  sizeBytes: 1.5 * 1024 ** 4,
  state: 'Degraded',
  targetNode: 'node-a',
  replicaCount: 2,
  replicas: [
    { replicaId: 'r1', node: 'node-a', pool: 'sata-a', tier: 'cold', state: 'Online', rebuildPercent: undefined },
    { replicaId: 'r2', node: 'node-b', pool: 'nvme-b', tier: 'hot', state: 'Degraded', rebuildPercent: 40 },
    { replicaId: 'r3', node: undefined, pool: undefined, tier: undefined, state: 'Unknown', rebuildPercent: undefined },
  ],
  decision: {
    atMs: NOW_MS,
    action: 'move',
    reason: 'AboveHighWatermark',
    tierWanted: 'hot',
    score: { kind: 'value', iops: 8241.5, coverage: 1 },
  },
};

async function start() {
  const model = createKubernetesModel({ clock: createSystemClock(), random: Math.random, crds: [crd] });
  model.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'mayastor' } });
  const server = await serveKubernetes(model);
  const access = createKubernetesAccess({ baseUrl: server.url });
  onTestFinished(async () => {
    await access[Symbol.asyncDispose]();
    await server.close();
  });
  const table = async (): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${server.url}/apis/openebs.io/v1alpha1/namespaces/mayastor/mayastorvolumes`, {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    const { columnDefinitions, rows } = (await answer.json()) as {
      readonly columnDefinitions: readonly { readonly name: string }[];
      readonly rows: readonly { readonly cells: readonly unknown[] }[];
    };
    return Object.fromEntries(columnDefinitions.map(({ name }, column) => [name, rows[0]?.cells[column]]));
  };
  return { model, access, table, sink: createVolumeViewSink(access, 'mayastor', 2) };
}

async function heldBy(sink: VolumeViewSink): Promise<ReadonlyMap<string, string>> {
  const held = new Map<string, string>();
  for await (const page of sink.held(signal)) for (const [volumeId, digest] of page) held.set(volumeId, digest);
  return held;
}

test('a view is read back as it was written, and is what kubectl prints', async () => {
  const { sink, table } = await start();
  expect(await sink.write(view, signal)).toMatchObject({ kind: 'written' });
  expect([...(await heldBy(sink))]).toEqual([['volume-a', sink.digest(view)]]);
  const { Age: _age, ...cells } = await table();
  expect(cells).toEqual({
    Name: 'volume-a',
    Size: '1.5Ti',
    Tier: 'mixed',
    Score: 8242,
    State: 'Degraded',
    Replicas: 2,
    Healthy: 1,
    Rebuild: 40,
    Wanted: 'hot',
    Reason: 'AboveHighWatermark',
    Target: 'node-a',
    Claim: 'shop/data',
    PV: 'pvc-volume-a',
  });
});

test('what is not known is empty, and what is no longer known is taken away', async () => {
  const { sink, model, table } = await start();
  await sink.write(view, signal);
  const unknown: VolumeView = {
    ...view,
    sizeBytes: 5 * 1024 ** 3,
    targetNode: undefined,
    replicas: [],
    decision: {
      atMs: NOW_MS,
      action: 'hold',
      reason: 'ScoreUnknown',
      tierWanted: undefined,
      score: { kind: 'unknown', reason: 'NoSeries' },
    },
  };
  await sink.write(unknown, signal);
  expect(await heldBy(sink)).toEqual(new Map([['volume-a', sink.digest(unknown)]]));
  expect(await table()).toMatchObject({ Size: '5Gi', Score: null, Rebuild: null, Target: null, Healthy: 0 });
  expect(model.get(reference)).toMatchObject({ status: { scoreUnknown: 'NoSeries' } });
});

test('all pages are read, of our own objects only', async () => {
  const { sink, model } = await start();
  for (const volumeId of ['a', 'b', 'c', 'd', 'e']) await sink.write({ ...view, volumeId }, signal);
  model.apply({ ...reference, metadata: { name: 'of-somebody-else', namespace: 'mayastor' } });
  expect([...(await heldBy(sink)).keys()]).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('what a person changed differs from every view', async () => {
  const { sink, model } = await start();
  await sink.write(view, signal);
  model.patch(reference, { status: { tier: 'hot' } });
  expect((await heldBy(sink)).get('volume-a')).not.toBe(sink.digest(view));
  await sink.write(view, signal);
  expect((await heldBy(sink)).get('volume-a')).toBe(sink.digest(view));
});

test('what is removed is gone, also the second time', async () => {
  const { sink, model } = await start();
  await sink.write(view, signal);
  for (let times = 0; times < 2; times += 1) {
    expect(await sink.remove('volume-a', signal)).toMatchObject({ kind: 'written' });
  }
  expect(model.get(reference)).toBeUndefined();
});

test('a missing definition or namespace is told apart from an API server that is away', async () => {
  const { access } = await start();
  const elsewhere = createVolumeViewSink(access, 'nowhere');
  expect(await elsewhere.write(view, signal)).toEqual({ kind: 'gone' });
  await access[Symbol.asyncDispose]();
  const away = createKubernetesAccess({ baseUrl: 'http://127.0.0.1:9' });
  onTestFinished(() => away[Symbol.asyncDispose]());
  await expect(createVolumeViewSink(away, 'mayastor').write(view, signal)).rejects.toThrow('was not answered');
});
