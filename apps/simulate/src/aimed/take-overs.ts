import { RedisUnavailableError, type MemoryLeaseServer } from '@couchestor/shared/leases';
import type { Fleet } from '../fleet.ts';
import { calmVolumes } from '../world/calm-profile.ts';
import { volumeIdOf } from '../world/profile.ts';
import { iopsFor, type World } from '../world/world.ts';
import type { AimedWorld } from './aimed-world.ts';
import { through } from './in-between.ts';

/** What the last call of whoever had a move before brings about when another has it. */

const MINUTE_MS = 60_000;
const VOLUME = volumeIdOf(1);
/** A call without an answer may have its effect so late, and not later. */
const EFFECT_MS = 29_900;
/** Leases are renewed as seldom as this, so that one may be taken over soon after a call. */
const RENEWED_EVERY_MS = 9_500;
/** So much of a lease of 15 s has to be over when the call is sent, that needs the rest of it: its reads take so long. */
const SENT_FROM_MS = 5_300;
const READ_MAX_MS = 4_500;

const profile = () => ({
  volumes: calmVolumes({ [VOLUME]: ['cold-n1'] }),
  cachePeriodMs: 500,
  rebuildMs: 500,
  troubleMs: 6 * MINUTE_MS,
});

/** The lease of the volume is renewed seldom. Tells how long ago it was. */
function seldomRenewed({ leaseServer, clock }: World): { server: MemoryLeaseServer; sinceMs: () => number } {
  let renewedAtMs = Number.NEGATIVE_INFINITY;
  const sinceMs = (): number => clock.monotonicMs() - renewedAtMs;
  const server: MemoryLeaseServer = {
    ...leaseServer,
    acquireLease: async (request) => {
      const reply = await leaseServer.acquireLease(request);
      if (request.name === VOLUME && reply.kind === 'granted') renewedAtMs = clock.monotonicMs();
      return reply;
    },
    renewLease: async (request) => {
      if (request.name !== VOLUME) return leaseServer.renewLease(request);
      if (sinceMs() < RENEWED_EVERY_MS) throw new RedisUnavailableError('renewLease', 'the server is away');
      renewedAtMs = clock.monotonicMs();
      return leaseServer.renewLease(request);
    },
  };
  return { server, sinceMs };
}

/** The first count of this kind has no answer and comes late, and its sender dies. */
function diesAfter(world: World, fleet: Fleet, kind: 'growth' | 'undoing'): ReturnType<AimedWorld['stage']> {
  const { surroundings, truth, clock, model, bus, kubernetes } = world;
  const { server, sinceMs } = seldomRenewed(world);
  truth.iops.set(VOLUME, iopsFor('hot'));
  const path = `/volumes/${VOLUME}/replica_count/${kind === 'growth' ? 2 : 1}`;
  const isNext = (): boolean => {
    const intent = bus.intents.get(VOLUME)?.intent;
    if (intent?.state !== 'active') return false;
    return kind === 'growth' ? intent.round?.fence !== undefined : intent.rollback !== undefined;
  };
  const abortWhileItFills = (): void => {
    const intent = bus.intents.get(VOLUME)?.intent;
    if (intent?.state !== 'active' || intent.round?.addedAt === undefined)
      return void clock.after(500, abortWhileItFills);
    kubernetes.putPersistentVolume(VOLUME, { abort: intent.migrationId, hold: 'true' });
  };
  if (kind === 'undoing') abortWhileItFills();
  let isDone = false;
  return {
    leaseServer: server,
    mayastor: through(surroundings.mayastor, async (request, transport, process) => {
      if (isDone || !isNext()) return transport.send(request);
      const isRead = request.method === 'GET' && request.path === `/volumes/${VOLUME}`;
      if (isRead && sinceMs() < SENT_FROM_MS)
        await process.clock.sleep(Math.min(READ_MAX_MS, SENT_FROM_MS - sinceMs()));
      if (request.path !== path || request.mayStart?.() === false) return transport.send(request);
      isDone = true;
      const effectAtMs = clock.monotonicMs() + EFFECT_MS;
      truth.countsOnTheirWay.push({ volumeId: VOLUME, owner: process.name, path, effectAtMs });
      clock.after(EFFECT_MS, () => void model.handle({ method: 'PUT', path: `/v0${path}` }));
      clock.after(100, () => {
        for (const migrator of fleet.running('migrator')) if (migrator === process) migrator.kill();
      });
      return await new Promise(() => undefined);
    }),
  };
}

export const takeOvers = {
  'a growth on its way when its sender dies': {
    says: 'who asks for one replica more dies, another has the move before that call has its effect',
    profile,
    stage: (world, fleet) => diesAfter(world, fleet, 'growth'),
  },
  'an undoing on its way when its sender dies': {
    says: 'a person aborts a move that fills, and who takes the new replica back dies, with the call on its way',
    profile: () => ({ ...profile(), isThin: false, rebuildMs: 4 * MINUTE_MS }),
    stage: (world, fleet) => diesAfter(world, fleet, 'undoing'),
  },
} as const satisfies Readonly<Record<string, AimedWorld>>;
