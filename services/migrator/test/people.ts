import type { FleetWorld } from './fleet-world.ts';

const MINUTE_MS = 60_000;
const PERSON = 'maintenance';

/** People who use and run the cluster, and know of no migrator. */
export interface People {
  /** Does one thing to the cluster that no migrator knows of. */
  readonly act: () => void;
  /** Undoes all of it. */
  readonly repair: () => void;
}

export function createPeople(
  world: FleetWorld,
  scene: {
    readonly random: () => number;
    readonly volumes: readonly string[];
    readonly nodes: readonly string[];
    readonly wantedCount: Map<string, Set<number>>;
    readonly troubledUntilMs: number;
    readonly mayLeaveReplicas: () => void;
  },
): People {
  const { model, clock, bucket } = world;
  const { random, volumes, nodes, wantedCount, troubledUntilMs } = scene;
  const repairs: (() => void)[] = [];
  const pick = (items: readonly string[]): string => items[Math.floor(random() * items.length)] ?? '';
  const send = async (method: string, path: string, body?: unknown): Promise<boolean> => {
    const { status } = await model.handle({ method, path: `/v0${path}`, ...(body === undefined ? {} : { body }) });
    return status < 300;
  };
  const persist = (method: string, path: string, body?: unknown): void => {
    void send(method, path, body).then((done) => {
      if (!done && clock.monotonicMs() < troubledUntilMs + 5 * MINUTE_MS)
        clock.after(2_000, () => persist(method, path, body));
    });
  };
  /** Undone after a while, at the repair at the latest. */
  const until = (undo: () => void): void => {
    let undone = false;
    const once = (): void => {
      if (undone) return;
      undone = true;
      undo();
    };
    repairs.push(once);
    clock.after(Math.floor(random() * 5 * MINUTE_MS), once);
  };

  const scale = (volumeId: string, by: 1 | -1): void => {
    const before = model.volume(volumeId);
    if (before === undefined || before.replicaCount + by < 1) return;
    const next = before.replicaCount + by;
    if (by < 0) model.ledger.declare(volumeId, Math.min(model.ledger.volume(volumeId)?.declared ?? next, next));
    wantedCount.get(volumeId)?.add(next);
    void send('PUT', `/volumes/${volumeId}/replica_count/${next}`).then((done) => {
      // A count that is lowered while a child is outside its target leaves a replica behind, whoever lowers it.
      if (!done && by < 0) scene.mayLeaveReplicas();
    });
  };
  const publish = (volumeId: string): void =>
    persist('PUT', `/volumes/${volumeId}/target`, { publish_context: {}, protocol: 'nvmf' });

  const deeds: readonly (() => void)[] = [
    () => {
      const node = pick(nodes);
      model.faults.nodeDown(node, { graceful: random() < 0.5 });
      until(() => model.faults.nodeUp(node));
    },
    () => {
      const node = pick(nodes);
      persist('PUT', `/nodes/${node}/cordon/${PERSON}`);
      until(() => persist('DELETE', `/nodes/${node}/cordon/${PERSON}`));
    },
    () => {
      const node = pick(nodes);
      persist('PUT', `/nodes/${node}/drain/${PERSON}`);
      until(() => persist('DELETE', `/nodes/${node}/cordon/${PERSON}`));
    },
    () => {
      const volumeId = pick(volumes);
      persist('DELETE', `/volumes/${volumeId}/target`);
      until(() => publish(volumeId));
    },
    () => void model.faults.failRebuild(pick(volumes)),
    () => model.faults.crashCore(),
    () => model.faults.restartCore(),
    () => {
      const node = pick(nodes);
      model.faults.nodeHangs(node);
      until(() => model.faults.nodeRecovers(node));
    },
    () => {
      const record = bucket.records().get(pick(volumes))?.intent;
      if (record?.state === 'active') world.aborts.add(record.migrationId);
    },
    () => {
      world.paused = true;
      until(() => {
        world.paused = false;
      });
    },
    () => {
      world.stopHeartbeat();
      until(() => world.startHeartbeat());
    },
    () => scale(pick(volumes), random() < 0.5 ? 1 : -1),
    () => {
      const volumeId = pick(volumes);
      wantedCount.delete(volumeId);
      persist('DELETE', `/volumes/${volumeId}`);
    },
    () => {
      model.faults.storeHangs();
      until(() => model.faults.storeRecovers());
    },
  ];
  return {
    act: () => deeds[Math.floor(random() * deeds.length)]?.(),
    repair: () => {
      for (const repair of repairs) repair();
      // A cordon of a person that had no answer may come after its removal, as ours may.
      clock.after(30_000, () => {
        for (const node of nodes) persist('DELETE', `/nodes/${node}/cordon/${PERSON}`);
      });
      // A target that lost its node for good is made again by whoever uses the volume.
      for (const volumeId of volumes) if (model.volume(volumeId)?.target === undefined) publish(volumeId);
    },
  };
}
