import type { IntentStore } from '@couchestor/shared/bus';
import type { HttpAnswer, HttpRequest, Transport } from '@couchestor/shared/mayastor';
import type { SimulatedBus } from '../bus/simulated-bus.ts';
import type { MayastorRoad } from '../world/mayastor.ts';
import type { SimulatedProcess } from '../world/process.ts';

/** Between the services and what they call, in worlds made by hand. */

/** What each process sends to Mayastor goes through `send`. */
export function through(
  road: MayastorRoad,
  send: (request: HttpRequest, transport: Transport, process: SimulatedProcess) => Promise<HttpAnswer>,
): MayastorRoad {
  return {
    transportOf: (process) => {
      const transport = road.transportOf(process);
      return { ...transport, send: (request) => send(request, transport, process) };
    },
  };
}

/** What each process asks of the store of intents is changed by `change`. */
export function withIntents(
  bus: SimulatedBus,
  change: (own: IntentStore, process: SimulatedProcess) => Partial<IntentStore>,
): SimulatedBus {
  return {
    ...bus,
    connect: (process) => {
      const own = bus.connect(process);
      return { ...own, intents: { ...own.intents, ...change(own.intents, process) } };
    },
  };
}

/** Every process hears of what is stored about moves so much later. */
export const slowNews = (bus: SimulatedBus, lateMs: number): SimulatedBus =>
  withIntents(bus, (own, process) => ({
    watchAll: (options) =>
      own.watchAll({
        ...options,
        onChange: (...change) => void process.clock.after(lateMs, () => options.onChange(...change)),
      }),
  }));
