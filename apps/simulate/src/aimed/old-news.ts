import { seededRandom } from '@couchestor/shared/random';
import { requestOutOfTurn } from '../out-of-turn.ts';
import { calmVolumes } from '../world/calm-profile.ts';
import type { MayastorRoad } from '../world/mayastor.ts';
import { volumeIdOf } from '../world/profile.ts';
import { iopsFor, PERSON, putPolicy, type World } from '../world/world.ts';
import type { AimedWorld } from './aimed-world.ts';
import { through } from './in-between.ts';

/** What has changed since somebody decided by it, and nobody has been told. */

const MINUTE_MS = 60_000;
const [VOLUME, OTHER] = [volumeIdOf(1), volumeIdOf(2)];
/** A watcher reads all of them page by page. */
const VOLUMES = /^\/volumes(\?|$)/;

/** From a moment on what watchers ask of volumes has no answer, while all else has. */
function blindWatchers({ surroundings }: World): {
  readonly road: MayastorRoad;
  readonly blind: (is: boolean) => void;
} {
  let isBlind = false;
  const road = through(surroundings.mayastor, async (request, transport, process) => {
    const isHidden = isBlind && process.name.startsWith('watcher') && VOLUMES.test(request.path);
    if (!isHidden) return transport.send(request);
    await process.clock.sleep(request.timeoutMs);
    return { kind: 'lost', reason: 'timeout', message: 'no answer in time' };
  });
  return {
    road,
    blind: (is) => {
      isBlind = is;
    },
  };
}

export const oldNews = {
  'a set that a person changed since the decision': {
    says: 'a person puts one replica in the place of another, of which no watcher can read, and a scorer goes by what was',
    profile: () => ({ volumes: calmVolumes({ [VOLUME]: ['cold-n1', 'cold-n2'] }) }),
    stage: (world) => {
      const { truth, clock, model } = world;
      const { road, blind } = blindWatchers(world);
      const random = seededRandom(1);
      truth.iops.set(VOLUME, iopsFor('cold'));
      const call = (method: 'PUT' | 'DELETE', path: string) => model.handle({ method, path: `/v0${path}` });
      const replaceOne = async (): Promise<void> => {
        await call('PUT', `/volumes/${VOLUME}/replica_count/3`);
        await clock.sleep(MINUTE_MS / 2);
        await call('PUT', `/nodes/n1/cordon/${PERSON}`);
        await call('PUT', `/volumes/${VOLUME}/replica_count/2`);
        await call('DELETE', `/nodes/n1/cordon/${PERSON}`);
      };
      clock.after(MINUTE_MS, () => {
        const was = model.volume(VOLUME)?.replicas.map(({ uuid, pool, node }) => ({ replicaId: uuid, pool, node }));
        blind(true);
        void replaceOne();
        clock.after(MINUTE_MS, () => requestOutOfTurn(world, random, VOLUME, was));
        clock.after(2 * MINUTE_MS, () => {
          blind(false);
          truth.iops.set(VOLUME, iopsFor('hot'));
        });
      });
      return { mayastor: road };
    },
  },
  'a policy that a person changed since the decision': {
    says: 'a person raises what counts as busy, and a scorer asks for a move that was decided on before',
    profile: () => ({ volumes: calmVolumes({ [VOLUME]: ['cold-n1'], [OTHER]: ['cold-n2'] }) }),
    stage: (world) => {
      const { truth, clock, profile, kubernetes } = world;
      const random = seededRandom(1);
      truth.iops.set(VOLUME, iopsFor('hot'));
      truth.iops.set(OTHER, iopsFor('cold'));
      clock.after(2 * MINUTE_MS, () => {
        for (const { id, spec } of profile.policies) {
          const decidedBy = kubernetes.policies.get(id)?.generation;
          putPolicy(world, id, { ...spec, highWatermarkIOPS: 10 * spec.highWatermarkIOPS });
          for (let ms = 2 * MINUTE_MS; ms < 4 * MINUTE_MS; ms += MINUTE_MS / 2)
            clock.after(ms, () => requestOutOfTurn(world, random, OTHER, undefined, decidedBy));
          clock.after(5 * MINUTE_MS, () => putPolicy(world, id, spec));
        }
      });
      return undefined;
    },
  },
} as const satisfies Readonly<Record<string, AimedWorld>>;
