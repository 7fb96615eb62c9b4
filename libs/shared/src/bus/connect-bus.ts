import type { Bus, BusOptions } from './bus.ts';

/** Waits for NATS for as long as the signal allows, with a back-off. @throws the signal's reason */
export declare function connectBus(options: BusOptions): Promise<Bus>;
