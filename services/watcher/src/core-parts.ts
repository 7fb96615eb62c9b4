/** What is seen and counted, for whoever does it without this service around it. */
export { readAnswer, readNode, readPool } from './adapters/mayastor-source.ts';
export { readMigrationEvent } from './adapters/messages.ts';
export { composeStatus } from './core/compose-status.ts';
export { LedgerBook } from './core/ledger-book.ts';
export type { MigrationEvent } from './core/migration-event.ts';
export type { Control } from './core/objects.ts';
export type { Sighting } from './core/sightings.ts';
export type { PolicyStatus } from './core/status.ts';
export { World } from './core/world.ts';
