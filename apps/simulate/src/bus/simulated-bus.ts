import type { Bus, MigrationEvent, Request, StoredIntent } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import {
  catalog,
  subjectToken,
  type Heartbeat,
  type Intent,
  type MessageData,
  type StateName,
} from '@couchestor/shared/messages';
import type { Chaos } from '../world/chaos.ts';
import type { Network } from '../world/network.ts';
import type { SimulatedProcess } from '../world/process.ts';
import { type Random } from '@couchestor/shared/random';
import { asItIs, throughBytes } from './carried.ts';
import { createEventStream } from './events.ts';
import { createStateStream } from './facts.ts';
import { createIntentBucket } from './intents.ts';
import { createPermitBucket } from './permit.ts';
import { createRequestQueue } from './requests.ts';

/**
 * NATS as the services see it through `Bus`, with everything that its contract allows: messages late, twice and to two
 * consumers, publishes without an answer that were stored or not, a stream of facts that is gone.
 */
export interface SimulatedBus {
  connect(process: SimulatedProcess): Bus;
  readonly intents: ReadonlyMap<string, StoredIntent>;
  readonly events: readonly MigrationEvent[];
  facts<N extends StateName>(name: N): ReadonlyMap<string, MessageData<N>>;
  /** Facts ever stored. */
  readonly factWrites: number;
  pendingRequests(): readonly Request[];
  repeatRequest(random: Random, migrationId?: string): void;
  /** A request of a scorer that is none of the running ones. */
  request(data: MessageData<'migration.requested'>): void;
  loseFacts(): void;
}

export interface SimulatedBusOptions {
  readonly clock: Clock;
  readonly chaos: Chaos;
  readonly network: Network;
  /** Whether each message goes through schema and bytes, as on the real bus. */
  readonly throughBytes: boolean;
  readonly onIntent: (next: Intent, previous: Intent | undefined, writer: SimulatedProcess) => void;
  readonly onRequest: (request: MessageData<'migration.requested'>, scorer: SimulatedProcess) => void;
  readonly onEvent: (message: MigrationEvent) => void;
  readonly onHeartbeat: (heartbeat: Heartbeat | undefined) => void;
}

export function createSimulatedBus(options: SimulatedBusOptions): SimulatedBus {
  const { clock, chaos, network } = options;
  const carry = options.throughBytes ? throughBytes : asItIs;
  const state = createStateStream({ clock, network, carry });
  const events = createEventStream({ clock, network, onStored: options.onEvent });
  const requests = createRequestQueue({ clock, chaos });
  const intents = createIntentBucket({ network, throughSchema: options.throughBytes, onWrite: options.onIntent });
  const permit = createPermitBucket({ clock, network, chaos, onWrite: options.onHeartbeat });

  const connect = (process: SimulatedProcess): Bus => ({
    ensureStreams: () => process.running(),
    state: 'connected',
    lastError: undefined,
    onState: () => () => undefined,
    publish: async (name, id, data, { messageId, traceparent, signal }) => {
      const head = {
        id: messageId,
        source: process.name,
        timeMs: process.clock.nowMs(),
        ...(traceparent === undefined ? {} : { traceparent }),
      };
      const message = carry(name, id, head, data as never);
      const store = (): { readonly sequence: number; readonly duplicate: boolean } => {
        switch (catalog[name].stream) {
          case 'COUCHESTOR_EVENTS':
            return events.store(message as MigrationEvent);
          case 'COUCHESTOR_COMMANDS':
            options.onRequest((message as Request).data, process);
            return requests.put(message as Request);
          case 'COUCHESTOR_STATE':
            throw new Error(`${name} is written by a fact writer`);
        }
      };
      return network.ask(process, `publish ${name}`, store, signal);
    },
    openFacts: (names, { signal }) => state.openFacts(process, names, signal),
    followFacts: (name, onChange, { signal }) => state.followFacts(process, name, onChange, signal),
    openFactWriter: (name, writerOptions) => state.openFactWriter(process, name, writerOptions),
    readEvents: (readOptions) => events.read(process, readOptions),
    consumeRequests: (consumeOptions) => requests.consume(process, consumeOptions),
    intents: intents.storeOf(process),
    permit: permit.permitOf(process),
    deadLetter: ({ problem }) => Promise.reject(new Error(`a dead letter: ${problem}`)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });

  return {
    connect,
    intents: intents.records,
    events: events.stored,
    facts: (name) => state.stored(name),
    get factWrites() {
      return state.writes;
    },
    pendingRequests: () => requests.pending(),
    repeatRequest: (random, migrationId) => requests.repeat(random, migrationId),
    request: (data) => {
      const head = { id: data.migrationId, source: 'scorer-0', timeMs: clock.nowMs() };
      requests.put(carry<'migration.requested'>('migration.requested', subjectToken(data.volumeId), head, data));
    },
    loseFacts: () => state.lose(),
  };
}
