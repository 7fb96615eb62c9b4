import type { Fleet } from '../fleet.ts';
import type { Surroundings } from '../services/surroundings.ts';
import type { Profile } from '../world/profile.ts';
import type { World } from '../world/world.ts';

/**
 * A world made by hand, in which one thing happens in just the moment in which a careless service would do harm. No dice
 * are thrown: nothing else goes wrong. All that must always hold is looked at as in every other world.
 */
export interface AimedWorld {
  readonly says: string;
  readonly profile: (calm: Profile) => Partial<Profile>;
  /** Puts itself between the services and what they call, and arranges what happens. Returns what is changed for them. */
  readonly stage: (world: World, fleet: Fleet) => Partial<Surroundings> | undefined;
}
