import type { HttpAnswer, HttpRequest, Transport } from '@couchestor/shared/mayastor';
import { calmVolumes } from '../world/calm-profile.ts';
import type { MayastorRoad } from '../world/mayastor.ts';
import type { SimulatedProcess } from '../world/process.ts';
import { volumeIdOf } from '../world/profile.ts';
import { iopsFor, type World } from '../world/world.ts';
import type { AimedWorld } from './aimed-world.ts';
import { through } from './in-between.ts';

/** Calls that are sent long after somebody looked whether they may be. */

const VOLUME = volumeIdOf(1);
const MINUTE_MS = 60_000;
/** By then another has taken the move over and brought it to its end. */
const STANDS_MS = 6 * MINUTE_MS;
/** A call without an answer may have its effect so late. */
const EFFECT_MS = 20_000;

const volume = { volumes: calmVolumes({ [VOLUME]: ['cold-n1', 'cold-n2'] }), troubleMs: 9 * MINUTE_MS };

/** Moved to the hot tier by somebody else, and back by another move, before that one goes on. */
function wantThereAndBack({ truth, clock }: World): void {
  truth.iops.set(VOLUME, iopsFor('hot'));
  clock.after(STANDS_MS / 2, () => truth.iops.set(VOLUME, iopsFor('cold')));
}

/** The first process that sends such a call stands still before it, after its last check. */
function standsBefore(
  { surroundings, truth }: World,
  isIt: (request: HttpRequest) => boolean,
  then: (process: SimulatedProcess, request: HttpRequest, transport: Transport) => Promise<HttpAnswer>,
  onStand: () => void = () => undefined,
): MayastorRoad {
  let hasStood = false;
  return through(surroundings.mayastor, async (request, transport, process) => {
    if (hasStood || !isIt(request) || request.mayStart?.() === false) return transport.send(request);
    hasStood = true;
    onStand();
    process.pauseFor(STANDS_MS);
    await process.running();
    truth.latePaths.set(request.path, process);
    return then(process, request, transport);
  });
}

const sent = (_: SimulatedProcess, request: HttpRequest, transport: Transport): Promise<HttpAnswer> =>
  transport.send({ ...request, mayStart: () => true });
const isPoolCordon = ({ method, path }: HttpRequest): boolean =>
  method === 'PUT' && /^\/pools\/hot-.*\/cordon$/.test(path);

export const lateCalls = {
  'a count that comes after its move': {
    says: 'who asks for one replica more stands still before it, until another has ended the move, which a person aborts',
    profile: () => volume,
    stage: (world) => {
      world.truth.iops.set(VOLUME, iopsFor('hot'));
      const onStand = (): void => {
        const abort = world.bus.intents.get(VOLUME)?.intent.migrationId;
        world.kubernetes.putPersistentVolume(VOLUME, { abort, hold: 'true' });
      };
      const isGrowth = ({ path }: HttpRequest): boolean => path.endsWith('/replica_count/3');
      return { mayastor: standsBefore(world, isGrowth, sent, onStand) };
    },
  },
  'a cordon that comes after its move': {
    says: 'who closes a pool stands still before it, until others have ended the move and one more',
    profile: () => volume,
    stage: (world) => {
      wantThereAndBack(world);
      return { mayastor: standsBefore(world, isPoolCordon, sent) };
    },
  },
  'a cordon that comes after its move, and after it was given up': {
    says: 'the same, and the cordon has no answer and takes effect later still',
    profile: () => volume,
    stage: (world) => {
      const { model, clock } = world;
      wantThereAndBack(world);
      const lost = (_: SimulatedProcess, { path, body }: HttpRequest): Promise<HttpAnswer> => {
        const cordon = { method: 'PUT', path: `/v0${path}`, body: JSON.parse(body ?? '{}') as unknown };
        clock.after(EFFECT_MS, () => void model.handle(cordon));
        return Promise.resolve({ kind: 'lost', reason: 'timeout', message: 'no answer in time' });
      };
      return { mayastor: standsBefore(world, isPoolCordon, lost) };
    },
  },
} as const satisfies Readonly<Record<string, AimedWorld>>;
