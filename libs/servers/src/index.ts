export { findBinary } from './binaries.ts';
export { freePort } from './free-port.ts';
export { startNats } from './nats.ts';
export { type ProcessExit, type ProcessOptions, type SpawnedProcess, spawnProcess } from './process.ts';
export { type PrometheusOptions, type ScrapeTargets, startPrometheus } from './prometheus.ts';
export { startRedis } from './redis.ts';
export { type Server, type ServerOptions, ServerStartError } from './server.ts';
export { type LinkState, type NetworkLink, startNetworkLink } from './network-link.ts';
