/** What this service is built of, for whoever runs all services in one process. */
export { createMayastorSource } from './adapters/mayastor-source.ts';
export { createMessageSource } from './adapters/messages.ts';
export { createWatchedStore } from './adapters/watched.ts';
export type { Announcement } from './core/announcement.ts';
export type { Control, DiskPoolObject, PersistentVolumeObject, PolicyObject } from './core/objects.ts';
export type { PolicyStatus } from './core/status.ts';
export type { ControlSource, KubernetesSink, KubernetesSource, Measures, WriteOutcome } from './ports.ts';
export { runTerm } from './tasks/term.ts';
