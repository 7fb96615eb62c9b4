import type { Fleet } from '../fleet.ts';
import { requestOutOfTurn } from '../out-of-turn.ts';
import { calmVolumes } from '../world/calm-profile.ts';
import { volumeIdOf } from '../world/profile.ts';
import { seededRandom } from '@couchestor/shared/random';
import { iopsFor, putPolicy, type World } from '../world/world.ts';
import type { AimedWorld } from './aimed-world.ts';

/** What people and a watcher that is away forbid. */

const MINUTE_MS = 60_000;
const volumes = [1, 2, 3, 4].map(volumeIdOf);
const placements = Object.fromEntries(volumes.map((id, index) => [id, [`cold-n${index + 1}`]]));
const busy = { volumes: calmVolumes(placements), migrators: 3, fleetMax: 4, rebuildMs: 8_000 };

function wantHot({ truth }: World, of: readonly string[] = volumes): void {
  for (const id of volumes) truth.iops.set(id, iopsFor(of.includes(id) ? 'hot' : 'cold'));
}

/** They die, all of them, and are started again later; none ends in good order, which would take its heartbeat away. */
function loseWatchers({ clock, profile }: World, fleet: Fleet, forMs: number): void {
  for (const watcher of fleet.running('watcher')) watcher.kill();
  fleet.scale('watcher', 0);
  clock.after(forMs, () => fleet.scale('watcher', profile.watchers));
}

export const stops = {
  'a heartbeat of somebody who is no more': {
    says: 'the watcher dies, the migrators after it, and those that come find its last heartbeat and requests to act on',
    profile: () => ({ ...busy, cachePeriodMs: 1_000 }),
    stage: (world, fleet) => {
      wantHot(world, []);
      const { clock } = world;
      const random = seededRandom(1);
      clock.after(2 * MINUTE_MS, () => {
        loseWatchers(world, fleet, MINUTE_MS);
        // What a bucket forgets after ten seconds is still there when others begin.
        clock.after(8_500, () => {
          for (const migrator of fleet.running('migrator')) migrator.kill();
        });
        for (let ms = 12_000; ms < 18_000; ms += 200)
          clock.after(ms, () => requestOutOfTurn(world, random, volumes[(ms / 200) % volumes.length]));
      });
      return undefined;
    },
  },
  'clocks that are set back while no watcher is there': {
    says: 'moves are in flight when the watcher dies and the clocks of all migrators are set back by a minute',
    profile: () => busy,
    stage: (world, fleet) => {
      wantHot(world);
      const { clock, bus } = world;
      const look = (): void => {
        const filling = [...bus.intents.values()].filter(
          ({ intent }) => intent.state === 'active' && intent.round?.addedAt !== undefined,
        );
        if (filling.length < 2) return void clock.after(500, look);
        loseWatchers(world, fleet, 2 * MINUTE_MS);
        for (const migrator of fleet.running('migrator')) migrator.jumpWall(-MINUTE_MS);
      };
      look();
      return undefined;
    },
  },
  'a policy that only tries': {
    says: 'somebody who does not know asks for moves of a policy that was put on a dry run',
    profile: () => busy,
    stage: (world) => {
      wantHot(world, volumes.slice(0, 1));
      const { clock, profile } = world;
      const random = seededRandom(1);
      const [policy] = profile.policies;
      if (policy === undefined) throw new Error('there is a policy');
      const { id, spec } = policy;
      clock.after(MINUTE_MS, () => putPolicy(world, id, { ...spec, dryRun: true }));
      for (let ms = 3 * MINUTE_MS; ms < 6 * MINUTE_MS; ms += 15_000)
        clock.after(ms, () => requestOutOfTurn(world, random));
      clock.after(7 * MINUTE_MS, () => putPolicy(world, id, spec));
      return undefined;
    },
  },
  'a pause while the watcher stands still': {
    says: 'the watcher stands still when it has read that nothing is paused, and a person pauses all meanwhile',
    profile: () => busy,
    stage: (world) => {
      wantHot(world);
      const { kubernetes, clock, truth } = world;
      let isDue = false;
      clock.after(2 * MINUTE_MS, () => {
        isDue = true;
      });
      const pause = (isPaused: boolean): void => {
        kubernetes.pause(isPaused);
        truth.pausedAtMs = isPaused ? clock.monotonicMs() : undefined;
      };
      return {
        kubernetes: {
          ...kubernetes,
          get control() {
            return kubernetes.control;
          },
          get writes() {
            return kubernetes.writes;
          },
          controlOf: (process) => ({
            read: async (signal) => {
              const control = await kubernetes.controlOf(process).read(signal);
              if (!isDue) return control;
              isDue = false;
              process.pauseFor(8_000);
              pause(true);
              clock.after(40_000, () => pause(false));
              await process.running();
              return control;
            },
          }),
        },
      };
    },
  },
  'a pin that is not where the load points': {
    says: 'a person pins an idle volume to the cold tier, and then it becomes busy',
    profile: () => busy,
    stage: (world) => {
      const [pinned = '', ...others] = volumes;
      wantHot(world, others);
      world.kubernetes.putPersistentVolume(pinned, { pinTier: 'cold' });
      world.truth.annotatedAtMs.set(pinned, 0);
      world.clock.after(3 * MINUTE_MS, () => wantHot(world));
      return undefined;
    },
  },
} as const satisfies Readonly<Record<string, AimedWorld>>;
