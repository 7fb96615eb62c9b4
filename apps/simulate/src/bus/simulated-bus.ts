import type { Bus, MigrationEvent, Request, StoredIntent } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import {
  catalog,
  subjectToken,
  type Heartbeat,
  type Intent,
  type Message,
  type MessageData,
  type MessageName,
  type StateName,
  type SubjectToken,
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
  readonly direct: DirectBus;
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

/** What the servers hold and do, without the ways to them, for processes that have ways of their own. */
export interface DirectBus {
  readonly intents: ReadonlyMap<string, StoredIntent>;
  readonly intentLog: ReturnType<typeof createIntentBucket>['log'];
  /** @throws ConflictError */
  putIntent(intent: Intent, expected: number | undefined, writer: SimulatedProcess): number;
  removeIntent(volumeId: string, expected: number): void;
  readonly factLog: ReturnType<typeof createStateStream>['log'];
  storedFacts(name: StateName): ReturnType<ReturnType<typeof createStateStream>['held']>;
  /** @param data undefined for a tombstone */
  setFact<N extends StateName>(
    name: N,
    id: SubjectToken,
    data: MessageData<N> | undefined,
    identity: string,
    process: SimulatedProcess,
    traceparent: string | undefined,
  ): void;
  beat(heartbeat: Heartbeat | undefined): void;
  readonly permit: ReturnType<typeof createPermitBucket>['last'];
  /** Stores an event or a request. */
  tell<N extends MessageName>(
    name: N,
    messageId: string,
    data: MessageData<N>,
    process: SimulatedProcess,
    traceparent: string | undefined,
  ): void;
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

  const store = (
    message: Message,
    process: SimulatedProcess,
  ): { readonly sequence: number; readonly duplicate: boolean } => {
    switch (catalog[message.name].stream) {
      case 'COUCHESTOR_EVENTS':
        return events.store(message as MigrationEvent);
      case 'COUCHESTOR_COMMANDS':
        options.onRequest((message as Request).data, process);
        return requests.put(message as Request);
      case 'COUCHESTOR_STATE':
        throw new Error(`${message.name} is written by a fact writer`);
    }
  };
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
      return network.ask(process, `publish ${name}`, () => store(message, process), signal);
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
    direct: {
      intents: intents.records,
      intentLog: intents.log,
      beat: permit.put,
      get permit() {
        return permit.last;
      },
      factLog: state.log,
      storedFacts: state.held,
      setFact: (name, id, data, identity, process, traceparent) => {
        const head = {
          id: `${process.name}-${name}-${state.writes}`,
          source: process.name,
          timeMs: process.clock.nowMs(),
          ...(traceparent === undefined ? {} : { traceparent }),
        };
        state.put(name, id, data === undefined ? undefined : carry(name, id, head, data), identity);
      },
      putIntent: intents.put,
      removeIntent: intents.remove,
      tell: (name, messageId, data, process, traceparent) => {
        const { migrationId, volumeId } = data as { readonly migrationId: string; readonly volumeId: string };
        const id = subjectToken(name === 'migration.requested' ? volumeId : migrationId);
        const head = {
          id: messageId,
          source: process.name,
          timeMs: process.clock.nowMs(),
          ...(traceparent === undefined ? {} : { traceparent }),
        };
        store(carry(name, id, head, data) as Message, process);
      },
    },
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
