import type { Clock } from '@couchestor/shared/clock';
import type { HttpAnswer, HttpRequest, Transport } from '@couchestor/shared/mayastor';
import type { CallFault, ErrorBody, MayastorModel } from '@couchestor/simulator/mayastor';
import type { Chaos, Lot } from './chaos.ts';
import type { SimulatedProcess } from './process.ts';
import { lateMs } from './network.ts';
import type { Emphasis } from './profile.ts';
import { upTo } from './random.ts';

/** Requests of the services on their way to the model, and what happens to them there. */
export interface MayastorRoad {
  transportOf(process: SimulatedProcess): Transport;
}

/** A request that changes something, in the moment in which it reaches Mayastor. */
export interface ArrivingCall {
  readonly process: SimulatedProcess;
  readonly method: 'PUT' | 'DELETE';
  /** Below `/v0`. */
  readonly path: string;
}

export interface MayastorRoadOptions {
  readonly clock: Clock;
  readonly chaos: Chaos;
  readonly model: MayastorModel;
  /** Share of changing calls, of those that go wrong, before which the process stands still after it was asked whether it may. */
  readonly standstillShare: number;
  readonly standstillMaxMs: number;
  readonly emphasis: Pick<Emphasis, 'standsBefore' | 'lateEffectShare' | 'readsLateMs'>;
  readonly onArrival: (call: ArrivingCall) => void;
  /** The process stood still between its last check and this call. */
  readonly onLateCall: (path: string, process: SimulatedProcess) => void;
  /** The core dies in the middle of a change of a volume. */
  readonly onCutOff: () => void;
  readonly onRead: () => void;
  /** Who asked is told of each node, or of each pool, whether it is online. */
  readonly onThingsRead: (process: SimulatedProcess, shown: ReadonlyMap<string, ShownThing>) => void;
  /** The answer to a read of one volume reaches who asked. */
  readonly onVolumeRead: (process: SimulatedProcess, volumeId: string) => void;
}

/** A node or a pool. */
interface ShownThing {
  readonly online: boolean;
}

const CRASH_SHARE = 0.006;
/** In the meantime another takes the move over. */
const LATE_LEAST_MS = 70_000;
/** By then a call without an answer has had its effect, or never has it. */
const LATE_EFFECT_MAX_MS = 29_000;

