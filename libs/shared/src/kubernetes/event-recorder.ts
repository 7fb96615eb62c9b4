import { createHash } from 'node:crypto';
import type { Clock } from '../clock/index.ts';
import type { KubernetesClient } from './client.ts';
import { isStatus } from './errors.ts';
import type { Resource } from './objects.ts';

export interface RecordedEvent {
  /** What it is about. */
  readonly regarding: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    /** Absent for cluster-scoped kinds, whose events are kept in the namespace `default`. */
    readonly namespace?: string;
    readonly uid: string;
  };
  readonly type: 'Normal' | 'Warning';
  /** One PascalCase word of a closed set, at most 128 characters. */
  readonly reason: string;
  /** A sentence, cut at 1,024 characters. */
  readonly message: string;
  /** Tells this occurrence from others of the same reason about the same object, such as a migration's id. */
  readonly occurrence: string;
}

export interface EventRecorder {
  /** Writes an event once: the same occurrence, told again by anyone, changes nothing. */
  record(event: RecordedEvent, signal?: AbortSignal): Promise<void>;
}

const events: Resource = { group: '', version: 'v1', kind: 'Event', plural: 'events' };
const MESSAGE_LENGTH_MAX = 1_024;

/** `component` and `instance` are shown as where the event comes from. */
export function createEventRecorder(
  client: KubernetesClient,
  clock: Clock,
  { component, instance }: { readonly component: string; readonly instance: string },
): EventRecorder {
  return {
    record: async ({ regarding, type, reason, message, occurrence }, signal) => {
      const namespace = regarding.namespace ?? 'default';
      const time = new Date(clock.nowMs()).toISOString();
      const body = {
        involvedObject: regarding,
        type,
        reason,
        message: message.slice(0, MESSAGE_LENGTH_MAX),
        source: { component },
        reportingComponent: component,
        reportingInstance: instance,
        action: reason,
        eventTime: time.replace('Z', '000Z'),
        firstTimestamp: time.replace(/\.\d+/, ''),
        lastTimestamp: time.replace(/\.\d+/, ''),
        count: 1,
      };
      try {
        await client.create(events, { name: nameOf(regarding, reason, occurrence), namespace }, body, signal);
      } catch (error) {
        if (!isStatus(error, 409)) throw error;
      }
    },
  };
}

/** Derived from what makes an occurrence, so that the API server itself refuses a second one. */
function nameOf({ name, uid }: RecordedEvent['regarding'], reason: string, occurrence: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([uid, reason, occurrence]))
    .digest('hex');
  return `${name.slice(0, 200)}.${digest.slice(0, 16)}`;
}
