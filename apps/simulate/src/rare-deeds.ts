import type { CallFault } from '@couchestor/simulator/mayastor';
import type { ActiveIntent, Round } from '@couchestor/shared/messages';
import { requestOutOfTurn } from './out-of-turn.ts';
import { HIGH_IOPS } from './world/profile.ts';
import { type Random } from '@couchestor/shared/random';
import { oneOf, upTo } from './world/random.ts';
import { PERSON, putPolicy, type World } from './world/world.ts';

type Deed = (random: Random) => void;
type Deeds = { readonly [name: string]: Deed };

/** What people do, as everybody's deeds do it. */
export interface Hands {
  /** Asks Mayastor once; whether it was done. */
  readonly send: (method: string, path: string, body?: unknown) => Promise<boolean>;
  /** Asks until it was done. */
  readonly persist: (method: string, path: string, body?: unknown, onDone?: () => void) => void;
  /** Undone after a while, at the repair at the latest. */
  readonly until: (random: Random, undo: () => void, maxMs?: number, minMs?: number) => void;
  readonly publish: (volumeId: string) => void;
  readonly scale: (volumeId: string, by: 1 | -1) => void;
}

/** So long something is waited for before a person is asked, and longer. */
const STUCK_MS = 11 * 60_000;
const LONG_MS = 16 * 60_000;
const SHORT_MS = 60_000;

/** What seldom happens, much of it aimed at moves; only some worlds know it. */
export function createRareDeeds(world: World, hands: Hands): Deeds {
  const blows = createBlows(world, hands);
  const { bus, model } = world;
  const moves = (): ActiveIntent[] =>
    [...bus.intents.values()].flatMap(({ intent }) => (intent.state === 'active' ? [intent] : []));
  const strike = (random: Random, intent: ActiveIntent | undefined): void => {
    if (intent?.round === undefined) return;
    oneOf(random, blows)?.(random, intent, intent.round);
  };
  /** Struck in the moment in which its count is about to change; the call then takes its time. */
  const ambush = (random: Random): void => {
    let isDone = false;
    const remove = model.faults.onCall(({ method, path }) => {
      const [, volumeId] = /\/volumes\/([^/]+)\/replica_count\/(?!255)/.exec(path) ?? [];
      const isChild = method === 'DELETE' && path.includes('/children/');
      const intent = moves().find((one) => one.volumeId === volumeId || isChild);
      if (method === 'GET' || intent === undefined || isDone) return undefined;
      isDone = true;
      strike(random, intent);
      return { kind: 'delay', beforeMs: upTo(random, 4_000) };
    });
    hands.until(random, remove, LONG_MS);
  };
  /** Struck while its copy fills. */
  const strikeFilling = (random: Random): void => {
    const filling = moves().filter(({ round }) => round?.newReplicaId !== undefined && round.syncedAt === undefined);
    strike(random, oneOf(random, filling));
  };
  const aborted = (random: Random): void => {
    const intent = oneOf(random, moves());
    if (intent === undefined || !world.kubernetes.persistentVolumes.has(intent.volumeId)) return;
    strike(random, intent);
    world.kubernetes.putPersistentVolume(intent.volumeId, { abort: intent.migrationId });
  };
  return {
    ...createForeignAnswers(world, hands),
    ...createChangesOfMind(world, hands),
    'a move is struck': (random) => strike(random, oneOf(random, moves())),
    'a move is struck while its copy fills': strikeFilling,
    'a move is struck while its copy fills, again': strikeFilling,
    'a move is struck and aborted': aborted,
    'a move is struck as it changes the count': ambush,
    'a move is struck as it changes the count, again': ambush,
    'a move is struck as it changes the count, and again': ambush,
  };
}

