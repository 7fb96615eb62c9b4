import type { ActiveIntent } from '@couchestor/shared/messages';
import { requestOutOfTurn } from './out-of-turn.ts';
import type { Role } from './fleet.ts';
import type { Hands } from './rare-deeds.ts';
import type { SimulatedProcess } from './world/process.ts';
import { type Random } from '@couchestor/shared/random';
import { oneOf, upTo } from './world/random.ts';
import { GROWTH_DIES } from './world/provoking.ts';
import { DRAIN, type World } from './world/world.ts';

/** What worlds with an emphasis do to moves in flight, on purpose and often. */
export function createAimedDeeds(
  world: World,
  { persist, until }: Hands,
  processesOf: (role: Role) => readonly SimulatedProcess[],
  stopWatchers: () => void,
  startWatchers: () => void,
): { readonly [name: string]: (random: Random) => void } {
  const { bus, model, profile, truth, clock } = world;
  const aMove = (random: Random): ActiveIntent | undefined =>
    oneOf(
      random,
      [...bus.intents.values()].flatMap(({ intent }) => (intent.state === 'active' ? [intent] : [])),
    );
  return {
    'a scorer that is behind asks for a move of what moves': (random) => {
      const intent = aMove(random);
      if (intent !== undefined) requestOutOfTurn(world, random, intent.volumeId);
    },
    'a scorer that is behind asks for what is held': (random) => {
      const held = profile.volumes.filter(({ id }) => world.kubernetes.persistentVolumes.get(id)?.view.hold === 'true');
      const volume = oneOf(random, held);
      if (volume !== undefined) requestOutOfTurn(world, random, volume.id);
    },
    'a scorer goes by what was': (random) => {
      const facts = bus.facts('volume.observed');
      const moved = profile.volumes.filter(({ id }) => {
        const shown = model.volume(id)?.replicas.map(({ uuid }) => uuid) ?? [];
        return facts.get(id)?.replicas.every(({ replicaId }) => shown.includes(replicaId)) === false;
      });
      const volume = oneOf(random, moved);
      const was = facts
        .get(volume?.id ?? '')
        ?.replicas.map(({ replicaId, pool = '', node = '' }) => ({ replicaId, pool, node }));
      if (volume !== undefined) requestOutOfTurn(world, random, volume.id, was);
    },
    'a move is aborted, and its request comes again': (random) => {
      const migrationId = requestOutOfTurn(world, random);
      if (migrationId === undefined) return;
      const ms = 36_000 + upTo(random, 20_000);
      clock.after(2_000, () => {
        const moving = [...bus.intents.values()].find(({ intent }) => intent.migrationId === migrationId)?.intent;
        if (moving?.state !== 'active' || !world.kubernetes.persistentVolumes.has(moving.volumeId)) return;
        world.kubernetes.putPersistentVolume(moving.volumeId, { abort: migrationId });
        clock.after(ms, () => bus.repeatRequest(random, migrationId));
      });
    },
    'the owner of a move dies, and its volume is asked for': (random) => {
      const intent = aMove(random);
      const owner = processesOf('migrator').find(({ name }) => name === intent?.owner);
      if (intent === undefined || owner === undefined) return;
      owner.kill();
      for (let ms = 5_000; ms < 17_000; ms += 300)
        clock.after(ms, () => requestOutOfTurn(world, random, intent.volumeId));
    },
    'watchers die, and migrators after them': (random) => {
      // None that ends in good order, which would take its heartbeat away.
      for (const watcher of processesOf('watcher')) watcher.kill();
      stopWatchers();
      until(random, startWatchers);
      clock.after(3_000 + upTo(random, 6_000), () => {
        for (const migrator of processesOf('migrator')) migrator.kill();
      });
      for (const ms of [9_000, 11_000, 13_000]) clock.after(ms, () => requestOutOfTurn(world, random));
    },
    'watchers die, and the facts are lost': (random) => {
      for (const watcher of processesOf('watcher')) watcher.kill();
      stopWatchers();
      until(random, startWatchers);
      bus.loseFacts();
    },
    [GROWTH_DIES]: (random) => {
      let isDone = false;
      const remove = model.faults.onCall(({ method, path }) => {
        const [, volumeId, count] = /\/volumes\/([^/]+)\/replica_count\/(\d+)/.exec(path) ?? [];
        const intent = bus.intents.get(volumeId ?? '')?.intent;
        if (isDone || method !== 'PUT' || intent?.state !== 'active' || Number(count) !== intent.replicaCount + 1)
          return undefined;
        isDone = true;
        const owner = processesOf('migrator').find(({ name }) => name === intent.owner);
        clock.after(100, () => owner?.kill());
        return { kind: 'timeout', effectAfterMs: 17_000 + upTo(random, 12_000) };
      });
      until(random, remove);
    },
    'what moves next is drained': (random) => {
      const intent = aMove(random);
      const next = intent?.round?.replicasBefore.find(
        ({ replicaId, pool }) => replicaId !== intent.round?.sourceReplicaId && !intent.targetPools.includes(pool),
      );
      if (next === undefined) return;
      const { node } = next;
      persist('PUT', `/nodes/${node}/drain/${DRAIN}`, undefined, () =>
        truth.drainedSinceMs.set(node, clock.monotonicMs()),
      );
      until(random, () => {
        truth.drainedSinceMs.delete(node);
        persist('DELETE', `/nodes/${node}/cordon/${DRAIN}`);
      });
    },
    'Prometheus goes away': (random) => {
      truth.prometheus.isAway = true;
      until(random, () => {
        truth.prometheus.isAway = false;
      });
    },
    'Prometheus has few samples': (random) => {
      truth.prometheus.hasFew = true;
      until(random, () => {
        truth.prometheus.hasFew = false;
      });
    },
    'Prometheus sees half of the volumes no more': (random) => {
      const volumes = new Set(profile.volumes.flatMap(({ id }) => (random() < 0.5 ? [id] : [])));
      if (truth.unseen !== undefined) return;
      truth.unseen = { volumes, sinceMs: clock.monotonicMs() };
      until(random, () => {
        truth.unseen = undefined;
      });
    },
    'engines take seconds': (random) => {
      // Longer than Mayastor answers, and not so long that it gives them up.
      const slowMs = 5_500 + upTo(random, 8_000);
      until(
        random,
        model.faults.onEngineCall(() => slowMs),
      );
    },
    'the node that a move fills goes down': (random) => {
      const node = aMove(random)?.round?.targetNode;
      if (node === undefined || !profile.nodes.includes(node)) return;
      model.faults.nodeDown(node, { graceful: random() < 0.5 });
      until(random, () => model.faults.nodeUp(node));
    },
    'the target of a move goes elsewhere': (random) => {
      const intent = aMove(random);
      const volume = intent === undefined ? undefined : model.volume(intent.volumeId);
      const node = volume?.target?.node;
      // A drained node that holds a replica would be reason enough to wait.
      if (node === undefined || volume?.replicas.some((replica) => replica.node === node) === true) return;
      persist('PUT', `/nodes/${node}/drain/${DRAIN}`, undefined, () =>
        truth.drainedSinceMs.set(node, clock.monotonicMs()),
      );
      until(random, () => {
        truth.drainedSinceMs.delete(node);
        persist('DELETE', `/nodes/${node}/cordon/${DRAIN}`);
      });
    },
  };
}
