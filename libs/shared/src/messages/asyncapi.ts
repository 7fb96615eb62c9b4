import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { z } from 'zod';
import { catalog, messageNames, type MessageName } from './catalog.ts';
import { deadLetterSchema } from './dead-letter.ts';
import { envelopeSchema, eventType, MESSAGE_BYTES_MAX, tombstoneType } from './envelope.ts';
import { heartbeatSchema, intentSchema } from './intent.ts';
import { buckets, PERMIT_KEY, streams } from './streams.ts';

/**
 * The description of all messages for people and tools outside, made from the schemas. `tools/asyncapi.ts` writes it to
 * docs/asyncapi.yaml, and a test holds the file to it.
 */
export type AsyncapiDocument = Record<string, unknown>;

export function describeMessages(): AsyncapiDocument {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'CoucheStor messages',
      version: '1.0.0',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      description:
        'CloudEvents 1.0 in structured JSON on NATS JetStream. Delivery is at least once. Readers ignore fields that ' +
        'they do not know: within v1 fields are only added, and only optional ones. A fact of COUCHESTOR_STATE holds ' +
        'until the next one on its subject; a message whose type ends in .deleted says that its subject is gone.',
    },
    defaultContentType: 'application/json',
    servers: { nats: { host: 'nats:4222', protocol: 'nats', description: 'nats-server 2.9 or later with JetStream.' } },
    channels: {
      ...Object.fromEntries(messageNames.map((name) => [name, channelOf(name)])),
      ...Object.fromEntries(Object.entries(others).map(([name, { channel }]) => [name, channel])),
    },
    operations: {
      ...Object.fromEntries(messageNames.map((name) => [`${catalog[name].producer}.sends.${name}`, operationOf(name)])),
      ...Object.fromEntries(
        Object.entries(others).map(([name, { sender }]) => [
          `${sender}.sends.${name}`,
          { action: 'send', channel: { $ref: `#/channels/${name}` } },
        ]),
      ),
    },
    components: {
      messages: {
        ...Object.fromEntries(messageNames.map((name) => [name, messageOf(name)])),
        ...Object.fromEntries(stateNames.map((name) => [deletedNameOf(name), tombstoneOf(name)])),
        ...Object.fromEntries(
          Object.entries(others).map(([name, { summary, sample }]) => [
            name,
            {
              name,
              title: name,
              summary,
              contentType: 'application/json',
              payload: { $ref: `#/components/schemas/${name}` },
              ...(sample === undefined ? {} : { examples: [{ payload: readSample(sample) }] }),
            },
          ]),
        ),
      },
      schemas: {
        envelope: jsonSchemaOf(envelopeSchema),
        ...Object.fromEntries(messageNames.map((name) => [name, jsonSchemaOf(catalog[name].schema)])),
        ...Object.fromEntries(Object.entries(others).map(([name, { schema }]) => [name, jsonSchemaOf(schema)])),
      },
    },
    'x-jetstream': {
      maxMessageBytes: MESSAGE_BYTES_MAX,
      streams: Object.values(streams),
      buckets: Object.values(buckets),
    },
  };
}

export function formatAsyncapi(): string {
  const comment = '# Made from libs/shared/src/messages by tools/asyncapi.ts; do not edit.\n';
  return comment + stringify(describeMessages(), { lineWidth: 120, aliasDuplicateObjects: false, singleQuote: true });
}

/** The example of a message or record, by the name of its file. */
export function readSample(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`samples/${name}.json`, import.meta.url), 'utf8'));
}

const stateNames = messageNames.filter((name) => catalog[name].stream === 'COUCHESTOR_STATE');
const deletedNameOf = (name: MessageName): string => `${name}.deleted`;

/** What lies in JetStream and is no message of the catalog. */
const others: Readonly<
  Record<string, { sender: string; summary: string; schema: z.ZodType; channel: object; sample?: string }>
> = {
  'dead-letter': {
    sender: 'anyone',
    summary: 'A message that could not be read, or that nothing could be done with.',
    schema: deadLetterSchema,
    channel: {
      address: 'couchestor.dead.v1.{service}',
      messages: { 'dead-letter': { $ref: '#/components/messages/dead-letter' } },
      parameters: { service: { description: 'watcher, scorer or migrator' } },
      'x-stream': streams.dead.name,
    },
  },
  intent: {
    sender: 'migrator',
    summary: 'The move of a volume that is in flight, or what became of the last one.',
    schema: intentSchema,
    sample: 'intent.active',
    channel: {
      address: `$KV.${buckets.intents.name}.{volumeId}`,
      messages: { intent: { $ref: '#/components/messages/intent' } },
      parameters: { volumeId: { description: 'volume UUID' } },
      'x-stream': `KV_${buckets.intents.name}`,
    },
  },
  heartbeat: {
    sender: 'watcher',
    summary: 'While it is fresh and not paused, migrators may act.',
    schema: heartbeatSchema,
    sample: 'heartbeat',
    channel: {
      address: `$KV.${buckets.permit.name}.${PERMIT_KEY}`,
      messages: { heartbeat: { $ref: '#/components/messages/heartbeat' } },
      'x-stream': `KV_${buckets.permit.name}`,
    },
  },
};

function channelOf(name: MessageName): object {
  const { id, stream, summary } = catalog[name];
  const names: readonly string[] = stateNames.includes(name) ? [name, deletedNameOf(name)] : [name];
  return {
    address: `couchestor.v1.${name}.{id}`,
    summary,
    messages: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
    parameters: { id: { description: id } },
    'x-stream': stream,
  };
}

function operationOf(name: MessageName): object {
  return { action: 'send', channel: { $ref: `#/channels/${name}` }, summary: catalog[name].summary };
}

function messageOf(name: MessageName): object {
  return {
    name: eventType(name),
    title: name,
    summary: catalog[name].summary,
    contentType: 'application/json',
    headers: {
      type: 'object',
      properties: { 'Nats-Msg-Id': { type: 'string', description: 'The same for a repeat of the same message.' } },
    },
    payload: envelopeWith({
      type: { const: eventType(name) },
      data: { $ref: `#/components/schemas/${name}` },
    }),
    examples: [{ payload: readSample(name) }],
  };
}

function tombstoneOf(name: MessageName): object {
  return {
    name: tombstoneType(name),
    title: deletedNameOf(name),
    summary: 'What the subject is about exists no more.',
    contentType: 'application/json',
    payload: envelopeWith({ type: { const: tombstoneType(name) }, data: { type: 'null' } }),
  };
}

function envelopeWith(properties: object): object {
  return { allOf: [{ $ref: '#/components/schemas/envelope' }, { type: 'object', properties }] };
}

/** As a writer must fill it; further fields are allowed, since readers must bear them. */
function jsonSchemaOf(schema: z.ZodType): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input' });
  return rest;
}
