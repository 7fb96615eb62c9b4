import { createNexus, newReplica, noteRedundancy, putOnDisk } from './data-path.ts';
import { CoreGone, EngineFailure, pause } from './engine-calls.ts';
import type { Volume } from './entities.ts';
import { failures, RestFailure } from './errors.ts';
import { createFaults, type CallFault, type Faults } from './faults.ts';
import { charge } from './capacity.ts';
import type { Ledger } from './ledger.ts';
import { createLoadCurve, type Load } from './load.ts';
import { renderMetrics } from './metrics.ts';
import { addNode, addPool, nodeOf, poolOf, type NewNode, type NewPool } from './nodes-and-pools.ts';
import type { MayastorModelOptions, MayastorVersion } from './options.ts';
import { placementCandidates } from './placement.ts';
import { startReconcilers } from './reconcilers.ts';
import { routeOf, type MayastorAnswer, type MayastorRequest, type Routed } from './routes.ts';
import { refresh } from './view.ts';
import { finishCreation, newVolume, type NewVolume } from './volumes.ts';
import { createWorld, now, type Cause, type World } from './world.ts';

export interface VolumeToCreate extends Partial<NewVolume> {
  readonly uuid: string;
  readonly sizeBytes: number;
  /** Pools of its replicas, in this order; scheduled like any other volume unless told. */
  readonly placement?: readonly string[];
  /** Node of its target; unpublished unless told. */
  readonly publishedOn?: string;
  /** Snapshots that it has from the start. */
  readonly snapshots?: number;
  readonly load?: Load;
}

/** The truth about a volume, for whoever checks what a controller did to it. */
export interface VolumeTruth {
  readonly uuid: string;
  readonly replicaCount: number;
  readonly busy: boolean;
  readonly target: { readonly node: string; readonly nexus: string; readonly exists: boolean } | undefined;
  readonly replicas: readonly {
    readonly uuid: string;
    readonly pool: string;
    readonly node: string;
    readonly synced: boolean;
    readonly rebuilding: boolean;
    readonly inNexus: boolean;
    readonly nexusOwners: readonly string[];
  }[];
}

/** A model of Mayastor's control plane and of the engines under it: no I/O, no time or chance of its own. */
export interface MayastorModel {
  /** Answers one REST request, as soon as the server would. Never rejects. */
  handle(request: MayastorRequest): Promise<MayastorAnswer>;
  readonly version: MayastorVersion;
  readonly ledger: Ledger;
  readonly faults: Faults;
  addNode(node: NewNode): void;
  addPool(pool: NewPool): void;
  /** Makes a volume at once, without calls to engines. Throws where the API would refuse. */
  createVolume(volume: VolumeToCreate): void;
  /** Gives a volume another load from now on; undefined ends it. */
  setLoad(volume: string, load: Load | undefined): void;
  /** Operations per second that a volume's load asks for now, published or not; 0 without a load. */
  iops(volume: string): number;
  /** Speed of rebuilds that start from now on. */
  setRebuildSpeed(bytesPerSecond: number): void;
  /** Rebuilds allowed at a time in the whole cluster; undefined for no limit. */
  setMaxRebuilds(limit: number | undefined): void;
  volume(uuid: string): VolumeTruth | undefined;
  volumeIds(): string[];
  nodeIds(): string[];
  poolIds(): string[];
  /** Replicas on disks that no volume owns. */
  orphans(): string[];
  /** Text of the exporter of one node, or of all that run; undefined if that node does not run. */
  renderMetrics(node?: string): string | undefined;
}

export function createMayastorModel(options: MayastorModelOptions): MayastorModel {
  const world = createWorld(options);
  const reconcilers = startReconcilers(world);
  const core = createCore(world, reconcilers.coreRestarted);
  const faults = createFaults(world, core);

  const handle = async (request: MayastorRequest): Promise<MayastorAnswer> => {
    let route: Routed | undefined;
    try {
      route = routeOf(world, request);
    } catch (error) {
      return answerOf(error);
    }
    if (route === undefined) return { status: 404, body: null };
    const fault = faults.faultOf({ method: request.method, path: request.path, body: request.body });
    if (route.kind === 'read' && fault === undefined && world.core.state === 'up') {
      try {
        return route.run();
      } catch (error) {
        return answerOf(error);
      }
    }
    const entry = route.kind === 'read' ? undefined : world.ledger.callStarted(request.method, request.path);
    const answer = await core.serve(route, fault, { kind: 'operation', call: entry?.number ?? 0 });
    if (entry !== undefined) world.ledger.callEnded(entry, answer.status);
    return answer;
  };

  return {
    handle,
    version: world.version,
    ledger: world.ledger,
    faults,
    addNode: (node) => void addNode(world, node),
    addPool: (pool) => void addPool(world, pool),
    createVolume: (wanted) => placeVolume(world, wanted),
    setLoad: (id, load) => setLoad(world, knownVolume(world, id), load),
    iops: (id) => world.loads.get(id)?.iopsAt(now(world)) ?? 0,
    setRebuildSpeed: (bytesPerSecond) => {
      world.rebuildBytesPerSecond = bytesPerSecond;
    },
    setMaxRebuilds: (limit) => {
      world.maxRebuilds = limit;
    },
    volume: (id) => truthOf(world.volumes.get(id)),
    volumeIds: () => [...world.volumes.values()].map((volume) => volume.uuid),
    nodeIds: () => [...world.nodes.keys()],
    poolIds: () => [...world.pools.keys()],
    orphans: () => {
      const ids: string[] = [];
      for (const pool of world.pools.values()) {
        for (const replica of pool.replicas) if (replica.owner === undefined) ids.push(replica.uuid);
      }
      return ids;
    },
    renderMetrics: (id) => {
      if (id === undefined)
        return renderMetrics(
          world,
          [...world.nodes.values()].filter((node) => node.up),
        );
      const node = world.nodes.get(id);
      return node?.up === true ? renderMetrics(world, [node]) : undefined;
    },
  };
}

