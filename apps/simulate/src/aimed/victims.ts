import { cordonLabelOf, type ActiveIntent, type Intent } from '@couchestor/shared/messages';
import { calmVolumes } from '../world/calm-profile.ts';
import type { MayastorRoad } from '../world/mayastor.ts';
import { volumeIdOf } from '../world/profile.ts';
import { iopsFor, PERSON, type World } from '../world/world.ts';
import type { AimedWorld } from './aimed-world.ts';
import { through } from './in-between.ts';

/** What makes Mayastor remove another replica than the one that should go, or one that is needed. */

const MINUTE_MS = 60_000;
const VOLUME = volumeIdOf(1);
const SPOILED_MS = 3 * MINUTE_MS;

const profile = () => ({
  volumes: calmVolumes({ [VOLUME]: ['cold-n1', 'cold-n2'] }).map((one) => ({ ...one, publishedOn: 'n4' })),
  // Of a thin volume nothing would be copied.
  isThin: false,
  rebuildMs: MINUTE_MS,
  troubleMs: 10 * MINUTE_MS,
});

type Round = NonNullable<ActiveIntent['round']>;

/** The replica of before that stays in the first round. */
const keptIn = ({ replicasBefore, sourceReplicaId }: Round): Round['replicasBefore'][number] | undefined =>
  replicasBefore.find(({ replicaId }) => replicaId !== sourceReplicaId);

/** Does something to the replica that stays, while the new one fills. */
function whileItFills(world: World, spoil: (kept: Round['replicasBefore'][number]) => void): void {
  const { bus, clock } = world;
  world.truth.iops.set(VOLUME, iopsFor('hot'));
  const look = (): void => {
    const record = bus.intents.get(VOLUME)?.intent;
    const round = record?.state === 'active' ? record.round : undefined;
    const kept = round?.addedAt === undefined ? undefined : keptIn(round);
    if (kept === undefined) clock.after(500, look);
    else spoil(kept);
  };
  look();
}

function change({ model }: World, method: 'PUT' | 'DELETE', path: string, body?: object): void {
  void model.handle({ method, path: `/v0${path}`, ...(body === undefined ? {} : { body }) });
}

const notFound = { kind: 'NotFound', message: 'Volume not found', details: '' };
const ofPool = { replicas: true, snapshots: false, restores: false, import: false };

