import type { Clock } from '@couchestor/shared/clock';
import type { Intent } from '@couchestor/shared/messages';
import type { Placement } from '@couchestor/shared/policy';
import { World } from '../core/world.ts';
import type { FactSinks, KubernetesSource, Log, MayastorSource, Measures } from '../ports.ts';
import { MayastorPoll, type MayastorListener } from './poll-mayastor.ts';
import { FactPublisher } from './publish-facts.ts';
import { Pulse } from './pulse.ts';
import { runTogether } from './together.ts';
import { createSlices, yieldToOthers } from './yielding.ts';

export interface ObservationOptions {
  readonly kubernetes: KubernetesSource;
  readonly mayastor: MayastorSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly measures: Measures;
  readonly mayastorPeriodMs: number;
  /** What the status of this policy, or of all, is made of has changed. */
  readonly onPolicyStatus: (policyId?: string) => void;
  /** This volume, its placement or the tier of a replica may be another than it was. */
  readonly onVolume: (volumeId: string) => void;
  /** A replica of this volume is filled further, or not filled any more. */
  readonly onRebuild: (volumeId: string) => void;
  /** Everything that was marked is counted. */
  readonly onCounted: () => void;
}

/** Volumes counted before others get their turn. */
const CENSUS_BATCH = 500;
/** An intent is written before its cordon, but may reach us a moment after the read that shows the cordon. */
const INTENT_GRACE_MS = 500;
const CLUSTER = 'cluster';

/** Looks at Kubernetes and Mayastor for one term of leadership, and publishes what changes. */
export class Observation {
  readonly world: World;
  readonly #options: ObservationOptions;
  readonly #work = new Pulse();
  readonly #poll: MayastorPoll;
  #publishers: Publishers | undefined;

  constructor(options: ObservationOptions) {
    this.#options = options;
    this.world = new World({
      policyFact: (policyId) => this.#publishers?.policies.mark(policyId),
      volumeFact: (volumeId) => this.#publishers?.volumes.mark(volumeId),
      rebuild: (volumeId) => options.onRebuild(volumeId),
      poolFact: (diskPoolId) => this.#publishers?.pools.mark(diskPoolId),
      nodeFact: (token) => this.#publishers?.nodes.mark(token),
      clusterFact: () => this.#publishers?.cluster.mark(CLUSTER),
      policyStatus: (policyId) => options.onPolicyStatus(policyId),
      work: () => this.#work.raise(),
    });
    const { mayastor: source, clock, log, measures, mayastorPeriodMs: periodMs } = options;
    this.#poll = new MayastorPoll({ source, clock, log, measures, periodMs, listener: this.#mayastorListener() });
  }

  setIntent(volumeId: string, intent: Intent | undefined): void {
    this.world.setIntent(volumeId, intent);
    this.#options.measures.activeMoves(this.world.moves.total);
  }

  /** Asks Mayastor for this volume before the next pass does. */
  refresh(volumeId: string): void {
    this.#poll.refresh(volumeId);
  }

  /**
   * Where the volume is at this moment: Mayastor is asked.
   * @returns undefined if no policy claims it, or Mayastor does not have it
   * @throws if Mayastor gives no answer
   */
  async placementNow(volumeId: string, signal: AbortSignal): Promise<Placement | undefined> {
    const answer = await this.#options.mayastor.volume(volumeId, signal);
    if (answer === undefined) return undefined;
    this.world.setVolume(answer);
    const placement = this.world.census.settle(volumeId);
    this.#options.onVolume(volumeId);
    return placement;
  }

  /** The stream was lost: everything is to be published once more. */
  markAll(): void {
    const publishers = this.#publishers;
    if (publishers === undefined) return;
    for (const policyId of this.world.policies.ids()) publishers.policies.mark(policyId);
    for (const volumeId of this.world.volumes.ids()) publishers.volumes.mark(volumeId);
    for (const diskPoolId of this.world.diskPoolIds()) publishers.pools.mark(diskPoolId);
    for (const token of this.world.nodeTokens()) publishers.nodes.mark(token);
    publishers.cluster.mark(CLUSTER);
  }

