import { classify, MayastorUnavailableError, probeOf } from '@couchestor/shared/mayastor';
import type { ChangeOperation, HttpAnswer, Outcome } from '@couchestor/shared/mayastor';
import { seenNode, seenPool, seenVolume, type Evidence, type SeenVolume } from '@couchestor/migrator/core-parts';
import type { CallFault, MayastorModel, Shown } from '@couchestor/simulator/mayastor';
import { faultOf, type ArrivingCall, type MayastorRoadOptions } from '../world/mayastor.ts';
import { upTo } from '../world/random.ts';
import { CALL_TIMEOUT_MS } from '../services/surroundings.ts';
import { settled, sleep, type Task } from './task.ts';
import type { Ways } from './ways.ts';

export type MayStart = () => boolean;

/** Mayastor as a process of the cores reaches it. Reads throw when there is no usable answer. */
export interface MayastorCalls {
  read<T>(path: string, what: (shown: Shown) => T): Task<T>;
  readVolume(volumeId: string): Task<SeenVolume | 'absent'>;
  readCluster(): Task<NonNullable<Evidence['cluster']>>;
  readOwners(volumeId: string): Task<NonNullable<Evidence['owners']>>;
  probeIdle(volumeId: string, mayStart: MayStart): Task<NonNullable<Evidence['idle']>>;
  change(operation: ChangeOperation, method: ArrivingCall['method'], path: string, mayStart: MayStart): Task<Outcome>;
}

export type Arrivals = Pick<
  MayastorRoadOptions,
  'onArrival' | 'onLateCall' | 'onCutOff' | 'onRead' | 'onThingsRead' | 'onVolumeRead'
>;

const READ_TIMEOUT_MS = 15_000;
const IMPOSSIBLE_COUNT = 255;
const replicasOnly = { replicas: true, snapshots: false, restores: false, import: false };

/** Made once for a world: hands calls to the model, with what is to go wrong there. */
export function createHandler(model: MayastorModel) {
  let fault: CallFault | undefined;
  model.faults.onCall(() => fault);
  return async (method: string, path: string, withFault: CallFault | undefined): Promise<HttpAnswer> => {
    fault = withFault;
    const isPool = path.startsWith('/pools/');
    const answering = model.handle({ method, path: `/v0${path}`, ...(isPool ? { body: replicasOnly } : {}) });
    fault = undefined;
    const { status, body } = await answering;
    // Nobody looks at what came of a call that was done.
    const text = status < 300 || body === null || body === undefined ? '' : JSON.stringify(body);
    return { kind: 'answered', status, body: text };
  };
}

export function createMayastorCalls(options: {
  readonly ways: Ways;
  readonly model: MayastorModel;
  readonly handle: ReturnType<typeof createHandler>;
  readonly arrivals: Arrivals;
  readonly standstillShare: number;
  readonly standstillMaxMs: number;
}): MayastorCalls {
  const { ways, model, handle, arrivals, standstillShare, standstillMaxMs } = options;
  const { process } = ways;
  const unavailable = (path: string): Error => new MayastorUnavailableError(path, 'no answer');

  function read<T>(path: string, what: (shown: Shown) => T): Task<T> {
    arrivals.onRead();
    return ways.ask(
      `GET ${path.split('/')[1]}`,
      READ_TIMEOUT_MS,
      () => {
        const shown = model.shown(`/v0${path}`);
        if (shown === undefined) throw unavailable(path);
        return what(shown);
      },
      () => unavailable(path),
    );
  }
  function* send(method: ArrivingCall['method'], path: string, kind: string, mayStart: MayStart): Task<HttpAnswer> {
    if (!process.isRunning) yield* sleep(process, 0);
    if (!mayStart()) return notSent('NotStarted');
    let lot = ways.lotFor(`${method} ${kind}`);
    if (lot !== undefined && ways.isMild(lot)) {
      if (lot.random() < 0.4) return notSent('Unreachable');
      yield* sleep(process, upTo(lot.random, 50));
      lot = undefined;
      if (!mayStart()) return notSent('NotStarted');
    }
    if (lot !== undefined && lot.random() < CRASH_SHARE) {
      if (lot.random() < 0.5) {
        void handle(method, path, undefined);
        arrivals.onArrival({ process, method, path });
      }
      return yield* ways.die();
    }
    if (lot !== undefined && lot.random() < standstillShare) {
      // What remains between the question whether it may and the socket.
      process.pauseFor(upTo(lot.random, standstillMaxMs));
      yield* sleep(process, 0);
      arrivals.onLateCall(path, process);
    }
    arrivals.onArrival({ process, method, path });
    if (lot !== undefined && lot.random() < 0.2) {
      void handle(method, path, undefined);
      yield* sleep(process, upTo(lot.random, 100));
      return { kind: 'lost', reason: 'broken', message: 'reset' };
    }
    const fault = lot === undefined ? undefined : faultOf(lot, method, undefined);
    if (fault?.kind === 'crash' && /replica_count|children/.test(path)) arrivals.onCutOff();
    const answer = yield* settled<HttpAnswer>(process, handle(method, path, fault), {
      ms: CALL_TIMEOUT_MS,
      late: () => ({ kind: 'lost', reason: 'timeout', message: 'no answer in time' }),
    });
    return answer;
  }
  function* change(
    operation: ChangeOperation,
    method: ArrivingCall['method'],
    path: string,
    mayStart: MayStart,
  ): Task<Outcome> {
    return classify(operation, yield* send(method, path, operation, mayStart));
  }
  return {
    read,
    change,
    readVolume: function* (volumeId) {
      const seen = yield* read(`/volumes/${volumeId}`, (shown) => {
        const volume = shown.volume(volumeId);
        return volume === undefined ? ('absent' as const) : seenVolume(volume);
      });
      arrivals.onVolumeRead(process, volumeId);
      return seen;
    },
    readCluster: function* () {
      const cluster = yield* read('/pools', (shown) => ({
        pools: new Map(shown.pools().map((pool) => [pool.id, seenPool(pool)])),
        nodes: new Map(shown.nodes().map((node) => [node.id, seenNode(node)])),
      }));
      arrivals.onThingsRead(process, cluster.pools);
      arrivals.onThingsRead(process, cluster.nodes);
      return cluster;
    },
    readOwners: (volumeId) =>
      read(
        '/specs',
        (shown) => new Map([...shown.owners(volumeId)].map(([replicaId, { nexusIds }]) => [replicaId, nexusIds])),
      ),
    probeIdle: function* (volumeId, mayStart) {
      const path = `/volumes/${volumeId}/replica_count/${IMPOSSIBLE_COUNT}`;
      const answer = probeOf(yield* change('probeIdle', 'PUT', path, mayStart));
      return answer === 'absent' ? 'unknown' : answer;
    },
  };
}

const CRASH_SHARE = 0.02;

const notSent = (reason: 'NotStarted' | 'Unreachable'): HttpAnswer => ({ kind: 'notSent', reason, message: reason });
