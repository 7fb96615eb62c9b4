import { createVirtualClock, type VirtualClock } from '@couchestor/shared/clock';
import { createMayastorModel, type MayastorModel } from './model.ts';
import type { MayastorModelOptions } from './options.ts';
import type { MayastorAnswer } from './route.ts';
import { isVolume, type ShownVolume } from './conformance/trace.ts';

/** A small cluster for tests: nodes n1 to n4, each with a pool `nvme-nX` of 100 GiB and `sata-nX` of 400 GiB. */
export interface TestCluster {
  readonly clock: VirtualClock;
  readonly model: MayastorModel;
  /** Sends a request and moves time until it is answered. */
  readonly call: (method: string, path: string, body?: unknown) => Promise<MayastorAnswer>;
  /** The volume as REST shows it; throws if it does not. */
  readonly shown: (volume: string) => Promise<ShownVolume>;
  /** Pools that hold replicas of the volume, sorted. */
  readonly pools: (volume: string) => string[];
}

export const gibibyte = 1024 ** 3;
export const cordonReplicas = { replicas: true, snapshots: false, restores: false, import: false };

export function volumeId(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

/** A sequence of numbers in [0, 1) that a seed repeats. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

export function createTestCluster(
  options: Partial<MayastorModelOptions> & { readonly seed?: number } = {},
): TestCluster {
  const clock = createVirtualClock();
  const { seed = 1, ...others } = options;
  const model = createMayastorModel({ clock, random: seeded(seed), ...others });
  for (const node of ['n1', 'n2', 'n3', 'n4']) {
    model.addNode({ id: node });
    model.addPool({ id: `nvme-${node}`, node, capacityBytes: 100 * gibibyte, labels: { tier: 'nvme' } });
    model.addPool({ id: `sata-${node}`, node, capacityBytes: 400 * gibibyte, labels: { tier: 'sata' } });
  }
  const call = async (method: string, path: string, body?: unknown): Promise<MayastorAnswer> => {
    const state = { settled: false };
    const answer = model.handle({ method, path: `/v0${path}`, body }).finally(() => {
      state.settled = true;
    });
    await clock.advance(0);
    while (!state.settled) if (!(await clock.runNext())) break;
    return answer;
  };
  return {
    clock,
    model,
    call,
    shown: async (volume) => {
      const { body } = await call('GET', `/volumes/${volume}`);
      if (!isVolume(body)) throw new Error(`no volume ${volume}: ${JSON.stringify(body)}`);
      return body;
    },
    pools: (volume) => (model.volume(volume)?.replicas ?? []).map((replica) => replica.pool).toSorted(),
  };
}