function answerOf(error: unknown): MayastorAnswer {
  if (error instanceof RestFailure) return { status: error.status, body: { ...error.body } };
  if (error instanceof EngineFailure) return answerOf(failures.engineCall(error.message));
  if (error instanceof CoreGone) return answerOf(failures.coreDied());
  throw error;
}

interface Core {
  serve(route: Routed, fault: CallFault | undefined, cause: Cause): Promise<MayastorAnswer>;
  crash(downMs: number): void;
  freeze(): void;
  thaw(): void;
}

/** The core as the REST server meets it: up, down or standing still, and what waits for its answer. */
function createCore(world: World, restarted: () => void): Core {
  /** Ends every call that the core was working on. */
  const inFlight = new Set<() => void>();
  let thawed: (() => void)[] = [];

  const crash = (downMs: number): void => {
    world.core.state = 'down';
    world.core.life += 1;
    const life = world.core.life;
    for (const volume of world.volumes.values()) volume.operation = undefined;
    for (const cut of Array.from(inFlight)) cut();
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
      world.core.state = 'stuck';
    },
    thaw: () => {
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

function knownVolume(world: World, id: string): Volume {
  const volume = world.volumes.get(id);
  if (volume === undefined) throw failures.volumeNotFound(id);
  return volume;
}

function placeVolume(world: World, wanted: VolumeToCreate): void {
  const replicas = wanted.replicas ?? wanted.placement?.length ?? 1;
  const volume = newVolume(world, { thin: true, selfHeal: true, ...wanted, replicas });
  for (const pool of poolsFor(world, volume, wanted.placement)) {
    const replica = newReplica(world, volume, pool);
    replica.record = 'Created';
    replica.synced = true;
    replica.allocatedBytes = volume.thin ? volume.allocatedBytes : volume.sizeBytes;
    volume.replicas.add(replica);
    world.replicas.set(replica.uuid, replica);
    putOnDisk(replica);
  }
  finishCreation(world, volume);
  for (let snapshot = 0; snapshot < (wanted.snapshots ?? 0); snapshot += 1) addSnapshot(world, volume);
  if (wanted.load !== undefined) world.loads.set(volume.uuid, createLoadCurve(wanted.load));
  if (wanted.publishedOn !== undefined) {
    const node = nodeOf(world, wanted.publishedOn);
    const uuid = world.newId('nexus', { volume: volume.uuid });
    volume.healthy = new Set([...volume.replicas].map((replica) => replica.uuid));
    volume.cleanShutdown = false;
    const nexus = createNexus(world, { volume, node, replicas: [...volume.replicas], uuid });
    volume.target = { node, nexus, frontendNodes: [] };
  }
  noteRedundancy(world, volume, { kind: 'selfHeal' });
}

function poolsFor(world: World, volume: Volume, placement: readonly string[] | undefined): ReturnType<typeof poolOf>[] {
  if (placement !== undefined) return placement.map((id) => poolOf(world, id));
  const nodes = new Set<string>();
  const pools = placementCandidates(world, volume).filter((pool) => {
    if (nodes.has(pool.node.id) || nodes.size === volume.replicaCount) return false;
    nodes.add(pool.node.id);
    return true;
  });
  if (pools.length < volume.replicaCount)
    throw pools.length === 0 ? failures.noPools() : failures.createNumber(volume.uuid);
  return pools;
}

function addSnapshot(world: World, volume: Volume): void {
  const uuid = world.newId('snapshot', { volume: volume.uuid });
  const snapshot = {
    uuid,
    volume: volume.uuid,
    sizeBytes: volume.sizeBytes,
    allocatedBytes: volume.allocatedBytes,
    createdAtMs: now(world),
    replicas: [...volume.replicas].map((replica) => {
      replica.snapshotBytes += volume.allocatedBytes;
      charge(replica);
      return { uuid: world.newId('snapshot', { replica: replica.uuid }), source: replica.uuid, pool: replica.pool };
    }),
  };
  world.snapshots.set(uuid, snapshot);
  volume.snapshots.add(snapshot);
  volume.hadSnapshots = true;
}

function setLoad(world: World, volume: Volume, load: Load | undefined): void {
  if (load === undefined) world.loads.delete(volume.uuid);
  else world.loads.set(volume.uuid, createLoadCurve(load));
  const nexus = volume.target?.nexus;
  if (nexus === undefined || !nexus.exists || nexus.shutdown) return;
  const curve = world.loads.get(volume.uuid);
  const devices = [volume, ...nexus.children.map((child) => child.replica)];
  for (const [position, device] of devices.entries()) {
    if (curve === undefined) device.meter.stop(now(world));
    else device.meter.start(now(world), curve, position < 2 ? 1 : 0);
  }
}

function truthOf(volume: Volume | undefined): VolumeTruth | undefined {
  if (volume === undefined) return undefined;
  const { target } = volume;
  return {
    uuid: volume.uuid,
    replicaCount: volume.replicaCount,
    busy: volume.operation !== undefined,
    target:
      target === undefined
        ? undefined
        : { node: target.node.id, nexus: target.nexus.uuid, exists: target.nexus.exists },
    replicas: [...volume.replicas].map((replica) => ({
      uuid: replica.uuid,
      pool: replica.pool.id,
      node: replica.pool.node.id,
      synced: replica.synced,
      rebuilding: replica.rebuild !== undefined,
      inNexus: target?.nexus.children.some((child) => child.replica === replica) === true,
      nexusOwners: [...replica.nexusOwners],
    })),
  };
}
