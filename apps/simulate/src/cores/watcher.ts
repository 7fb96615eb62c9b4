import {
  composeStatus,
  LedgerBook,
  readAnswer,
  readMigrationEvent,
  readNode,
  readPool,
  World,
  type Control,
  type MigrationEvent,
  type PolicyStatus,
  type Sighting,
} from '@couchestor/watcher/core-parts';
import { BusUnavailableError } from '@couchestor/shared/bus';
import { MayastorUnavailableError } from '@couchestor/shared/mayastor';
import { subjectToken } from '@couchestor/shared/messages';
import { formatTimestamp } from '@couchestor/shared/units';
import type { Service, Surroundings } from '../services/surroundings.ts';
import { ApiServerAway } from '../world/kubernetes.ts';
import type { SimulatedProcess } from '../world/process.ts';
import { createHeldFacts, createHeardFacts, TOMBSTONE } from './facts.ts';
import { createMayastorCalls } from './mayastor-calls.ts';
import { begin, sleep, type Task } from './task.ts';
import type { Ways } from './ways.ts';

const LEASE_MS = 10_000;
const RENEW_MS = 2_000;
const BEAT_MS = 2_000;
const CONTROL_TIMEOUT_MS = 1_500;
const LOOK_MS = 1_000;
const INTENT_GRACE_MS = 500;
const REQUEST_TIMEOUT_MS = 5_000;
const STREAM = '2026-01-01T00:00:00.000Z';
const CLUSTER = 'cluster';
const observed = ['policy.observed', 'volume.observed', 'pool.observed', 'node.observed', 'cluster.observed'] as const;

class KubernetesUnavailable extends Error {}
const isOutage = (error: unknown): boolean =>
  error instanceof KubernetesUnavailable ||
  error instanceof ApiServerAway ||
  error instanceof BusUnavailableError ||
  error instanceof MayastorUnavailableError;

/** The watcher's cores, with as little around them as lets them do what they do in the service. */
export const runCoreWatcher: Service = async (process, surroundings, signal) => {
  const { kubernetes, core } = surroundings;
  const { clock } = process;
  const ways = core.waysOf(process);
  await new Promise<void>((resolve, reject) => {
    function* campaign(): Task {
      let leadsUntilMs = Number.NEGATIVE_INFINITY;
      let term: { isOver: boolean } | undefined;
      while (!signal.aborted) {
        const sentMs = clock.monotonicMs();
        try {
          const lead = () => kubernetes.direct.tryLead(process.name, LEASE_MS);
          if (yield* ways.ask('kubernetes lease', RENEW_MS, lead, () => new KubernetesUnavailable()))
            leadsUntilMs = sentMs + LEASE_MS - RENEW_MS;
        } catch (error) {
          if (!isOutage(error)) throw error;
        }
        if (clock.monotonicMs() >= leadsUntilMs) {
          if (term !== undefined) term.isOver = true;
          term = undefined;
        } else if (term === undefined || term.isOver) {
          const own = { isOver: false };
          term = own;
          // Over once is over for good: what ran in the term has ended.
          const isOver = (): boolean => (own.isOver ||= signal.aborted || clock.monotonicMs() >= leadsUntilMs);
          beginTerm(process, ways, surroundings, isOver, reject);
        }
        yield* sleep(process, RENEW_MS);
      }
      const clear = () => surroundings.bus.direct.beat(undefined);
      try {
        if (term !== undefined)
          yield* ways.ask('clear heartbeat', 1_000, clear, () => new BusUnavailableError('permit'));
      } catch (error) {
        if (!isOutage(error)) throw error;
      }
      resolve();
    }
    begin(campaign(), reject);
  });
};