export function createMayastorRoad(options: MayastorRoadOptions): MayastorRoad {
  const {
    clock,
    chaos,
    model,
    standstillShare,
    standstillMaxMs,
    emphasis: { standsBefore, lateEffectShare, readsLateMs },
    onArrival,
    onLateCall,
    onCutOff,
    onRead,
    onThingsRead,
    onVolumeRead,
  } = options;
  /** For the call that is handed to the model at this moment. */
  let fault: CallFault | undefined;
  model.faults.onCall(() => fault);

  const handle = async (request: HttpRequest, withFault: CallFault | undefined): Promise<HttpAnswer> => {
    fault = withFault;
    const answering = model.handle({
      method: request.method,
      path: `/v0${request.path}`,
      ...(request.body === undefined ? {} : { body: JSON.parse(request.body) as unknown }),
    });
    fault = undefined;
    const { status, body } = await answering;
    if (status === 200 && request.method === 'GET') return { kind: 'answered', status, body: '', value: body };
    return { kind: 'answered', status, body: body === undefined || body === null ? '' : JSON.stringify(body) };
  };

  /** Resolves when the answer is there, the deadline is over or the sender gave up. */
  const untilAnswered = (
    process: SimulatedProcess,
    request: HttpRequest,
    answering: Promise<HttpAnswer>,
  ): Promise<HttpAnswer> =>
    new Promise((resolve, reject) => {
      let hasSettled = false;
      const settle = (answer: HttpAnswer): void => {
        if (hasSettled) return;
        hasSettled = true;
        cancel();
        request.signal?.removeEventListener('abort', abandon);
        resolve(answer);
      };
      const abandon = (): void => settle({ kind: 'lost', reason: 'aborted', message: 'aborted on our side' });
      const cancel = process.clock.after(request.timeoutMs, () =>
        settle({ kind: 'lost', reason: 'timeout', message: 'no answer in time' }),
      );
      request.signal?.addEventListener('abort', abandon, { once: true });
      answering.then((answer) => process.deliver(() => settle(answer)), reject);
    });

  const send = async (process: SimulatedProcess, request: HttpRequest): Promise<HttpAnswer> => {
    if (!process.isRunning) await process.running();
    const { method, path } = request;
    if (request.mayStart?.() === false) {
      return { kind: 'notSent', reason: 'NotStarted', message: 'not allowed to start' };
    }
    if (request.signal?.aborted === true) return { kind: 'notSent', reason: 'NotStarted', message: 'aborted' };
    let lot = chaos.at(`${process.name}/${method} ${routeOf(path)}`);
    if (lot !== undefined && lot.random() < CRASH_SHARE) {
      if (lot.random() < 0.5) return never(process);
      void handle(request, undefined);
      if (method !== 'GET') onArrival({ process, method, path });
      return never(process);
    }
    if (lot !== undefined && readsLateMs !== undefined && method === 'GET') {
      await process.clock.sleep(upTo(lot.random, readsLateMs));
      lot = undefined;
    }
    const kind = lot?.random() ?? 1;
    if (lot !== undefined && kind < 0.15) return { kind: 'notSent', reason: 'Unreachable', message: 'refused' };
    if (method === 'GET') onRead();
    else {
      // What remains between that question and the socket.
      if (
        lot !== undefined &&
        lot.random() < standstillShare * (standsBefore === undefined ? 1 : shareOfLate(standsBefore, method, path))
      ) {
        const leastMs = standsBefore === undefined ? 0 : LATE_LEAST_MS;
        process.pauseFor(leastMs + upTo(lot.random, standstillMaxMs - leastMs));
        await process.running();
        onLateCall(path, process);
        // That it is late is enough for a count.
        if (standsBefore !== undefined && path.includes('/replica_count/')) lot = undefined;
      }
      onArrival({ process, method, path });
    }
    if (lot !== undefined && kind < 0.3) {
      // It arrives and is done, and the connection breaks before the answer.
      void handle(request, undefined);
      await process.clock.sleep(upTo(lot.random, 100));
      return { kind: 'lost', reason: 'broken', message: 'reset' };
    }
    const withFault = lot === undefined ? undefined : faultOf(lot, method, lateEffectShare);
    if (withFault?.kind === 'crash' && /replica_count|children/.test(path)) onCutOff();
    const answer = await untilAnswered(process, request, handle(request, withFault));
    const [, volumeId] = /^\/volumes\/([^/?]+)$/.exec(path) ?? [];
    if (method === 'GET' && volumeId !== undefined && answer.kind === 'answered') onVolumeRead(process, volumeId);
    if (method === 'GET' && (path === '/nodes' || path === '/pools') && answer.kind === 'answered')
      onThingsRead(process, thingsIn(answer.value));
    return answer;
  };

  void clock;
  return {
    transportOf: (process) => ({
      send: (request) => send(process, request),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  };
}

function thingsIn(value: unknown): ReadonlyMap<string, ShownThing> {
  const things = Array.isArray(value)
    ? (value as readonly { readonly id: string; readonly state?: { readonly status: string } }[])
    : [];
  return new Map(things.map(({ id, state }) => [id, { online: state?.status === 'Online' }]));
}

function never(process: SimulatedProcess): Promise<never> {
  process.kill();
  return new Promise(() => undefined);
}

/** What has to be undone when it comes at another time than it was meant for; there are more cordons than counts. */
function shareOfLate(before: 'counts' | 'cordons', method: string, path: string): number {
  if (method === 'PUT' && /replica_count\/(?!255)/.test(path)) return before === 'counts' ? 1 : 0;
  return method === 'PUT' && path.includes('/cordon') ? (before === 'cordons' ? 1 : 0.2) : 0;
}

export function faultOf(lot: Lot, method: string, lateEffectShare: number | undefined): CallFault {
  if (lateEffectShare !== undefined && method !== 'GET' && lot.random() < lateEffectShare)
    return { kind: 'timeout', effectAfterMs: upTo(lot.random, LATE_EFFECT_MAX_MS) };
  const kind = lot.random();
  if (kind < 0.05) return { kind: 'timeout' };
  if (kind < 0.1) return { kind: 'timeout', effectAfterMs: upTo(lot.random, 12_000) };
  if (kind < 0.6) return { kind: 'delay', beforeMs: lateMs(lot.random, 6_000), afterMs: lateMs(lot.random, 6_000) };
  if (kind < 0.97 || method === 'GET') return { kind: 'refuse', status: 503, body: unavailable };
  return { kind: 'crash', when: kind < 0.985 ? 'during' : 'after' };
}

const unavailable: ErrorBody = {
  kind: 'Unavailable',
  message: 'status: Unavailable, message: "error trying to connect: tcp connect error"',
  details: '',
};

/** The path without what tells one object from another. */
function routeOf(path: string): string {
  const [, kind = '', , action = ''] = path.split('?')[0]?.split('/') ?? [];
  return `${kind}/${action}`;
}
