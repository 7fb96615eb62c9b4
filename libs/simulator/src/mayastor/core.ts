import { CoreGone, EngineFailure, pause } from './engine-calls.ts';
import { failures, RestFailure } from './errors.ts';
import type { CallFault } from './faults.ts';
import type { MayastorAnswer, Routed } from './route.ts';
import { refresh } from './view.ts';
import type { Cause } from './cause.ts';
import type { World } from './world.ts';

/** The answer that a failure becomes. */
export function answerOf(error: unknown): MayastorAnswer {
  if (error instanceof RestFailure) return { status: error.status, body: { ...error.body } };
  if (error instanceof EngineFailure) return answerOf(failures.engineCall(error.message));
  if (error instanceof CoreGone) return answerOf(failures.coreDied());
  throw error;
}

export interface Core {
  serve(route: Routed, fault: CallFault | undefined, cause: Cause): Promise<MayastorAnswer>;
  crash(downMs: number): void;
  freeze(): void;
  thaw(): void;
}

/** The core as the REST server meets it: up, down or standing still, and what waits for its answer. */
export function createCore(world: World, restarted: () => void): Core {
  /** Ends every call that the core was working on. */
  const inFlight = new Set<() => void>();
  let thawed: (() => void)[] = [];

  const crash = (downMs: number): void => {
    world.core.state = 'down';
    world.core.life += 1;
    const life = world.core.life;
    for (const volume of world.volumes.values()) volume.operation = undefined;
    for (const cut of Array.from(inFlight)) cut();
    if (!Number.isFinite(downMs)) return;
    world.clock.after(downMs, () => {
      if (world.core.life !== life) return;
      world.core.state = 'up';
      loadRecords(world);
      restarted();
    });
  };

  const work = async (route: Routed, cause: Cause): Promise<MayastorAnswer> => {
    if (world.core.state === 'down') return answerOf(failures.coreDown());
    try {
      return route.kind === 'read' ? route.run() : await route.run(cause);
    } catch (error) {
      return answerOf(error);
    }
  };

  const serve = (route: Routed, fault: CallFault | undefined, cause: Cause): Promise<MayastorAnswer> =>
    new Promise((resolve, reject) => {
      const { requestTimeoutMs, longRequestTimeoutMs } = world.timers;
      let waiting = true;
      let cancelTimer: (() => void) | undefined;
      const settle = (answer: MayastorAnswer): void => {
        if (!waiting) return;
        waiting = false;
        cancelTimer?.();
        inFlight.delete(cut);
        resolve(answer);
      };
      const cut = (): void => settle(answerOf(failures.coreDied()));
      if (world.core.state !== 'down' && fault?.kind !== 'refuse') {
        inFlight.add(cut);
        const patienceMs = route.kind === 'write' && route.long ? longRequestTimeoutMs : requestTimeoutMs;
        // A call that is answered before any time has passed, as most are, needs no timer.
        queueMicrotask(() => {
          if (waiting) cancelTimer = world.clock.after(patienceMs, () => settle(answerOf(failures.timeout())));
        });
      }
      const run = async (): Promise<void> => {
        switch (fault?.kind) {
          case 'refuse':
            return settle({
              status: fault.status,
              body: fault.body === null || fault.body === undefined ? null : { ...fault.body },
            });
          case 'timeout':
            if (fault.effectAfterMs !== undefined) {
              await pause(world, fault.effectAfterMs);
              await work(route, cause);
            }
            return;
          case 'delay': {
            if (fault.beforeMs !== undefined) await pause(world, fault.beforeMs);
            const answer = await work(route, cause);
            if (fault.afterMs !== undefined) await pause(world, fault.afterMs);
            return settle(answer);
          }
          case 'crash': {
            const downMs = fault.downMs ?? world.timers.coreRestartMs;
            if (fault.when === 'before') return crash(downMs);
            if (fault.when === 'during') world.clock.after(fault.afterMs ?? 1, () => crash(downMs));
            const answer = await work(route, cause);
            if (fault.when === 'after') return crash(downMs);
            return settle(answer);
          }
          case undefined:
            if (world.core.state === 'stuck') {
              await new Promise<void>((resume) => thawed.push(resume));
              // The REST server has given up, and with it the call.
              if (!waiting) return;
            }
            return settle(await work(route, cause));
        }
      };
      run().catch(reject);
    });

  return {
    serve,
    crash,
    freeze: () => {
      if (world.core.state === 'up') world.core.state = 'stuck';
    },
    thaw: () => {
      if (world.core.state !== 'stuck') return;
      world.core.state = 'up';
      const resumes = thawed;
      thawed = [];
      for (const resume of resumes) resume();
      restarted();
    },
  };
}

/** A core that starts reads its records in the order of their keys, asks its nodes, and settles what it had begun. */
function loadRecords(world: World): void {
  world.volumes.sortByKey();
  world.replicas.sortByKey();
  for (const nexus of world.nexuses.values()) refresh(world, nexus);
  for (const replica of Array.from(world.replicas.values())) {
    if (replica.record !== 'Creating') continue;
    if (replica.exists) replica.record = 'Created';
    else {
      replica.owner?.replicas.delete(replica);
      replica.owner = undefined;
      world.replicas.delete(replica.uuid);
    }
  }
  for (const node of world.nodes.values()) node.seenOnline = node.up;
}