export const victims = {
  'a cordoned node that keeps a replica': {
    says: 'a person cordons the node of the replica that stays, while the new one fills',
    profile,
    stage: (world) => {
      whileItFills(world, ({ node }) => {
        const { clock, truth } = world;
        change(world, 'PUT', `/nodes/${node}/cordon/${PERSON}`);
        truth.cordonedAtMs.set(node, clock.monotonicMs());
        clock.after(SPOILED_MS, () => change(world, 'DELETE', `/nodes/${node}/cordon/${PERSON}`));
      });
      return undefined;
    },
  },
  'a cordoned pool that keeps a replica': {
    says: 'a person cordons the pool of the replica that stays, while the new one fills',
    profile,
    stage: (world) => {
      whileItFills(world, ({ pool }) => {
        change(world, 'PUT', `/pools/${pool}/cordon`, ofPool);
        world.clock.after(SPOILED_MS, () => change(world, 'DELETE', `/pools/${pool}/cordon`, ofPool));
      });
      return undefined;
    },
  },
  'a Mayastor that ignores the steer': {
    says: 'whichever replica is steered out, another one goes, so that each copy is in vain',
    profile: () => ({
      ...profile(),
      steer: 'ignored',
      volumes: calmVolumes({ [VOLUME]: ['cold-n1', 'cold-n2', 'cold-n3'] }),
      rebuildMs: 10_000,
    }),
    stage: ({ truth, clock }) => {
      truth.iops.set(VOLUME, iopsFor('hot'));
      clock.after(profile().troubleMs - MINUTE_MS, () => truth.iops.set(VOLUME, iopsFor('cold')));
      return undefined;
    },
  },
  'a pool that a person closed before': {
    says: 'a person cordons a pool of the tier, and the volume goes to another behind a fence in which that one stands',
    profile,
    stage: (world) => {
      const { truth, clock } = world;
      truth.iops.set(VOLUME, iopsFor('hot'));
      for (const pool of ['hot-n3', 'cold-n3']) change(world, 'PUT', `/pools/${pool}/cordon`, ofPool);
      truth.closedByPeople = ['hot-n3', 'cold-n3'];
      clock.after(profile().troubleMs - MINUTE_MS, () => {
        truth.closedByPeople = [];
        for (const pool of ['hot-n3', 'cold-n3']) change(world, 'DELETE', `/pools/${pool}/cordon`, ofPool);
      });
      return undefined;
    },
  },
  'a copy that takes too long': {
    says: 'the new replica is not filled within migrationTimeout',
    profile: (calm) => ({
      ...profile(),
      rebuildMs: 20 * MINUTE_MS,
      policies: calm.policies.map((policy) => ({ ...policy, spec: { ...policy.spec, migrationTimeout: '2m' } })),
    }),
    stage: ({ truth, clock }) => {
      truth.iops.set(VOLUME, iopsFor('hot'));
      clock.after(profile().troubleMs - MINUTE_MS, () => truth.iops.set(VOLUME, iopsFor('cold')));
      return undefined;
    },
  },
  'a volume that one read does not show': {
    says: 'while the new replica fills, Mayastor once says that there is no such volume',
    profile,
    stage: (world) => {
      let isHidden = false;
      whileItFills(world, () => {
        isHidden = true;
      });
      const { surroundings } = world;
      return {
        mayastor: through(surroundings.mayastor, async (request, transport) => {
          const isIt = isHidden && request.method === 'GET' && request.path === `/volumes/${VOLUME}`;
          if (!isIt) return transport.send(request);
          isHidden = false;
          return { kind: 'answered', status: 404, body: JSON.stringify(notFound) };
        }),
      };
    },
  },
  'a pool that loses its label': {
    says: 'a person takes the label away that the volume wants, from the pool of the replica that stays',
    profile: () => ({ ...profile(), volumes: profile().volumes.map((one) => ({ ...one, isSited: true })) }),
    stage: (world) => {
      whileItFills(world, ({ pool }) => {
        const { clock, truth } = world;
        change(world, 'DELETE', `/pools/${pool}/label/site`);
        truth.unsitedSinceMs.set(pool, clock.monotonicMs());
        clock.after(SPOILED_MS, () => {
          truth.unsitedSinceMs.delete(pool);
          change(world, 'PUT', `/pools/${pool}/label/site=here`);
        });
      });
      return undefined;
    },
  },
  'a pool that goes away before the count drops': {
    says: 'the pool of the replica that stays fails between the last look at the volume and the last look at pools',
    profile: () => ({ ...profile(), cachePeriodMs: 30_000 }),
    stage: (world) => {
      world.truth.iops.set(VOLUME, iopsFor('hot'));
      const { faults } = world.model;
      const fails = (round: Round): (() => void) | undefined => {
        const pool = keptIn(round)?.pool;
        if (pool === undefined) return undefined;
        faults.poolFaulted(pool);
        return () => faults.poolRecovers(pool);
      };
      return { mayastor: failsAfterTheLook(world, fails) };
    },
  },
  'a node that goes away before the count drops': {
    says: 'the node of the replica that is to go fails between the last look at the volume and the last look at nodes',
    profile: () => ({ ...profile(), cachePeriodMs: 30_000 }),
    stage: (world) => {
      world.truth.iops.set(VOLUME, iopsFor('hot'));
      const { faults } = world.model;
      const fails = ({ steer }: Round): (() => void) | undefined => {
        if (steer === undefined) return undefined;
        faults.nodeDown(steer.node);
        return () => faults.nodeUp(steer.node);
      };
      return { mayastor: failsAfterTheLook(world, fails) };
    },
  },
} as const satisfies Readonly<Record<string, AimedWorld>>;

/** So long the call that lowers the count is on its way. */
const LATE_MS = 1_500;

/**
 * The last look at the volume shows all as it should be; what is read after it shows that something has failed, which
 * `fails` lets happen. It returns how that is mended.
 */
function failsAfterTheLook(
  { surroundings, bus, model, clock }: World,
  fails: (round: Round) => (() => void) | undefined,
): MayastorRoad {
  let hasFailed = false;
  return through(surroundings.mayastor, async (request, transport, process) => {
    const { method, path } = request;
    if (hasFailed && method === 'PUT' && path.endsWith('/replica_count/2')) await process.clock.sleep(LATE_MS);
    const answer = await transport.send(request);
    const record = bus.intents.get(VOLUME)?.intent;
    const round = record?.state === 'active' ? record.round : undefined;
    const isSteered = model.ledger.cordons().includes(`node/${round?.steer?.node}/${labelOf(record)}`);
    if (hasFailed || !isSteered || round === undefined || method !== 'GET' || path !== `/volumes/${VOLUME}`)
      return answer;
    const mend = fails(round);
    if (mend === undefined) return answer;
    hasFailed = true;
    clock.after(2 * MINUTE_MS, mend);
    return answer;
  });
}

const labelOf = (record: Intent | undefined): string => cordonLabelOf(record?.migrationId ?? '');
