import { answerOf, createCore } from './core.ts';
import { createFaults, type Faults } from './faults.ts';
import type { Ledger } from './ledger.ts';
import type { Load } from './load.ts';
import { renderMetrics } from './metrics.ts';
import { addNode, addPool, type NewNode, type NewPool } from './nodes-and-pools.ts';
import type { MayastorModelOptions, MayastorVersion } from './options.ts';
import { startReconcilers } from './reconcilers.ts';
import type { MayastorAnswer, MayastorRequest, Routed } from './route.ts';
import { routeOf } from './routes.ts';
import { createShown, type Shown } from './shown.ts';
import { truthOf, type VolumeTruth } from './volume-truth.ts';
import { volumeOf } from './volumes.ts';
import { placeVolume, setLoad, type VolumeToCreate } from './world-building.ts';
import { createWorld, now } from './world.ts';

/** A model of Mayastor's control plane and of the engines under it: no I/O, no time or chance of its own. */
export interface MayastorModel {
  /** Answers one REST request, as soon as the server would. Never rejects. */
  handle(request: MayastorRequest): Promise<MayastorAnswer>;
  /**
   * What a read of this path would show, without its JSON; undefined where it would not be answered at once, or by a
   * failure: then `handle` says how.
   */
  shown(path: string): Shown | undefined;
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
  /** Ends the model: calls in flight are cut off, no timer is left. Afterwards it answers as a core that is down. */
  stop(): void;
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

  const shown = createShown(world);

  return {
    handle,
    shown: (path) =>
      world.core.state === 'up' && faults.faultOf({ method: 'GET', path, body: undefined }) === undefined
        ? shown
        : undefined,
    version: world.version,
    ledger: world.ledger,
    faults,
    addNode: (node) => void addNode(world, node),
    addPool: (pool) => void addPool(world, pool),
    createVolume: (wanted) => placeVolume(world, wanted),
    setLoad: (id, load) => setLoad(world, volumeOf(world, id), load),
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
    stop: () => {
      core.crash(Infinity);
      world.cancelTimers();
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
