import type { AimedWorld } from './aimed-world.ts';
import { brakes } from './brakes.ts';
import { budget } from './budget.ts';
import { fences } from './fences.ts';
import { lateCalls } from './late-calls.ts';
import { oldNews } from './old-news.ts';
import { owners } from './owners.ts';
import { rooms } from './rooms.ts';
import { stops } from './stops.ts';
import { takeOvers } from './take-overs.ts';
import { victims } from './victims.ts';
import { watchers } from './watchers.ts';

const all = {
  ...lateCalls,
  ...stops,
  ...owners,
  ...fences,
  ...oldNews,
  ...rooms,
  ...victims,
  ...watchers,
  ...brakes,
  ...budget,
  ...takeOvers,
};

export type AimedWorldName = keyof typeof all;
export const aimedWorlds: Readonly<Record<AimedWorldName, AimedWorld>> = all;
export const aimedWorldNames = Object.keys(all) as readonly AimedWorldName[];