function beginTerm(
  process: SimulatedProcess,
  ways: Ways,
  { bus: server, kubernetes, profile, core }: Surroundings,
  isOver: () => boolean,
  onDefect: (error: unknown) => void,
): void {
  const { clock, name: leader } = process;
  const { direct } = server;
  const calls = createMayastorCalls({ ...core, ways, standstillShare: 0, standstillMaxMs: 0 });
  const book = new LedgerBook();
  const published = createHeldFacts(direct, observed);
  const evaluations = createHeardFacts(ways, direct, ['policy.evaluated']);
  const marked: Readonly<Record<(typeof observed)[number], Set<string>>> = {
    'policy.observed': new Set(),
    'volume.observed': new Set(),
    'pool.observed': new Set(),
    'node.observed': new Set(),
    'cluster.observed': new Set(),
  };
  const dueStatus = new Set<string>();
  const noteStatus = (policyId?: string): void => {
    if (policyId !== undefined) dueStatus.add(policyId);
    else for (const id of world.policies.ids()) dueStatus.add(id);
  };
  const world: World = new World({
    policyFact: (id) => marked['policy.observed'].add(id),
    volumeFact: (id) => marked['volume.observed'].add(id),
    poolFact: (id) => marked['pool.observed'].add(id),
    nodeFact: (id) => marked['node.observed'].add(id),
    clusterFact: () => marked['cluster.observed'].add(CLUSTER),
    rebuild: () => undefined,
    policyStatus: noteStatus,
    work: () => undefined,
  });

  function* beat(): Task {
    let last: Control | undefined;
    while (!isOver()) {
      const beganMs = clock.monotonicMs();
      try {
        const sentAt = formatTimestamp(clock.nowMs());
        const read = () => kubernetes.direct.readControl();
        const control = yield* ways.ask(
          'kubernetes read control',
          CONTROL_TIMEOUT_MS,
          read,
          () => new KubernetesUnavailable(),
        );
        if (clock.monotonicMs() - beganMs <= CONTROL_TIMEOUT_MS && !isOver()) {
          const heartbeat = {
            leader,
            sentAt,
            paused: control.paused,
            ...(control.reason === undefined ? {} : { reason: control.reason }),
          };
          yield* ways.ask(
            'write heartbeat',
            1_000,
            () => direct.beat(heartbeat),
            () => new BusUnavailableError('permit'),
          );
          if (last?.paused !== control.paused || last.reason !== control.reason) world.setControl(control);
          last = control;
        }
      } catch (error) {
        if (!isOutage(error)) throw error;
      }
      yield* sleep(process, Math.max(0, beganMs + BEAT_MS - clock.monotonicMs()));
    }
  }

  const held = { policies: new Map(), persistentVolumes: new Map(), diskPools: new Map() };
  let kubernetesTo: number | undefined;
  const takeObject = (kind: keyof typeof held, key: string): void => {
    const next = kubernetes.direct.object(kind, key);
    const previous = held[kind].get(key);
    if (next === undefined) held[kind].delete(key);
    else held[kind].set(key, next);
    if (kind === 'policies') {
      world.setPolicy(next as never, previous);
      if (next !== undefined && book.adopt(key, (next as { status: PolicyStatus | undefined }).status)) restart();
    } else if (kind === 'persistentVolumes') world.setPersistentVolume(next as never, previous);
    else world.setDiskPool(next as never, previous);
  };
  const hearKubernetes = (): void => {
    const { changes } = kubernetes.direct;
    if (kubernetesTo === changes.length || !ways.hears('kubernetes')) return;
    if (kubernetesTo === undefined) {
      for (const kind of ['policies', 'persistentVolumes', 'diskPools'] as const)
        for (const key of kubernetes.direct.keys(kind)) takeObject(kind, key);
      kubernetesTo = changes.length;
    }
    for (; kubernetesTo < changes.length; kubernetesTo += 1) {
      const news = changes[kubernetesTo];
      if (news !== undefined) takeObject(news.kind, news.key);
    }
  };
  let intentsTo: number | undefined;
  const hearIntents = (): void => {
    if (intentsTo === direct.intentLog.length || !ways.hears('intents')) return;
    if (intentsTo === undefined) for (const [id, { intent }] of direct.intents) world.setIntent(id, intent);
    else
      for (const { volumeId, record } of direct.intentLog.slice(intentsTo)) world.setIntent(volumeId, record?.intent);
    intentsTo = direct.intentLog.length;
  };

  const refreshes = new Set<string>();
  function* refresh(): Task {
    for (const volumeId of refreshes) {
      refreshes.delete(volumeId);
      const answer = yield* calls.read(`/volumes/${volumeId}`, (shown) => {
        const volume = shown.volume(volumeId);
        return volume === undefined ? undefined : readAnswer(volume);
      });
      if (answer === undefined) world.missVolume(volumeId);
      else world.setVolume(answer);
    }
  }
  function* poll(): Task {
    while (!isOver()) {
      let restMs = profile.watchPeriodMs;
      try {
        world.setNodes(
          yield* calls.read('/nodes', (shown) => new Map(shown.nodes().map((node) => [node.id, readNode(node)]))),
        );
        const pools = yield* calls.read(
          '/pools',
          (shown) => new Map(shown.pools().map((pool) => [pool.id, readPool(pool)])),
        );
        // An intent is written before its cordon, but may be heard of after the read that shows the cordon.
        if (world.hasUnknownCordon(pools)) yield* sleep(process, INTENT_GRACE_MS);
        hearIntents();
        world.setPools(pools);
        world.beginPass();
        const answers = yield* calls.read('/volumes', (shown) => shown.volumes().map(readAnswer));
        for (const answer of answers) world.setVolume(answer);
        world.endPass();
      } catch (error) {
        if (!isOutage(error)) throw error;
        restMs = 1_000;
      }
      yield* sleep(process, restMs);
    }
  }

  let eventsTo: number | undefined;
  const restart = (): void => {
    eventsTo = undefined;
  };
  function* fold(): Task {
    if (eventsTo === undefined) {
      book.rewind();
      eventsTo = book.startAfter()?.lastSequence ?? 0;
      if (eventsTo >= server.events.length) book.reached({ streamCreatedAt: STREAM, lastSequence: eventsTo });
    }
    if (eventsTo >= server.events.length || !ways.hears('events')) return;
    while (eventsTo !== undefined && eventsTo < server.events.length) {
      const message = server.events[eventsTo];
      if (message === undefined) return;
      const event = readMigrationEvent({ message, sequence: eventsTo + 1, streamCreatedAt: STREAM });
      if (book.isNew(event.policyId, event.position)) yield* act(event);
      if (book.record(event.policyId, event.position, event.step.kind === 'ended' ? event.step.move : undefined))
        noteStatus(event.policyId);
      // A policy that became known meanwhile may have begun it anew.
      if (eventsTo !== undefined) eventsTo += 1;
    }
  }
  function* act({ step, volumeId }: MigrationEvent): Task {
    if (step.kind === 'refused') return;
    refreshes.add(volumeId);
    yield* refresh();
    if (step.kind !== 'ended' || step.move.outcome.kind !== 'completed') return;
    const volume = world.volumes.persistentVolume(volumeId);
    if (volume === undefined || Date.parse(volume.view.lastMigration ?? '') >= step.move.endedAtMs) return;
    const annotate = () => kubernetes.direct.annotate(volume, { lastMigrationMs: step.move.endedAtMs });
    yield* ways.ask('kubernetes annotate', REQUEST_TIMEOUT_MS, annotate, () => new KubernetesUnavailable());
  }

  const factOf = (name: (typeof observed)[number], id: string): Sighting<unknown> => {
    switch (name) {
      case 'policy.observed':
        return world.policyFact(id);
      case 'volume.observed':
        return world.volumes.fact(id);
      case 'pool.observed':
        return world.poolFact(id);
      case 'node.observed':
        return world.nodeFact(id);
      case 'cluster.observed':
        return world.clusterFact();
    }
  };
  function* publish(): Task {
    published.follow((name, id) => marked[name as (typeof observed)[number]].add(id));
    for (const name of observed) {
      for (const id of marked[name]) {
        const fact = factOf(name, id);
        const identity = fact.kind === 'present' ? JSON.stringify(fact.value) : TOMBSTONE;
        if (fact.kind !== 'unproven' && !published.holds(name, id, identity)) {
          const data = fact.kind === 'present' ? (fact.value as never) : undefined;
          const put = () => direct.setFact(name, subjectToken(id), data, identity, process, undefined);
          yield* ways.ask(`publish ${name}`, REQUEST_TIMEOUT_MS, put, () => new BusUnavailableError(name));
        }
        marked[name].delete(id);
      }
    }
  }

  const written = new Map<string, { readonly status: PolicyStatus; readonly resourceVersion: string }>();
  function* writeStatuses(): Task {
    const isCounted = world.isComplete && !world.hasWork;
    const nameOf = (policyId: string): string => world.policies.get(policyId)?.object.name ?? policyId;
    for (const policyId of Array.from(dueStatus)) {
      dueStatus.delete(policyId);
      const policy = world.policies.get(policyId);
      if (policy === undefined) {
        book.forget(policyId);
        continue;
      }
      const { object, parsed } = policy;
      const own = written.get(policyId);
      const base = own !== undefined && Number(own.resourceVersion) > Number(object.resourceVersion) ? own : object;
      const view = {
        generation: object.generation,
        parsed,
        evaluated: evaluations.of('policy.evaluated').get(policyId)?.data,
        counts: isCounted ? world.census.counts(policyId) : undefined,
        overlappedBy: isCounted ? world.census.overlappedBy(policyId).map(nameOf) : undefined,
        activeMigrations: world.moves.of(policyId),
        control: world.control,
      };
      const next = composeStatus(base.status, book.ledger(policyId), view, clock.nowMs());
      if (next === base.status) continue;
      try {
        const write = () => kubernetes.direct.writeStatus({ ...object, resourceVersion: base.resourceVersion }, next);
        const outcome = yield* ways.ask(
          'kubernetes write status',
          REQUEST_TIMEOUT_MS,
          write,
          () => new KubernetesUnavailable(),
        );
        if (outcome.kind === 'written')
          written.set(policyId, { status: next, resourceVersion: outcome.resourceVersion });
        else if (outcome.kind === 'conflict') dueStatus.add(policyId);
      } catch (error) {
        dueStatus.add(policyId);
        throw error;
      }
    }
  }

  function* lookAround(): Task {
    let statusAtMs = clock.monotonicMs();
    // What a former watcher published and is not there any more is taken back.
    for (const name of observed) for (const id of published.ids(name)) marked[name].add(id);
    while (!isOver()) {
      try {
        hearKubernetes();
        hearIntents();
        if (evaluations.hear()) noteStatus();
        if (kubernetesTo !== undefined) yield* fold();
        yield* refresh();
        world.work(1_000);
        if (kubernetesTo !== undefined && intentsTo !== undefined) yield* publish();
        if (
          dueStatus.size > 0 &&
          clock.monotonicMs() - statusAtMs >= 5 * profile.debounceMs &&
          evaluations.isSynced()
        ) {
          statusAtMs = clock.monotonicMs();
          yield* writeStatuses();
        }
      } catch (error) {
        if (!isOutage(error)) throw error;
      }
      yield* sleep(process, LOOK_MS);
    }
  }
  for (const task of [beat(), poll(), lookAround()]) begin(task, onDefect);
}
