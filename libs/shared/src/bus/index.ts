export type { Bus, BusLogger, BusOptions, ConnectionState, DeadLetter, Published, PublishOptions } from './bus.ts';
export { connectBus } from './connect-bus.ts';
export { BusUnavailableError, ConflictError, PublishRefusedError, retryOf } from './errors.ts';
export type { EventPosition, MigrationEvent, ReadEventsOptions, RecordedEvent } from './events.ts';
export type { Fact, FactListener, FactTables, FactWriteOptions, FactWriter, FactWriterOptions } from './facts.ts';
export type { IntentListener, IntentStore, IntentWatch, StoredIntent } from './intents.ts';
export type { Permit, PermitWatchOptions } from './permit.ts';
export type { ConsumeRequestsOptions, Delivery, Disposition, Request } from './requests.ts';
export type { MessageInput } from './message-input.ts';
