import { RedisUnavailableError, type MemoryLeaseServer } from '@couchestor/shared/leases';
import type { HttpRequest } from '@couchestor/shared/mayastor';
import { calmVolumes } from '../world/calm-profile.ts';
import type { MayastorRoad } from '../world/mayastor.ts';
import type { SimulatedProcess } from '../world/process.ts';
import { volumeIdOf } from '../world/profile.ts';
import { iopsFor, type World } from '../world/world.ts';
import type { AimedWorld } from './aimed-world.ts';
import { through } from './in-between.ts';

/** How long the lease of a fence lasts. */

const MINUTE_MS = 60_000;
const [VOLUME, OTHER] = [volumeIdOf(1), volumeIdOf(2)];
/** Longer than a lease lives and its next owner waits. */
const CUT_MS = 40_000;
/** Soon after it has seen again how things are the fence is another's, and nothing has grown behind it yet. */
const BLIND_MS = 14_000;
/** A call without an answer may have its effect so late, and not later. */
const EFFECT_MS = 29_900;
const JUST_BEFORE_MS = 100;
const PAUSED_MS = 9_000;
/** So long a change takes to reach Mayastor. */
const SLOW_CHANGE_MS = 4_000;
/** Mayastor is slow for so long after the fence was given, of whose life of 15 s little is left then. */
const SLOW_MS = 12_500;
const ANSWERED_MS = 4_500;

/** Nobody can renew the first fence, while the lease of its volume is renewed. Tells for how long Mayastor is slow then. */
function firstIsNotRenewed({ leaseServer, clock }: World): { server: MemoryLeaseServer; slowForMs: () => number } {
  let givenAtMs: number | undefined;
  const sinceMs = (): number => clock.monotonicMs() - (givenAtMs ?? Number.POSITIVE_INFINITY);
  const server: MemoryLeaseServer = {
    ...leaseServer,
    acquireFence: async (request) => {
      const reply = await leaseServer.acquireFence(request);
      if (reply.kind === 'granted') givenAtMs ??= clock.monotonicMs();
      return reply;
    },
    renewFence: async (request) => {
      if (sinceMs() < MINUTE_MS / 2) throw new RedisUnavailableError('renewFence', 'the server is away');
      return leaseServer.renewFence(request);
    },
  };
  return { server, slowForMs: () => (givenAtMs === undefined ? 0 : SLOW_MS - sinceMs()) };
}

function slowBeforeTheCall(
  { surroundings }: World,
  slowForMs: () => number,
  isTheCall: (request: HttpRequest) => boolean,
): MayastorRoad {
  return through(surroundings.mayastor, async (request, transport, process) => {
    const leftMs = process.name.startsWith('migrator') ? slowForMs() : 0;
    if (leftMs > 0 && !isTheCall(request)) await process.clock.sleep(Math.min(ANSWERED_MS, leftMs));
    return transport.send(request);
  });
}

const isChange = ({ method, path }: HttpRequest): boolean => method === 'PUT' && !path.endsWith('/replica_count/255');

/** Who asks for the first growth reaches Redis no more and reads nothing for a while; all others are slow from then on. */
function oneIsCutOff({ surroundings, kubernetes, clock }: World): MayastorRoad {
  let cut: { readonly process: SimulatedProcess; readonly atMs: number } | undefined;
  return through(surroundings.mayastor, async (request, transport, process) => {
    const isOther = cut !== undefined && cut.process !== process && process.name.startsWith('migrator');
    const isBlind = cut?.process === process && clock.monotonicMs() - cut.atMs < BLIND_MS;
    if (isBlind && request.method === 'GET') {
      await process.clock.sleep(request.timeoutMs);
      return { kind: 'lost', reason: 'timeout', message: 'no answer in time' };
    }
    if (isOther && isChange(request)) await process.clock.sleep(SLOW_CHANGE_MS);
    const answer = await transport.send(request);
    if (cut === undefined && request.path.endsWith('/replica_count/2')) {
      cut = { process, atMs: clock.monotonicMs() };
      surroundings.network.cut(process, 'redis', CUT_MS);
      kubernetes.putPersistentVolume(OTHER, { hold: undefined });
    }
    return answer;
  });
}

/**
 * While the first cordon is on its way all is paused, so that what was closed is opened again. Of that the first call has
 * no answer, and has its effect when the replica is asked for, or as late as a call can have it.
 */
function opensLate({ surroundings, kubernetes, model, clock, truth }: World): MayastorRoad {
  let isPaused = false;
  let open: (() => void) | undefined;
  const pause = (is: boolean): void => {
    kubernetes.pause(is);
    truth.pausedAtMs = is ? clock.monotonicMs() : undefined;
  };
  return through(surroundings.mayastor, async (request, transport, process) => {
    const { method, path, body } = request;
    const isOfPool = /^\/pools\/(hot|cold)-.*\/cordon$/.test(path);
    if (!isPaused && isOfPool && method === 'PUT') {
      isPaused = true;
      pause(true);
      clock.after(PAUSED_MS, () => pause(false));
      await process.clock.sleep(SLOW_CHANGE_MS);
    }
    if (open === undefined && isOfPool && method === 'DELETE') {
      let isOpen = false;
      open = () => {
        if (!isOpen) void model.handle({ method, path: `/v0${path}`, body: JSON.parse(body ?? '{}') as unknown });
        isOpen = true;
      };
      clock.after(EFFECT_MS, open);
      await process.clock.sleep(request.timeoutMs);
      return { kind: 'lost', reason: 'timeout', message: 'no answer in time' };
    }
    if (path.endsWith('/replica_count/2') && open !== undefined) {
      open();
      await process.clock.sleep(JUST_BEFORE_MS);
    }
    return transport.send(request);
  });
}

export const fences = {
  'a fence that is about to lapse': {
    says: 'the lease of a fence is not renewed, that of its volume is, and Mayastor is slow until little of it is left',
    profile: () => ({ volumes: calmVolumes({ [VOLUME]: ['cold-n1', 'cold-n2'] }) }),
    stage: (world) => {
      world.truth.iops.set(VOLUME, iopsFor('hot'));
      const { server, slowForMs } = firstIsNotRenewed(world);
      const isGrowth = ({ path }: HttpRequest): boolean => path.endsWith('/replica_count/3');
      return { leaseServer: server, mayastor: slowBeforeTheCall(world, slowForMs, isGrowth) };
    },
  },
  'a fence of another, of which Redis tells one migrator nothing': {
    says: 'who has closed pools reaches Redis no more and sees nothing for a while, and another grows behind the same ones',
    profile: () => ({
      volumes: calmVolumes({ [VOLUME]: ['cold-n1'], [OTHER]: ['cold-n4'] }),
      isThin: false,
      rebuildMs: MINUTE_MS,
    }),
    stage: (world) => {
      for (const id of [VOLUME, OTHER]) world.truth.iops.set(id, iopsFor('hot'));
      world.kubernetes.putPersistentVolume(OTHER, { hold: 'true' });
      return { mayastor: oneIsCutOff(world) };
    },
  },
  'an opening that comes when the fence stands again': {
    says: 'all is paused while a fence is put up, and what opens it again has no answer and comes as late as it can',
    profile: () => ({ volumes: calmVolumes({ [VOLUME]: ['cold-n1'] }) }),
    stage: (world) => {
      world.truth.iops.set(VOLUME, iopsFor('hot'));
      return { mayastor: opensLate(world) };
    },
  },
} as const satisfies Readonly<Record<string, AimedWorld>>;
