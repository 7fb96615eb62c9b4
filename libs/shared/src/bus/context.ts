import type { Breathe, Clock } from '../clock/index.ts';
import type { BusLogger } from './bus.ts';
import type { Connection } from './connection.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { BusMetrics } from './metrics.ts';
import type { Publisher } from './publisher.ts';
import type { StreamKeeper } from './stream-keeper.ts';

/** What the parts of one bus share. */
export interface BusContext {
  readonly service: string;
  readonly instance: string;
  readonly clock: Clock;
  /** Asked for between messages, so that thousands of them stop nobody else. */
  readonly breathe: Breathe;
  readonly logger: BusLogger;
  readonly metrics: BusMetrics;
  readonly random: () => number;
  readonly connection: Connection;
  readonly publisher: Publisher;
  readonly keeper: StreamKeeper;
  readonly deadLetters: DeadLetters;
  /** Aborted when the bus ends. */
  readonly closed: AbortSignal;
  /** Takes note of work that the end of the bus waits for; its failures are logged. */
  readonly track: (what: string, work: Promise<unknown>) => void;
}
