import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export interface RegistryOptions {
  readonly service: string;
  readonly version: string;
}

/**
 * What is told of the event loop is how far apart the ticks of a timer came, so a stop looks longer by up to its period.
 * Every 10 ms, as by default, would cost two thousandths of a processor, and this costs four.
 */
const EVENT_LOOP_TICK_MS = 2;

/** A registry with the process's own metrics (memory, CPU, event loop lag, collections) and `couchestor_build_info`. */
export function createRegistry({ service, version }: RegistryOptions): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_TICK_MS });
  new Gauge({
    name: 'couchestor_build_info',
    help: 'Always 1; labels: service, version and node (the version of Node.js).',
    labelNames: ['service', 'version', 'node'],
    registers: [registry],
  }).set({ service, version, node: process.version }, 1);
  return registry;
}
