import { createWatchedStore, type PolicyObject } from '@couchestor/watcher/parts';
import type { SimulatedKubernetes } from '../world/kubernetes.ts';
import { calmVolumes } from '../world/calm-profile.ts';
import { volumeIdOf, type Profile } from '../world/profile.ts';
import { iopsFor, type World } from '../world/world.ts';
import type { AimedWorld } from './aimed-world.ts';

/** What a new watcher does not know yet. */

const MINUTE_MS = 60_000;
const volumes = [1, 2].map(volumeIdOf) as [string, string];
const LATE = 'policy-2';
const LATE_MS = MINUTE_MS;

const twoPolicies = ({ policies }: Profile): Profile['policies'] =>
  policies.slice(0, 1).flatMap((policy) =>
    ['policy-1', LATE].map((id, index) => ({
      id,
      spec: { ...policy.spec, volumeSelector: { matchLabels: { group: index === 0 ? 'odd' : 'even' } } },
    })),
  );

/** The watcher that comes second hears of one policy only after a while. */
const seenLate = ({ kubernetes }: World): SimulatedKubernetes => ({
  ...kubernetes,
  get control() {
    return kubernetes.control;
  },
  get writes() {
    return kubernetes.writes;
  },
  sourceOf: (process) => {
    const source = kubernetes.sourceOf(process);
    if (process.name !== 'watcher-2') return source;
    const policies = createWatchedStore<PolicyObject>();
    let isLate = true;
    process.clock.after(LATE_MS, () => {
      isLate = false;
      for (const policy of source.policies.objects()) policies.set(policy.policyId, policy);
    });
    source.policies.onChange((next, previous) => {
      const key = next?.policyId ?? previous?.policyId ?? '';
      if (key !== LATE || !isLate) policies.set(key, next);
    });
    void source.policies.whenSynced(new AbortController().signal).then(() => policies.markSynced());
    return { ...source, policies };
  },
});

export const watchers = {
  'a volume that is deleted': {
    says: 'of two volumes one is deleted, and nobody speaks of it any more',
    profile: () => ({ volumes: calmVolumes(Object.fromEntries(volumes.map((id) => [id, ['cold-n1']]))) }),
    stage: ({ truth, clock, model, kubernetes }) => {
      const [first, second] = volumes;
      for (const id of volumes) truth.iops.set(id, iopsFor(id === first ? 'hot' : 'cold'));
      clock.after(3 * MINUTE_MS, () => {
        truth.wantedCounts.delete(second);
        void model.handle({ method: 'DELETE', path: `/v0/volumes/${second}` });
        kubernetes.deletePersistentVolume(second);
      });
      return undefined;
    },
  },
  'a policy that a new watcher sees late': {
    says: 'a watcher dies when a move has ended and before it counted it, and the next one does not see the policy at once',
    profile: (calm) => ({
      policies: twoPolicies(calm),
      volumes: calmVolumes(Object.fromEntries(volumes.map((id, index) => [id, [`cold-n${index + 1}`]]))).map(
        (volume, index) => ({ ...volume, labels: { group: index === 0 ? 'odd' : 'even' } }),
      ),
    }),
    stage: (world, fleet) => {
      const { truth, clock, bus } = world;
      for (const id of volumes) truth.iops.set(id, iopsFor('cold'));
      clock.after(10_000, () => truth.iops.set(volumes[1], iopsFor('hot')));
      const look = (): void => {
        if (!bus.events.some(({ name }) => name === 'migration.completed')) return void clock.after(10, look);
        for (const watcher of fleet.running('watcher')) watcher.kill();
      };
      look();
      return { kubernetes: seenLate(world) };
    },
  },
} as const satisfies Readonly<Record<string, AimedWorld>>;
