import { createVirtualClock, type VirtualClock } from '@couchestor/shared/clock';
import { createMayastorClient, type Transport } from '@couchestor/shared/mayastor';
import { seededRandom, type Random } from '@couchestor/shared/random';
import { createMayastorModel, type MayastorModel, type MayastorVersion } from '@couchestor/simulator/mayastor';
import { describe, expect, it } from 'vitest';
import { GIB, volumeIdOf } from '../world/profile.ts';
import { oneOf } from '../world/random.ts';

const versions: readonly MayastorVersion[] = ['2.7.1', '2.10.0', '2.12.2'];
const volumes = [1, 2, 3].map(volumeIdOf);
const cordonReplicas = { replicas: true, snapshots: false, restores: false, import: false };

interface Cluster {
  readonly clock: VirtualClock;
  readonly model: MayastorModel;
}

function clusterOf(version: MayastorVersion, seed: number): Cluster {
  const clock = createVirtualClock();
  const model = createMayastorModel({ clock, version, random: seededRandom(seed) });
  for (const id of ['n1', 'n2', 'n3', 'n4']) {
    model.addNode({ id });
    for (const tier of ['hot', 'cold'])
      model.addPool({ id: `${tier}-${id}`, node: id, capacityBytes: 100 * GIB, labels: { tier } });
  }
  return { clock, model };
}

/** A client of the model in the same process. */
function clientOf(cluster: Cluster) {
  const transport: Transport = {
    send: async ({ method, path }) => {
      const { status, body } = await cluster.model.handle({ method, path: `/v0${path}` });
      return { kind: 'answered', status, body: body === null ? '' : JSON.stringify(body) };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const pace = (): Promise<number> => Promise.resolve(0);
  return createMayastorClient({ baseUrl: 'http://mayastor.invalid', pace, clock: cluster.clock, transport });
}

function disturb({ model }: Cluster, random: Random): void {
  const volume = oneOf(random, volumes) ?? '';
  const node = oneOf(random, model.nodeIds()) ?? '';
  const pool = oneOf(random, model.poolIds()) ?? '';
  const send = (method: string, path: string, body?: unknown): void =>
    void model.handle({ method, path: `/v0${path}`, body });
  const count = model.volume(volume)?.replicaCount ?? 1;
  oneOf(random, [
    () => send('PUT', `/volumes/${volume}/replica_count/${count + 1}`),
    () => send('PUT', `/volumes/${volume}/replica_count/${count - 1}`),
    () => send('DELETE', `/volumes/${volume}/target`),
    () => send('PUT', `/volumes/${volume}/snapshots/${volumeIdOf(900 + Math.floor(random() * 90))}`),
    () => send('PUT', `/nodes/${node}/cordon/a`),
    () => send('PUT', `/nodes/${node}/drain/d`),
    () => send('PUT', `/pools/${pool}/cordon`, cordonReplicas),
    () => model.faults.nodeDown(node),
    () => model.faults.nodeUp(node),
    () => model.faults.poolFaulted(pool),
  ])?.();
}

const shownOf = (model: MayastorModel, path: string) => {
  const shown = model.shown(path);
  if (shown === undefined) throw new Error(`${path} is not answered at once`);
  return shown;
};

describe('what is shown without JSON', () => {
  it.each(versions)(
    'is what a client reads out of the answers: %s',
    async (version) => {
      for (let seed = 1; seed <= 5; seed += 1) {
        const random = seededRandom(seed * 7_919);
        const cluster = clusterOf(version, seed);
        const { model, clock } = cluster;
        for (const [position, uuid] of volumes.entries()) {
          model.createVolume({
            uuid,
            sizeBytes: GIB,
            thin: position === 0,
            placement: ['cold-n1', 'cold-n2', 'hot-n3'].slice(0, 1 + position),
            publishedOn: `n${position + 1}`,
            ...(position === 1
              ? {
                  topology: { node_topology: { explicit: { allowed_nodes: ['n1', 'n2', 'n3'], preferred_nodes: [] } } },
                }
              : {}),
          });
        }
        const client = clientOf(cluster);
        for (let step = 0; step < 30; step += 1) {
          disturb(cluster, random);
          await clock.advance(Math.floor(random() * (step % 2 === 0 ? 20 : 40_000)));
          expect(shownOf(model, '/v0/volumes').volumes()).toEqual(await client.listVolumes());
          expect(shownOf(model, '/v0/pools').pools()).toEqual(await client.listPools());
          expect(shownOf(model, '/v0/nodes').nodes()).toEqual(await client.listNodes());
          for (const id of volumes) {
            expect(shownOf(model, `/v0/volumes/${id}`).volume(id)).toEqual(await client.getVolume(id));
            expect(shownOf(model, '/v0/specs').owners(id)).toEqual(await client.readOwners(id));
          }
        }
      }
    },
    60_000,
  );

  it('is nothing while the core is down, and where a hook has something against the call', () => {
    const { model } = clusterOf('2.12.2', 1);
    const remove = model.faults.onCall(({ path }) => (path === '/v0/pools' ? { kind: 'timeout' } : undefined));
    expect(model.shown('/v0/pools')).toBeUndefined();
    expect(model.shown('/v0/nodes')).toBeDefined();
    remove();
    expect(model.shown('/v0/pools')).toBeDefined();
    model.faults.crashCore();
    expect(model.shown('/v0/pools')).toBeUndefined();
  });
});
