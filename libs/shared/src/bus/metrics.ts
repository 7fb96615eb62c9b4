import { Counter, Gauge, Registry } from 'prom-client';
import { buckets, messageNames, streams, type MessageName } from '../messages/index.ts';

/** Everything that the bus counts. All label sets are closed, and every series is there from the start. */
export interface BusMetrics {
  connected(is: boolean): void;
  reconnected(): void;
  published(type: MessageName, result: 'stored' | 'duplicate' | 'refused'): void;
  publishRetried(): void;
  consumed(type: MessageName): void;
  redelivered(): void;
  exhausted(): void;
  deadLettered(stream: string): void;
  streamSize(stream: string, bytes: number, limitBytes: number): void;
  requestsPending(waiting: number, unacknowledged: number): void;
}

/** The name of a bucket's stream. */
export const bucketStream = (bucket: string): string => `KV_${bucket}`;

export function createBusMetrics(service: string, registry: Registry = new Registry()): BusMetrics {
  const registers = [registry];
  const connected = new Gauge({
    name: 'couchestor_nats_connected',
    help: '1 while there is a connection to NATS.',
    registers,
  });
  const reconnects = new Counter({
    name: 'couchestor_nats_reconnects_total',
    help: 'Connections to NATS made after the first one.',
    registers,
  });
  const published = new Counter({
    name: 'couchestor_messages_published_total',
    help: 'Messages that JetStream stored, knew already (duplicate) or refused; by type.',
    labelNames: ['type', 'result'],
    registers,
  });
  const retries = new Counter({
    name: 'couchestor_publish_retries_total',
    help: 'Tries of a publish after the first one.',
    registers,
  });
  const consumed = new Counter({
    name: 'couchestor_messages_consumed_total',
    help: 'Messages read and handed over, by type.',
    labelNames: ['type'],
    registers,
  });
  const redelivered = new Counter({
    name: 'couchestor_requests_redelivered_total',
    help: 'Requests that were delivered to this process and had been delivered before.',
    registers,
  });
  const exhausted = new Counter({
    name: 'couchestor_requests_exhausted_total',
    help: 'Requests given up because they were delivered too often.',
    registers,
  });
  const deadLetters = new Counter({
    name: 'couchestor_dead_letters_total',
    help: 'Messages that could not be read or handled, by the stream that they came from.',
    labelNames: ['service', 'stream'],
    registers,
  });
  const streamBytes = new Gauge({
    name: 'couchestor_stream_bytes',
    help: 'Size of a stream or bucket.',
    labelNames: ['stream'],
    registers,
  });
  const streamLimitBytes = new Gauge({
    name: 'couchestor_stream_limit_bytes',
    help: 'Size that a stream or bucket may reach.',
    labelNames: ['stream'],
    registers,
  });
  const pending = new Gauge({
    name: 'couchestor_requests_pending',
    help: 'Requests in the work queue: waiting for delivery, or delivered and not yet acknowledged.',
    labelNames: ['state'],
    registers,
  });

  for (const type of messageNames) {
    consumed.inc({ type }, 0);
    for (const result of ['stored', 'duplicate', 'refused']) published.inc({ type, result }, 0);
  }
  const definitions = [
    ...Object.values(streams).map(({ name, maxBytes }) => ({ name: name as string, maxBytes })),
    ...Object.values(buckets).map(({ name, maxBytes }) => ({ name: bucketStream(name), maxBytes })),
  ];
  for (const { name, maxBytes } of definitions) {
    deadLetters.inc({ service, stream: name }, 0);
    streamBytes.set({ stream: name }, 0);
    streamLimitBytes.set({ stream: name }, maxBytes);
  }
  connected.set(0);

  return {
    connected: (is) => connected.set(is ? 1 : 0),
    reconnected: () => reconnects.inc(),
    published: (type, result) => published.inc({ type, result }),
    publishRetried: () => retries.inc(),
    consumed: (type) => consumed.inc({ type }),
    redelivered: () => redelivered.inc(),
    exhausted: () => exhausted.inc(),
    deadLettered: (stream) => deadLetters.inc({ service, stream }),
    streamSize: (stream, bytes, limitBytes) => {
      streamBytes.set({ stream }, bytes);
      streamLimitBytes.set({ stream }, limitBytes);
    },
    requestsPending: (waiting, unacknowledged) => {
      pending.set({ state: 'waiting' }, waiting);
      pending.set({ state: 'unacknowledged' }, unacknowledged);
    },
  };
}