/** Each hits one move where it hurts. */
function createBlows(
  { model, profile }: World,
  { persist, until, publish, scale }: Hands,
): readonly ((random: Random, intent: ActiveIntent, round: Round) => void)[] {
  const untilSoonOrLate = (random: Random, undo: () => void): void =>
    random() < 0.25 ? until(random, undo, LONG_MS, STUCK_MS) : until(random, undo, SHORT_MS);
  const nodeDown = (random: Random, node: string): void => {
    model.faults.nodeDown(node, { graceful: random() < 0.5 });
    untilSoonOrLate(random, () => model.faults.nodeUp(node));
  };
  const cordon = (random: Random, node: string): void => {
    persist('PUT', `/nodes/${node}/cordon/${PERSON}`);
    untilSoonOrLate(random, () => persist('DELETE', `/nodes/${node}/cordon/${PERSON}`));
  };
  const sourceOf = ({ replicasBefore, sourceReplicaId }: Round) =>
    replicasBefore.find(({ replicaId }) => replicaId === sourceReplicaId);
  const someKept = (random: Random, { replicasBefore, sourceReplicaId }: Round) =>
    oneOf(
      random,
      replicasBefore.filter(({ replicaId }) => replicaId !== sourceReplicaId),
    );
  const known = (node: string | undefined): node is string => node !== undefined && profile.nodes.includes(node);

  return [
    (random, _intent, { targetPool }) => {
      if (!model.poolIds().includes(targetPool)) return;
      model.faults.poolFaulted(targetPool);
      untilSoonOrLate(random, () => model.faults.poolRecovers(targetPool));
    },
    (random, _intent, { targetNode }) => {
      if (known(targetNode)) nodeDown(random, targetNode);
    },
    (random, _intent, { targetNode }) => {
      if (known(targetNode)) cordon(random, targetNode);
    },
    (random, _intent, round) => {
      const node = sourceOf(round)?.node;
      if (known(node)) nodeDown(random, node);
    },
    (random, _intent, round) => {
      const node = someKept(random, round)?.node;
      if (known(node)) nodeDown(random, node);
    },
    (random, _intent, round) => {
      const node = someKept(random, round)?.node;
      if (known(node)) cordon(random, node);
    },
    (random, _intent, round) => {
      const pool = someKept(random, round)?.pool ?? '';
      if (!model.poolIds().includes(pool)) return;
      model.faults.poolFaulted(pool);
      untilSoonOrLate(random, () => model.faults.poolRecovers(pool));
    },
    (random, { volumeId }) => {
      persist('DELETE', `/volumes/${volumeId}/target`);
      untilSoonOrLate(random, () => publish(volumeId));
    },
    (random, { volumeId }) => scale(volumeId, random() < 0.5 ? 1 : -1),
    (_random, { volumeId }) => {
      if (model.volume(volumeId) !== undefined) model.faults.failRebuild(volumeId);
    },
    (random, { volumeId }, { targetNode }) => {
      // The copy dies, and Mayastor is given no place for another one.
      if (model.volume(volumeId) === undefined) return;
      for (const node of profile.nodes) if (node !== targetNode || random() < 0.5) cordon(random, node);
      model.faults.failRebuild(volumeId);
    },
  ];
}

/** For a while Mayastor, or what stands before it, answers otherwise than it should. */
function createForeignAnswers({ model, bus, truth }: World, { until }: Hands): Deeds {
  const answer = (
    random: Random,
    isMeant: (method: string, path: string) => boolean,
    fault: CallFault,
    maxMs?: number,
  ): void => {
    const remove = model.faults.onCall(({ method, path }) => (isMeant(method, path) ? fault : undefined));
    until(random, remove, maxMs);
  };
  return {
    'an operation on a volume takes minutes': (random) => {
      const moving = [...bus.intents.values()].filter(({ intent }) => intent.state === 'active');
      const volumeId = (oneOf(random, moving)?.intent ?? oneOf(random, bus.pendingRequests())?.data)?.volumeId;
      const message = 'SvcError :: Conflict: Conflicts with existing operation - please retry';
      const isMeant = (_: string, path: string): boolean => path.includes(`/volumes/${volumeId}/replica_count/`);
      const fault: CallFault = { kind: 'refuse', status: 409, body: { kind: 'Conflict', message, details: '' } };
      answer(random, isMeant, fault, LONG_MS);
    },
    'a volume has to be reconciled for minutes': (random) => {
      const message = 'SvcError :: NotReady: Volume Resource needs to be reconciled. Please retry';
      const isMeant = (_: string, path: string): boolean => /\/replica_count\/(?!255)/.test(path);
      answer(random, isMeant, { kind: 'refuse', status: 503, body: { kind: 'Unavailable', message, details: '' } });
    },
    'something before Mayastor lets no change through': (random) => {
      answer(random, (method) => method !== 'GET', { kind: 'refuse', status: 403, body: null });
    },
    'something before Mayastor knows no replica counts': (random) => {
      const isMeant = (_: string, path: string): boolean => /\/replica_count\/(?!255)/.test(path);
      const body = { kind: 'Deserialize', message: '', details: 'malformed' } as const;
      const fault = random() < 0.5 ? ({ status: 404, body: null } as const) : ({ status: 400, body } as const);
      answer(random, isMeant, { kind: 'refuse', ...fault });
    },
    'engines are slow to make replicas': (random) => {
      // What an engine makes after the core gave it up belongs to nobody.
      truth.replicasMayBeLeft = true;
      const slowMs = 4_000 + upTo(random, 16_000);
      until(
        random,
        model.faults.onEngineCall((call) => (call === 'createReplica' ? slowMs : undefined)),
      );
    },
  };
}

