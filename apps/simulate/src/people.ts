import { cordonLabelOf } from '@couchestor/shared/messages';
import { createAimedDeeds } from './aimed-deeds.ts';
import { requestOutOfTurn } from './out-of-turn.ts';
import type { Role } from './fleet.ts';
import { createRareDeeds } from './rare-deeds.ts';
import type { SimulatedProcess } from './world/process.ts';
import { type Random } from '@couchestor/shared/random';
import { oneOf, upTo } from './world/random.ts';
import type { PolicySpecText } from './world/profile.ts';
import { DRAIN, iopsFor, PERSON, putPolicy, type World } from './world/world.ts';

const MINUTE_MS = 60_000;
const REDIS_JUMP_MAX_MS = 10_000;

/** People who use and run the cluster, and machines that fail. */
export interface People {
  /** Does one thing, by lot. */
  act(random: Random): string;
  /** Undoes all of it. */
  repair(): void;
}

export function createPeople(
  world: World,
  stopWatchers: () => void,
  startWatchers: () => void,
  processesOf: (role: Role) => readonly SimulatedProcess[],
): People {
  const { model, clock, bus, kubernetes, profile, truth, leaseServer, jumpRedis } = world;
  const { emphasis = {} } = profile;
  const repairs: (() => void)[] = [];
  let isRepaired = false;
  const volumes = profile.volumes.map(({ id }) => id);
  const send = async (method: string, path: string, body?: unknown): Promise<boolean> => {
    const { status } = await model.handle({ method, path: `/v0${path}`, ...(body === undefined ? {} : { body }) });
    return status < 300;
  };
  const repairUntilMs = profile.troubleMs + 5 * MINUTE_MS;
  const persist = (method: string, path: string, body?: unknown, onDone?: () => void): void => {
    void send(method, path, body).then((done) => {
      if (done) onDone?.();
      // Nobody goes on to cordon what was repaired meanwhile.
      else if (isRepaired && method === 'PUT' && /\/(?:cordon|drain)/.test(path)) return;
      else if (clock.monotonicMs() < repairUntilMs) clock.after(2_000, () => persist(method, path, body, onDone));
    });
  };
  /** Undone after a while, at the repair at the latest. */
  const until = (
    random: Random,
    undo: () => void,
    maxMs = emphasis.lastsMs?.[1] ?? (random() < 0.2 ? 5 * MINUTE_MS : MINUTE_MS / 2),
    minMs = emphasis.lastsMs?.[0] ?? 0,
  ): void => {
    let undone = false;
    const once = (): void => {
      if (undone) return;
      undone = true;
      undo();
    };
    repairs.push(once);
    clock.after(minMs + upTo(random, maxMs - minMs), once);
  };
  const publish = (volumeId: string): void => {
    if (model.volume(volumeId) === undefined) return;
    persist('PUT', `/volumes/${volumeId}/target`, { publish_context: {}, protocol: 'nvmf' });
  };
  const scale = (volumeId: string, by: 1 | -1): void => {
    const before = model.volume(volumeId);
    if (before === undefined || before.replicaCount + by < 1) return;
    const next = before.replicaCount + by;
    if (by < 0) model.ledger.declare(volumeId, Math.min(model.ledger.volume(volumeId)?.declared ?? next, next));
    truth.wantedCounts.get(volumeId)?.add(next);
    void send('PUT', `/volumes/${volumeId}/replica_count/${next}`).then((done) => {
      // A count that is lowered while a child is outside its target leaves a replica behind, whoever lowers it.
      if (!done && by < 0) truth.replicasMayBeLeft = true;
    });
  };
  const annotate = (random: Random, change: { readonly [key: string]: string | undefined }): void => {
    const volumeId = oneOf(random, volumes) ?? '';
    if (!kubernetes.persistentVolumes.has(volumeId)) return;
    const put = (next: typeof change): void => {
      kubernetes.putPersistentVolume(volumeId, next);
      truth.annotatedAtMs.set(volumeId, clock.monotonicMs());
    };
    put(change);
    const undone = Object.fromEntries(Object.keys(change).map((key) => [key, undefined]));
    until(random, () => {
      if (kubernetes.persistentVolumes.has(volumeId)) put(undone);
    });
  };

  const edit = (policyId: string, spec: PolicySpecText): void => {
    if (kubernetes.policies.has(policyId)) putPolicy(world, policyId, spec);
  };

  const redisLost = (): void => {
    truth.redisShakenAtMs = clock.monotonicMs();
    truth.redisLostAtMs = clock.monotonicMs();
  };
  const deeds: { readonly [name: string]: (random: Random) => void } = {
    'a node goes down': (random) => {
      const node = oneOf(random, profile.nodes) ?? '';
      model.faults.nodeDown(node, { graceful: random() < 0.5 });
      until(random, () => model.faults.nodeUp(node));
    },
    'a person cordons a node': (random) => {
      const node = oneOf(random, profile.nodes) ?? '';
      persist('PUT', `/nodes/${node}/cordon/${PERSON}`, undefined, () =>
        truth.cordonedAtMs.set(node, clock.monotonicMs()),
      );
      until(random, () => persist('DELETE', `/nodes/${node}/cordon/${PERSON}`));
    },
    'a person drains a node': (random) => {
      const node = oneOf(random, profile.nodes) ?? '';
      void send('PUT', `/nodes/${node}/drain/${DRAIN}`).then((done) => {
        if (done && !isRepaired) truth.drainedSinceMs.set(node, clock.monotonicMs());
      });
      until(random, () => {
        truth.drainedSinceMs.delete(node);
        persist('DELETE', `/nodes/${node}/cordon/${DRAIN}`);
      });
    },
    'a volume is unpublished': (random) => {
      const volumeId = oneOf(random, volumes) ?? '';
      persist('DELETE', `/volumes/${volumeId}/target`);
      until(random, () => publish(volumeId));
    },
    'a rebuild fails': (random) => {
      const volumeId = oneOf(random, volumes) ?? '';
      if (model.volume(volumeId) !== undefined) model.faults.failRebuild(volumeId);
    },
    'the core of Mayastor crashes': () => model.faults.crashCore(),
    'the core of Mayastor restarts': () => model.faults.restartCore(),
    'a node hangs': (random) => {
      const node = oneOf(random, profile.nodes) ?? '';
      model.faults.nodeHangs(node);
      until(random, () => model.faults.nodeRecovers(node));
    },
    'a person aborts a move': (random) => {
      const active = [...bus.intents.values()].filter(({ intent }) => intent.state === 'active');
      const intent = oneOf(random, active)?.intent;
      if (intent !== undefined && kubernetes.persistentVolumes.has(intent.volumeId)) {
        kubernetes.putPersistentVolume(intent.volumeId, { abort: intent.migrationId });
        truth.abortAskedAtMs.set(intent.migrationId, clock.monotonicMs());
      }
    },
    'a person pauses all': (random) => {
      kubernetes.pause(true);
      truth.pausedAtMs ??= clock.monotonicMs();
      until(random, () => {
        kubernetes.pause(false);
        truth.pausedAtMs = undefined;
      });
    },
    'the watcher is scaled to 0': (random) => {
      stopWatchers();
      until(random, startWatchers, MINUTE_MS);
    },
    'the API server is away': (random) => {
      kubernetes.setAway(true);
      until(random, () => kubernetes.setAway(false), MINUTE_MS);
    },
    'a person scales a volume': (random) => scale(oneOf(random, volumes) ?? '', random() < 0.5 ? 1 : -1),
    'a volume is deleted': (random) => {
      if (random() < 0.7) return;
      const volumeId = oneOf(random, volumes) ?? '';
      truth.wantedCounts.delete(volumeId);
      persist('DELETE', `/volumes/${volumeId}`);
      kubernetes.deletePersistentVolume(volumeId);
    },
    'the store of Mayastor hangs': (random) => {
      model.faults.storeHangs();
      until(random, () => model.faults.storeRecovers());
    },
    'a policy is disabled': (random) => {
      const policy = oneOf(random, profile.policies);
      if (policy === undefined) return;
      edit(policy.id, { ...policy.spec, ...(random() < 0.5 ? { enabled: false } : { dryRun: true }) });
      until(random, () => edit(policy.id, policy.spec));
    },
    'a policy is edited': (random) => {
      const policy = oneOf(random, profile.policies);
      if (policy === undefined) return;
      edit(policy.id, { ...policy.spec, cooldownPeriod: '45s', maxConcurrentMigrations: 2 });
      until(random, () => edit(policy.id, policy.spec));
    },
    'a person holds a volume': (random) => annotate(random, { hold: 'true' }),
    'a person pins a volume': (random) => annotate(random, { pinTier: random() < 0.5 ? 'hot' : 'cold' }),
    'Redis loses its data': () => {
      redisLost();
      leaseServer.flush();
    },
    'Redis restarts': () => {
      redisLost();
      leaseServer.restart();
    },
    'Redis fails over to a copy that lags behind': (random) => {
      const failOver = leaseServer.replicate();
      clock.after(upTo(random, 3_000), () => {
        redisLost();
        failOver();
      });
    },
    'the clock of Redis jumps': (random) => jumpRedis(Math.round((2 * random() - 1) * REDIS_JUMP_MAX_MS)),
    'an old request comes again': (random) => bus.repeatRequest(random),
    'a scorer that is behind asks for a move': (random) => requestOutOfTurn(world, random),
    'a cordon comes of which nobody knows any more': (random) => {
      const node = oneOf(random, profile.nodes) ?? '';
      const migrationId = `1057c07d-0000-4000-8000-${upTo(random, 16 ** 12)
        .toString(16)
        .padStart(12, '0')}`;
      persist('PUT', `/nodes/${node}/cordon/${cordonLabelOf(migrationId)}`);
    },
    'a pool fails': (random) => {
      const node = oneOf(random, profile.nodes) ?? '';
      const pool = `${oneOf(random, profile.tiersOf(node)) ?? ''}-${node}`;
      model.faults.poolFaulted(pool);
      until(random, () => model.faults.poolRecovers(pool));
    },
    'NATS loses the facts': () => bus.loseFacts(),
  };
  const hands = { send, persist, until, publish, scale };
  const rare = profile.hasRareDeeds ? createRareDeeds(world, hands) : {};
  const aimed =
    emphasis.deeds === undefined ? {} : createAimedDeeds(world, hands, processesOf, stopWatchers, startWatchers);
  const all = { ...deeds, ...rare, ...aimed };
  // What is rare elsewhere is not so here.
  const names = emphasis.deeds ?? [...Object.keys(deeds), ...Object.keys(rare), ...Object.keys(rare)];
  const unknown = names.find((name) => all[name] === undefined);
  if (unknown !== undefined) throw new Error(`nobody knows how to do ${JSON.stringify(unknown)}`);
  return {
    act: (random) => {
      const name = oneOf(random, names) ?? '';
      all[name]?.(random);
      return name;
    },
    repair: () => {
      isRepaired = true;
      for (const repair of repairs) repair();
      // A cordon of a person that had no answer may come after its removal, as ours may.
      clock.after(30_000, () => {
        for (const node of profile.nodes) {
          for (const label of [PERSON, DRAIN]) persist('DELETE', `/nodes/${node}/cordon/${label}`);
        }
      });
      // A target that lost its node for good is made again by whoever uses the volume.
      for (const volumeId of volumes) if (model.volume(volumeId)?.target === undefined) publish(volumeId);
    },
  };
}

/** Applications become busy and idle again, each at its own time, while there is trouble. */
export function changeLoads({ clock, profile, truth }: World, random: Random, mayChange: () => boolean): void {
  for (const { id } of profile.volumes) {
    const change = (): void => {
      if (!mayChange()) return;
      const isHot = (truth.iops.get(id) ?? 0) >= iopsFor('hot');
      truth.iops.set(id, iopsFor(isHot ? 'cold' : 'hot'));
      clock.after(profile.loadChangeMs / 2 + upTo(random, profile.loadChangeMs), change);
    };
    clock.after(upTo(random, profile.loadChangeMs), change);
  }
}
