/** What this service is built of, for whoever runs all services in one process. */
export { createMayastor } from './adapters/seen-mayastor.ts';
export { observeWorld } from './adapters/observed-world.ts';
export { createMethodFinder, watchMethod, type Method } from './capabilities.ts';
export { isDependencyError } from './dependency-error.ts';
export { watchIntents } from './intent-board.ts';
export type { MigratorMetrics } from './metrics.ts';
export { createMigrator } from './migrator.ts';
export type { ObservedWorld } from './ports.ts';
export { createPermission } from './permission.ts';
export { publishMover } from './publish-mover.ts';
export { observeMover } from './observe-mover.ts';
export { createCordonSweep } from './sweep-cordons.ts';
