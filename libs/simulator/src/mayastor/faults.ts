import { destroyNexus, faultChild, noteRedundancy, stopNexus } from './data-path.ts';
import type { Nexus, StorageNode } from './entities.ts';
import type { ErrorBody } from './errors.ts';
import { nodeOf, poolOf } from './nodes-and-pools.ts';
import { moveTargetsWhile } from './target-moves.ts';
import { refresh } from './view.ts';
import type { EngineCallKind, World } from './world.ts';

/** What a hook can do to one REST call. */
export type CallFault =
  /** Answered by the REST server alone; the core never hears of it. */
  | { readonly kind: 'refuse'; readonly status: number; readonly body?: ErrorBody | null }
  /** 503 `Aborted` after the request time-out. With `effectAfterMs` the core does it nevertheless, that much later. */
  | { readonly kind: 'timeout'; readonly effectAfterMs?: number }
  /** Waits before the core hears of it, and before its answer is given. */
  | { readonly kind: 'delay'; readonly beforeMs?: number; readonly afterMs?: number }
  /** The core dies: before it hears of the call, `afterMs` into it, or when it is done but not answered yet. */
  | {
      readonly kind: 'crash';
      readonly when: 'before' | 'during' | 'after';
      readonly afterMs?: number;
      readonly downMs?: number;
    };

