import { HOUR_MS, MIB, DAY_MS } from '../units/index.ts';
import { catalog, messageNames } from './catalog.ts';
import { subjectFilterOf } from './subjects.ts';

export interface StreamDefinition {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly retention: 'limits' | 'workqueue';
  readonly discard: 'old' | 'new';
  readonly maxMessagesPerSubject: number;
  /** 0: kept without limit of age. */
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** How long a repeated `Nats-Msg-Id` is recognised. */
  readonly duplicateWindowMs: number;
}

const subjectsOf = (stream: string): string[] =>
  messageNames.filter((name) => catalog[name].stream === stream).map(subjectFilterOf);

export const streams = {
  state: {
    name: 'COUCHESTOR_STATE',
    subjects: subjectsOf('COUCHESTOR_STATE'),
    retention: 'limits',
    discard: 'new',
    maxMessagesPerSubject: 1,
    maxAgeMs: 0,
    maxBytes: 1024 * MIB,
    duplicateWindowMs: 2_000,
  },
  events: {
    name: 'COUCHESTOR_EVENTS',
    subjects: subjectsOf('COUCHESTOR_EVENTS'),
    retention: 'limits',
    discard: 'old',
    maxMessagesPerSubject: -1,
    maxAgeMs: 30 * DAY_MS,
    maxBytes: 2048 * MIB,
    duplicateWindowMs: 120_000,
  },
  /**
   * A newer request of a volume replaces the older one. The duplicate window is short, because a request that was
   * refused or ran out may be repeated under the same id; what stops a move from happening twice is the intent.
   */
  commands: {
    name: 'COUCHESTOR_COMMANDS',
    subjects: subjectsOf('COUCHESTOR_COMMANDS'),
    retention: 'workqueue',
    discard: 'old',
    maxMessagesPerSubject: 1,
    maxAgeMs: 24 * HOUR_MS,
    maxBytes: 256 * MIB,
    duplicateWindowMs: 1_000,
  },
  dead: {
    name: 'COUCHESTOR_DEAD',
    subjects: ['couchestor.dead.v1.*'],
    retention: 'limits',
    discard: 'old',
    maxMessagesPerSubject: -1,
    maxAgeMs: 7 * DAY_MS,
    maxBytes: 64 * MIB,
    duplicateWindowMs: 120_000,
  },
} as const satisfies Record<string, StreamDefinition>;

export const buckets = {
  /** One record per volume, until the volume is gone. */
  intents: { name: 'couchestor-intents', maxBytes: 512 * MIB, ttlMs: 0 },
  /** The heartbeat of the leading watcher; gone when it stops. */
  permit: { name: 'couchestor-permit', maxBytes: MIB, ttlMs: 14_000 },
} as const;

export const PERMIT_KEY = 'heartbeat';
