import type { SimulatedBus } from './bus/simulated-bus.ts';
import { createFleet, type Fleet } from './fleet.ts';
import { invariants } from './invariants/invariants.ts';
import type { MayastorRoad } from './world/mayastor.ts';
import { seededRandom } from '@couchestor/shared/random';
import { calmProfile, calmVolumes } from './world/calm-profile.ts';
import type { Profile } from './world/profile.ts';
import { createWorld, iopsFor, nobody, type World } from './world/world.ts';

/** A world of whole services in which nothing goes wrong but what a test does to it. */
export interface CalmWorld extends World {
  readonly fleet: Fleet;
  runUntil(done: () => boolean, withinMs: number): Promise<boolean>;
  /** Stops all services. What is wrong then, and services that ended by a defect, as sentences. */
  stop(): Promise<readonly string[]>;
}

/** By then everybody has heard of what happened last. */
const NEWS_MS = 60_000;
const STOP_WITHIN_MS = 2 * 60_000;
/** What was held lapses by itself, and so does a limit whose move never came to be. */
const HOLDS_LAPSE_MS = 3 * 60_000;

/**
 * Four nodes with a pool of each tier; the volumes of `placements`, published and all wanted on the hot tier.
 *
 * @param road between the services and Mayastor
 * @param bus between the services
 */
export function createCalmWorld(
  placements: Readonly<Record<string, readonly string[]>>,
  change: Partial<Profile> = {},
  road: (given: MayastorRoad) => MayastorRoad = (given) => given,
  bus: (given: SimulatedBus) => SimulatedBus = (given) => given,
): CalmWorld {
  const world = createWorld({
    seed: 1,
    profile: { ...calmProfile(calmVolumes(placements)), ...change },
    only: undefined,
    observer: nobody,
  });
  for (const id of Object.keys(placements)) world.truth.iops.set(id, iopsFor('hot'));
  const given = world.surroundings;
  const surroundings = { ...given, mayastor: road(given.mayastor), bus: bus(given.bus) };
  const defects: string[] = [];
  const fleet = createFleet(
    { ...world, surroundings },
    seededRandom(1),
    (who, error) => defects.push(`${who}: ${String(error)}`),
    () => undefined,
  );
  const { watchers, scorers, migrators } = world.profile;
  fleet.scale('watcher', watchers);
  fleet.scale('scorer', scorers);
  fleet.scale('migrator', migrators);
  const runUntil = (done: () => boolean, withinMs: number): Promise<boolean> => world.clock.runUntil(done, withinMs);
  return {
    ...world,
    fleet,
    runUntil,
    stop: async () => {
      await runUntil(() => false, NEWS_MS);
      for (const role of ['migrator', 'scorer', 'watcher'] as const) fleet.scale(role, 0);
      const hasStopped = await runUntil(() => fleet.running().length === 0, STOP_WITHIN_MS);
      await runUntil(() => world.leaseServer.census().holders === 0, HOLDS_LAPSE_MS);
      const wrong = invariants.flatMap(({ id, atRest, afterStep }) => [
        ...(atRest?.(world) ?? []).map((what) => `${id} ${what}`),
        ...[afterStep?.(world)].flatMap((what) => (what === undefined ? [] : [`${id} ${what}`])),
      ]);
      world.model.stop();
      return [...defects, ...(hasStopped ? [] : ['a service does not stop']), ...wrong];
    },
  };
}
