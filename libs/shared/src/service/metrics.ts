import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export interface RegistryOptions {
  readonly service: string;
  readonly version: string;
}

/** A registry with the process's own metrics (memory, CPU, event loop lag, collections) and `couchestor_build_info`. */
export function createRegistry({ service, version }: RegistryOptions): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'couchestor_build_info',
    help: 'Always 1; labels: service, version and node (the version of Node.js).',
    labelNames: ['service', 'version', 'node'],
    registers: [registry],
  }).set({ service, version, node: process.version }, 1);
  return registry;
}
