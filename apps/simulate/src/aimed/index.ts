import type { AimedWorld } from './aimed-world.ts';
import { lateCalls } from './late-calls.ts';
import { stops } from './stops.ts';

const all = { ...lateCalls, ...stops };

export type AimedWorldName = keyof typeof all;
export const aimedWorlds: Readonly<Record<AimedWorldName, AimedWorld>> = all;
