import { BusUnavailableError } from '@couchestor/shared/bus';
import type { ActiveIntent } from '@couchestor/shared/messages';
import type { SimulatedBus } from '../bus/simulated-bus.ts';
import type { Fleet } from '../fleet.ts';
import { requestOutOfTurn } from '../out-of-turn.ts';
import { calmVolumes } from '../world/calm-profile.ts';
import type { SimulatedProcess } from '../world/process.ts';
import { volumeIdOf } from '../world/profile.ts';
import { seededRandom } from '@couchestor/shared/random';
import { iopsFor, type World } from '../world/world.ts';
import type { AimedWorld } from './aimed-world.ts';
import { through, withIntents } from './in-between.ts';

/** Whose a move is: records, room, requests and fences of somebody who has it no more. */

const MINUTE_MS = 60_000;
const [first, second, ...onTier] = [1, 2, 3, 4].map(volumeIdOf) as [string, string, string, string];
/** Longer than a lease lives and its next owner waits. */
const STANDS_MS = 70_000;

const moveOf = ({ bus }: World, volumeId: string): ActiveIntent | undefined => {
  const record = bus.intents.get(volumeId)?.intent;
  return record?.state === 'active' ? record : undefined;
};
const ownerOf = (fleet: Fleet, move: ActiveIntent | undefined): SimulatedProcess | undefined =>
  fleet.running('migrator').find(({ name }) => name === move?.owner);

/** Of the first move a write has no answer, and who sent it stands still when it has found out that it is not stored. */
function lostWrite({ bus }: World): SimulatedBus {
  let hasLost = false;
  let hasStood = false;
  return withIntents(bus, (own, process) => {
    let isMine = false;
    return {
      update: async (intent, ...rest) => {
        const isIt = !hasLost && intent.state === 'active' && intent.round?.addedAt !== undefined;
        if (!isIt) return own.update(intent, ...rest);
        hasLost = true;
        isMine = true;
        await process.clock.sleep(2_000);
        throw new BusUnavailableError('a write of the intent');
      },
      get: async (...about) => {
        const stored = await own.get(...about);
        if (isMine && !hasStood) {
          hasStood = true;
          process.pauseFor(STANDS_MS);
          await process.running();
        }
        return stored;
      },
    };
  });
}

/** Who writes the end of a move dies before it tells it, and somebody asks for another move of the volume at once. */
function diesBeforeItTells(world: World): SimulatedBus {
  const { bus, clock } = world;
  const random = seededRandom(1);
  let isDone = false;
  return withIntents(bus, (own, process) => ({
    update: async (intent, ...rest) => {
      const revision = await own.update(intent, ...rest);
      if (isDone || intent.state !== 'ended') return revision;
      isDone = true;
      process.kill();
      for (let ms = 500; ms < 30_000; ms += 500) clock.after(ms, () => void requestOutOfTurn(world, random, first));
      return await new Promise(() => undefined);
    },
  }));
}

export const owners = {
  'an end that is not told when its volume moves again': {
    says: 'who ends a move dies before it tells that, and another takes up the next move of the volume',
    profile: () => ({ volumes: calmVolumes({ [first]: ['cold-n1'] }), migrators: 3 }),
    stage: (world) => {
      world.truth.iops.set(first, iopsFor('hot'));
      world.clock.after(2 * MINUTE_MS, () => world.truth.iops.set(first, iopsFor('cold')));
      return { bus: diesBeforeItTells(world) };
    },
  },
  'a write without an answer, and a stand after it was looked for': {
    says: 'who wrote the record of a move stands still once it knows that the write is lost, until another has the move',
    profile: () => ({ volumes: calmVolumes({ [first]: ['cold-n1'] }), isThin: false, rebuildMs: 4 * MINUTE_MS }),
    stage: (world) => {
      world.truth.iops.set(first, iopsFor('hot'));
      return { bus: lostWrite(world) };
    },
  },
  'room that an owner of before asks for': {
    says: 'who asks Redis for the room of a round stands still, and what it asked arrives when another has the move',
    profile: () => ({
      volumes: calmVolumes({ [first]: ['cold-n1', 'cold-n2'] }),
      isThin: false,
      rebuildMs: MINUTE_MS,
      troubleMs: 12 * MINUTE_MS,
    }),
    stage: (world, fleet) => {
      const { leaseServer, clock, truth } = world;
      truth.iops.set(first, iopsFor('hot'));
      let isLate = false;
      return {
        leaseServer: {
          ...leaseServer,
          hold: async (request) => {
            const move = moveOf(world, first);
            const isOfRound = request.holds.some(({ key }) => key.startsWith('pool/'));
            if (isLate || !isOfRound || move === undefined || move.replicasMoved === 0)
              return leaseServer.hold(request);
            isLate = true;
            ownerOf(fleet, move)?.pauseFor(STANDS_MS);
            await clock.sleep(STANDS_MS - 5_000);
            return leaseServer.hold(request);
          },
        },
      };
    },
  },
  'a request that comes again after its move was aborted': {
    says: 'a person aborts a move, and what asked for it is delivered once more',
    profile: () => ({ volumes: calmVolumes({ [first]: ['cold-n1'] }), isThin: false, rebuildMs: MINUTE_MS }),
    stage: (world) => {
      const { truth, clock, bus, kubernetes } = world;
      truth.iops.set(first, iopsFor('cold'));
      const random = seededRandom(1);
      clock.after(MINUTE_MS, () => {
        const migrationId = requestOutOfTurn(world, random, first);
        if (migrationId === undefined) return;
        clock.after(2_000, () => kubernetes.putPersistentVolume(first, { abort: migrationId }));
        for (let ms = 20_000; ms < 58_000; ms += 1_000) clock.after(ms, () => bus.repeatRequest(random, migrationId));
      });
      return undefined;
    },
  },
  'the fence of a dead migrator': {
    says: 'a migrator dies when it has closed the only pool to which another move can go',
    profile: () => ({
      volumes: calmVolumes({
        [first]: ['cold-n1', 'cold-n2'],
        [second]: ['cold-n1', 'hot-n3'],
        ...Object.fromEntries(onTier.map((id) => [id, ['hot-n4']])),
      }),
      tiersOf: (node) => (node === 'n3' || node === 'n4' ? ['hot'] : ['cold']),
      migrators: 3,
    }),
    stage: (world, fleet) => {
      const { truth, kubernetes, surroundings } = world;
      for (const id of [first, second, ...onTier]) truth.iops.set(id, iopsFor('hot'));
      kubernetes.putPersistentVolume(second, { hold: 'true' });
      let hasDied = false;
      return {
        mayastor: through(surroundings.mayastor, async (request, transport, process) => {
          const answer = await transport.send(request);
          const isClosed = request.method === 'PUT' && request.path === '/pools/hot-n4/cordon';
          if (isClosed && !hasDied && ownerOf(fleet, moveOf(world, first)) === process) {
            hasDied = true;
            kubernetes.putPersistentVolume(second, { hold: undefined });
            process.kill();
          }
          return answer;
        }),
      };
    },
  },
} as const satisfies Readonly<Record<string, AimedWorld>>;