/** People want something else, often of a volume whose move is asked for. */
function createChangesOfMind(world: World, { send, persist, until }: Hands): Deeds {
  const { bus, model, kubernetes, profile, clock, truth } = world;
  const someVolume = (random: Random): string => {
    const asked = oneOf(random, bus.pendingRequests())?.data.volumeId;
    return asked !== undefined && random() < 0.7 ? asked : (oneOf(random, profile.volumes)?.id ?? '');
  };
  const annotate = (random: Random, change: { readonly [key: string]: string }): void => {
    const volumeId = someVolume(random);
    if (!kubernetes.persistentVolumes.has(volumeId)) return;
    kubernetes.putPersistentVolume(volumeId, change);
    const undone = Object.fromEntries(Object.keys(change).map((key) => [key, undefined]));
    until(random, () => {
      if (kubernetes.persistentVolumes.has(volumeId)) kubernetes.putPersistentVolume(volumeId, undone);
    });
  };
  const relabel = (node: string, tier: string, label: string): void =>
    kubernetes.putDiskPool({
      diskPoolId: `uid-${tier}-${node}`,
      name: `${tier}-${node}`,
      namespace: 'mayastor',
      node,
      labels: { tier: label },
      createdAtMs: 0,
    });
  return {
    'a snapshot is taken': (random) => {
      const volumeId = someVolume(random);
      const snapshot = `00000000-0000-4000-9000-${String(upTo(random, 1e12)).padStart(12, '0')}`;
      // One that had a snapshot is thin from then on, and takes less than what full pools are counted by.
      if (model.volume(volumeId) === undefined || !profile.isThin) return;
      persist('PUT', `/volumes/${volumeId}/snapshots/${snapshot}`);
      until(random, () => persist('DELETE', `/volumes/snapshots/${snapshot}`));
    },
    'a volume that may move is deleted': (random) => {
      const volumeId = someVolume(random);
      truth.wantedCounts.delete(volumeId);
      persist('DELETE', `/volumes/${volumeId}`);
      kubernetes.deletePersistentVolume(volumeId);
    },
    'a policy is deleted, and made again by another name': (random) => {
      const policy = oneOf(random, profile.policies);
      if (policy === undefined) return;
      kubernetes.deletePolicy(policy.id);
      until(random, () => putPolicy(world, `${policy.id}-again`, policy.spec));
    },
    'a policy is stored that nothing may move by, and a former scorer asks all the same': (random) => {
      const policy = oneOf(random, profile.policies);
      if (policy === undefined || !kubernetes.policies.has(policy.id)) return;
      const { spec } = policy;
      const isUnreadable = random() < 0.5;
      putPolicy(world, policy.id, {
        ...spec,
        ...(isUnreadable ? { lowWatermarkIOPS: HIGH_IOPS } : { enabled: false }),
      });
      for (const ms of [5_000, 15_000, 25_000]) clock.after(ms, () => requestOutOfTurn(world, random));
      until(random, () => {
        if (kubernetes.policies.has(policy.id)) putPolicy(world, policy.id, spec);
      });
    },
    'a person cordons a pool': (random) => {
      if (profile.version === '2.7.1') return;
      const pool = oneOf(random, model.poolIds()) ?? '';
      const flags = { replicas: true, snapshots: false, restores: false, import: false };
      // One without an answer may be set all the same; that of a pool which is cordoned already is not theirs.
      const lift = (isSet: boolean): void => {
        const note = (): void => {
          truth.poolOpenedAtMs.set(pool, clock.monotonicMs());
        };
        if (isSet) persist('DELETE', `/pools/${pool}/cordon`, flags, note);
        else
          void send('DELETE', `/pools/${pool}/cordon`, flags).then((done) => {
            if (done) note();
          });
      };
      void send('PUT', `/pools/${pool}/cordon`, flags).then((isSet) => until(random, () => lift(isSet)));
    },
    'a person relabels the pools of a tier': (random) => {
      const tier = random() < 0.5 ? 'hot' : 'cold';
      const nodes = profile.nodes.filter((node) => profile.tiersOf(node).includes(tier));
      for (const node of nodes) relabel(node, tier, 'spare');
      truth.relabelledAtMs.set(tier, Number.POSITIVE_INFINITY);
      until(random, () => {
        for (const node of nodes) relabel(node, tier, tier);
        truth.relabelledAtMs.set(tier, clock.monotonicMs());
      });
    },
    'a DiskPool is made that Mayastor does not know': (random) => {
      const node = oneOf(random, profile.nodes) ?? '';
      const [tier = 'hot'] = profile.tiersOf(node);
      const pool = { diskPoolId: `uid-new-${node}`, name: `new-${node}`, namespace: 'mayastor', node, createdAtMs: 0 };
      kubernetes.putDiskPool({ ...pool, labels: { tier } });
      until(random, () => kubernetes.putDiskPool({ ...pool, labels: {} }));
    },
    'a person holds a volume until a time': (random) => {
      const times = [60_000, -60_000].map((ms) => new Date(clock.nowMs() + ms).toISOString());
      annotate(random, { hold: oneOf(random, [...times, '2026-13-45T99:00:00Z', 'soon', 'false', '']) ?? '' });
    },
    'a person writes when a volume moved last': (random) => {
      const ago = new Date(clock.nowMs() - 20_000).toISOString();
      annotate(random, { lastMigration: random() < 0.5 ? 'yesterday' : ago });
    },
  };
}
