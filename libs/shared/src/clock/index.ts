export { createBreathe, type Breathe } from './breathe.ts';
export type { Clock } from './clock.ts';
export { pause } from './pause.ts';
export { createSystemClock } from './system-clock.ts';
export { createVirtualClock, type VirtualClock } from './virtual-clock.ts';