export interface CallSeen {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

export type CallHook = (call: CallSeen) => CallFault | undefined;
export type EngineDelayHook = (call: EngineCallKind, node: string) => number | undefined;

/** Trouble on demand. Everything takes effect at once; ids that do not exist throw. */
export interface Faults {
  /** Asks `hook` about every call, the last one added first; the first fault found is the one. Returns its removal. */
  onCall(hook: CallHook): () => void;
  /** Makes calls of the core to engines slow: milliseconds, or undefined for the usual time. Returns its removal. */
  onEngineCall(hook: EngineDelayHook): () => void;
  /** The engine of a node stops; in good order the core hears of it soon, else when its deadline passes. */
  nodeDown(id: string, how?: { readonly graceful?: boolean }): void;
  nodeUp(id: string): void;
  /** The engine goes on with I/O and answers no call. */
  nodeHangs(id: string): void;
  nodeRecovers(id: string): void;
  poolFaulted(id: string): void;
  poolRecovers(id: string): void;
  /** Fails the rebuild of every replica of a volume; false if none runs. */
  failRebuild(volume: string): boolean;
  /** Kill -9: what was in flight is cut off; `downMs` is how long until answers come again. */
  crashCore(downMs?: number): void;
  /** The core stops and starts again in good order; the default is 100 ms. */
  restartCore(downMs?: number): void;
  /** The core stands still (SIGSTOP) until `thawCore`. */
  freezeCore(): void;
  thawCore(): void;
  /** etcd hangs: reads are answered, writes are not. */
  storeHangs(): void;
  storeRecovers(): void;
}

export interface CoreControl {
  crash(downMs: number): void;
  freeze(): void;
  thaw(): void;
}

export interface FaultBoard extends Faults {
  faultOf(call: CallSeen): CallFault | undefined;
}

const gracefulRestartMs = 100;
/** After a hang of the store the core takes its time to write the records that it owes. */
const owedWritesMs = 30_000;

export function createFaults(world: World, core: CoreControl): FaultBoard {
  const callHooks: CallHook[] = [];
  const engineHooks: EngineDelayHook[] = [];
  world.engineDelay = (call, node) => {
    for (const hook of engineHooks) {
      const delayMs = hook(call, node.id);
      if (delayMs !== undefined) return delayMs;
    }
    return undefined;
  };
  const added = <T>(hooks: T[], hook: T): (() => void) => {
    hooks.unshift(hook);
    return () => {
      const position = hooks.indexOf(hook);
      if (position >= 0) hooks.splice(position, 1);
    };
  };

  return {
    onCall: (hook) => added(callHooks, hook),
    onEngineCall: (hook) => added(engineHooks, hook),
    faultOf: (call) => {
      for (const hook of callHooks) {
        const fault = hook(call);
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
    nodeDown: (id, how) => nodeDown(world, nodeOf(world, id), how?.graceful ?? true),
    nodeUp: (id) => nodeUp(world, nodeOf(world, id)),
    nodeHangs: (id) => {
      nodeOf(world, id).hung = true;
    },
    nodeRecovers: (id) => {
      nodeOf(world, id).hung = false;
      world.passSoon();
    },
    poolFaulted: (id) => {
      const pool = poolOf(world, id);
      pool.faulted = true;
      for (const replica of pool.replicas) {
        const nexus = nexusWith(world, replica.madeFor.target?.nexus);
        const child = nexus?.children.find((entry) => entry.replica === replica);
        if (nexus !== undefined && child !== undefined) faultChild(world, nexus, child);
        noteRedundancy(world, replica.madeFor, { kind: 'fault' });
      }
    },
    poolRecovers: (id) => {
      const pool = poolOf(world, id);
      pool.faulted = false;
      for (const replica of pool.replicas) {
        noteRedundancy(world, replica.madeFor, { kind: 'fault' });
        world.wake(replica.madeFor);
      }
    },
    failRebuild: (id) => {
      const nexus = world.volumes.get(id)?.target?.nexus;
      const rebuilding = nexus?.children.filter((child) => child.rebuild !== undefined) ?? [];
      for (const child of rebuilding) if (nexus !== undefined) faultChild(world, nexus, child);
      return rebuilding.length > 0;
    },
    crashCore: (downMs) => core.crash(downMs ?? world.timers.coreRestartMs),
    restartCore: (downMs) => core.crash(downMs ?? gracefulRestartMs),
    freezeCore: () => core.freeze(),
    thawCore: () => core.thaw(),
    storeHangs: () => {
      world.storeStuck = true;
    },
    storeRecovers: () => {
      world.storeStuck = false;
      world.clock.after(owedWritesMs, () => {
        for (const node of world.nodes.values()) if (!world.storeStuck) node.storeDirty = false;
      });
    },
  };
}

function nexusWith(world: World, nexus: Nexus | undefined): Nexus | undefined {
  return nexus !== undefined && nexus.exists && world.nexuses.has(nexus.uuid) ? nexus : undefined;
}

function nodeDown(world: World, node: StorageNode, graceful: boolean): void {
  if (!node.up) return;
  node.up = false;
  node.hung = false;
  const start = node.engineStarts;
  for (const nexus of node.nexuses) stopNexus(world, nexus);
  for (const pool of node.pools) {
    pool.meter.reset();
    for (const replica of pool.replicas) {
      replica.meter.reset();
      noteRedundancy(world, replica.madeFor, { kind: 'fault' });
    }
  }
  const stillDown = (): boolean => !node.up && node.engineStarts === start;
  world.clock.after(world.timers.childFaultMs, () => {
    if (!stillDown()) return;
    for (const pool of node.pools)
      for (const replica of pool.replicas) faultChildOf(world, replica.madeFor.target?.nexus, replica.uuid);
  });
  world.clock.after(graceful ? world.timers.nodeNoticeMs : world.timers.nodeDeadlineMs, () => {
    if (stillDown()) node.seenOnline = false;
  });
  if (Number.isFinite(world.timers.failoverMs)) moveTargetsWhile(world, node, world.timers.failoverMs, stillDown);
}

function faultChildOf(world: World, of: Nexus | undefined, replica: string): void {
  const nexus = nexusWith(world, of);
  const child = nexus?.children.find((entry) => entry.replica.uuid === replica);
  if (nexus !== undefined && child !== undefined) faultChild(world, nexus, child);
}

function nodeUp(world: World, node: StorageNode): void {
  if (node.up) return;
  node.up = true;
  node.engineStarts += 1;
  const start = node.engineStarts;
  for (const pool of node.pools) {
    for (const replica of pool.replicas) noteRedundancy(world, replica.madeFor, { kind: 'fault' });
  }
  world.clock.after(world.timers.nodeNoticeMs, () => {
    if (!node.up || node.engineStarts !== start) return;
    node.seenOnline = true;
    for (const nexus of Array.from(node.nexuses)) {
      if (nexus.shutdown) {
        // A target that was shut down does not come back with its engine, and owns nothing from here on.
        nexus.volume.shutdownTargets = nexus.volume.shutdownTargets.filter((other) => other !== nexus);
        destroyNexus(world, nexus, nexus.volume.replicas);
      } else refresh(world, nexus);
      world.wake(nexus.volume);
    }
    for (const pool of node.pools) for (const replica of pool.replicas) world.wake(replica.madeFor);
    world.passSoon();
  });
}