  /** Resolves once everything that Kubernetes holds is taken in. Facts go to the sinks from `run` on. */
  async load(signal: AbortSignal): Promise<AsyncDisposable> {
    const { policies, persistentVolumes, diskPools } = this.#options.kubernetes;
    await Promise.all([policies, persistentVolumes, diskPools].map((watched) => watched.whenSynced(signal)));
    const subscriptions = new AsyncDisposableStack();
    subscriptions.defer(policies.onChange((next, previous) => this.world.setPolicy(next, previous)));
    subscriptions.defer(persistentVolumes.onChange((next, previous) => this.world.setPersistentVolume(next, previous)));
    subscriptions.defer(diskPools.onChange((next, previous) => this.world.setDiskPool(next, previous)));
    const slices = createSlices(() => this.#options.clock.monotonicMs());
    for (const policy of policies.objects()) this.world.setPolicy(policy, undefined);
    for (const diskPool of diskPools.objects()) this.world.setDiskPool(diskPool, undefined);
    for (const persistentVolume of persistentVolumes.objects()) {
      this.world.setPersistentVolume(persistentVolume, undefined);
      await slices.pause();
    }
    return subscriptions;
  }

  /** To be called after `load`. Compares what the stream holds with the world, and publishes from then on. */
  async run(sinks: FactSinks, signal: AbortSignal): Promise<void> {
    const publishers = this.#createPublishers(sinks);
    this.#publishers = publishers;
    for (const id of sinks.policies.ids()) publishers.policies.mark(id);
    for (const id of sinks.pools.ids()) publishers.pools.mark(id);
    const slices = createSlices(() => this.#options.clock.monotonicMs());
    for (const id of sinks.volumes.ids()) {
      this.world.volumes.expect(id);
      await slices.pause();
    }
    await yieldToOthers();
    this.#formerNodes = [...sinks.nodes.ids()];
    this.markAll();
    await runTogether(signal, [
      (ending) => this.#runWork(ending),
      (ending) => this.#poll.run(ending),
      ...Object.values(publishers).map(
        (publisher) =>
          (ending: AbortSignal): Promise<void> =>
            publisher.run(ending),
      ),
    ]);
  }

  #formerNodes: readonly string[] = [];

  #createPublishers(sinks: FactSinks) {
    const { clock, log, measures } = this.#options;
    const { world } = this;
    return {
      policies: new FactPublisher({
        name: 'policy.observed',
        sink: sinks.policies,
        factOf: (id) => world.policyFact(id),
        clock,
        log,
        measures,
      }),
      volumes: new FactPublisher({
        name: 'volume.observed',
        sink: sinks.volumes,
        factOf: (id) => world.volumes.fact(id),
        clock,
        log,
        measures,
      }),
      pools: new FactPublisher({
        name: 'pool.observed',
        sink: sinks.pools,
        factOf: (id) => world.poolFact(id),
        clock,
        log,
        measures,
      }),
      nodes: new FactPublisher({
        name: 'node.observed',
        sink: sinks.nodes,
        factOf: (token) => world.nodeFact(token),
        clock,
        log,
        measures,
      }),
      cluster: new FactPublisher({
        name: 'cluster.observed',
        sink: sinks.cluster,
        factOf: () => world.clusterFact(),
        clock,
        log,
        measures,
      }),
    };
  }

  async #runWork(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#work.wait(signal);
      while (this.world.hasWork) {
        for (const volumeId of this.world.work(CENSUS_BATCH)) this.#options.onVolume(volumeId);
        await yieldToOthers();
        signal.throwIfAborted();
      }
      this.#options.onCounted();
    }
  }

  #mayastorListener(): MayastorListener {
    const { clock } = this.#options;
    const slices = createSlices(() => clock.monotonicMs());
    return {
      onNodes: (nodes) => {
        this.world.setNodes(nodes);
        for (const token of this.#formerNodes) this.#publishers?.nodes.mark(token);
      },
      onPools: async (pools) => {
        if (this.world.hasUnknownCordon(pools)) await clock.sleep(INTENT_GRACE_MS);
        this.world.setPools(pools);
      },
      onPassBegin: () => this.world.beginPass(),
      onVolumes: async (page) => {
        for (const answer of page) {
          this.world.setVolume(answer);
          await slices.pause();
        }
      },
      onPassEnd: () => this.world.endPass(),
      onVolume: (volumeId, answer) => {
        if (answer === undefined) this.world.missVolume(volumeId);
        else this.world.setVolume(answer);
      },
    };
  }
}

type Publishers = {
  readonly policies: FactPublisher<'policy.observed'>;
  readonly volumes: FactPublisher<'volume.observed'>;
  readonly pools: FactPublisher<'pool.observed'>;
  readonly nodes: FactPublisher<'node.observed'>;
  readonly cluster: FactPublisher<'cluster.observed'>;
};
