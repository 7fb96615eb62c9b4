import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSample } from './asyncapi.ts';
import { catalog, messageNames, type MessageName } from './catalog.ts';
import {
  decodeMessage,
  encodeMessage,
  encodeTombstone,
  isTombstone,
  MalformedMessageError,
  MESSAGE_BYTES_MAX,
  type Message,
} from './envelope.ts';
import { idOfSubject, subjectOf, subjectToken } from './subjects.ts';

interface Envelope extends Record<string, unknown> {
  readonly subject: string;
  readonly id: string;
  readonly source: string;
  readonly time: string;
  readonly traceparent?: string;
  readonly data: Record<string, unknown>;
}

const sample = (name: string): Envelope => readSample(name) as Envelope;
const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const problemOf = (subject: string, bytes: Uint8Array): string => {
  try {
    decodeMessage(subject, bytes);
  } catch (error) {
    if (error instanceof MalformedMessageError) return error.message;
    throw error;
  }
  return 'none';
};

describe('every message', () => {
  it('has a sample', () => {
    const files = readdirSync(new URL('samples/', import.meta.url)).map((file) => file.replace(/\.json$/, ''));
    expect(files).toEqual(expect.arrayContaining([...messageNames]));
  });

  it.each(messageNames)('%s is read as its sample was written, and written as it was read', (name) => {
    const envelope = sample(name);
    const message = decodeMessage(envelope.subject, bytesOf(envelope)) as Message;
    expect(message).toEqual({
      name,
      subject: envelope.subject,
      id: envelope.id,
      source: envelope.source,
      time: envelope.time,
      ...(envelope.traceparent === undefined ? {} : { traceparent: envelope.traceparent }),
      data: envelope.data,
    });
    const head = {
      id: message.id,
      source: message.source,
      timeMs: Date.parse(message.time),
      ...(message.traceparent === undefined ? {} : { traceparent: message.traceparent }),
    };
    const written = encodeMessage<MessageName>(name, subjectToken(idOfSubject(message.subject)), head, message.data);
    expect(JSON.parse(new TextDecoder().decode(written))).toEqual(envelope);
  });

  it.each(messageNames)('%s is refused without its id, by name of the field', (name) => {
    const envelope = sample(name);
    const [field] = Object.keys(envelope.data);
    const { [field ?? '']: _left, ...data } = envelope.data;
    const problem = problemOf(envelope.subject, bytesOf({ ...envelope, data }));
    expect(problem).toContain(envelope.subject);
    expect(problem).toContain(field);
  });

  it.each(messageNames)('%s may carry fields that this version does not know', (name) => {
    const envelope = sample(name);
    const later = { ...envelope, later: 1, data: { ...envelope.data, addedLater: { any: 'thing' } } };
    expect(decodeMessage(envelope.subject, bytesOf(later))).toEqual(decodeMessage(envelope.subject, bytesOf(envelope)));
  });
});

describe('a malformed message', () => {
  const volume = sample('volume.observed');
  const { subject } = volume;

  it('is told by what is wrong with it', () => {
    const wrong: [string, unknown][] = [
      ['specversion', { ...volume, specversion: '0.3' }],
      ['time', { ...volume, time: 'yesterday' }],
      ['traceparent', { ...volume, traceparent: '00-abc-def-01' }],
      ['datacontenttype', { ...volume, datacontenttype: 'text/plain' }],
      ['sizeBytes', { ...volume, data: { ...volume.data, sizeBytes: -1 } }],
      ['status', { ...volume, data: { ...volume.data, status: 'Fine' } }],
      ['replicas', { ...volume, data: { ...volume.data, replicas: 'none' } }],
      ['type', { ...volume, type: 'couchestor.v1.pool.observed' }],
      ['Invalid input', 'not an object'],
    ];
    for (const [field, value] of wrong) expect(problemOf(subject, bytesOf(value))).toContain(field);
  });

  it('may be no JSON, no UTF-8, or too large', () => {
    expect(problemOf(subject, new TextEncoder().encode('{"specversion'))).toMatch(/JSON/);
    const bytes = bytesOf(volume);
    const broken = bytes.with(new TextDecoder().decode(bytes).indexOf('postgres'), 0xff);
    expect(problemOf(subject, broken)).not.toBe('none');
    expect(problemOf(subject, new Uint8Array(MESSAGE_BYTES_MAX + 1))).toContain(String(MESSAGE_BYTES_MAX));
  });

  it('may lie on a subject that no message has', () => {
    expect(problemOf('couchestor.v1.volume.painted.x', bytesOf(volume))).toContain('no message has this subject');
    expect(problemOf('couchestor.v2.volume.observed.x', bytesOf(volume))).toContain('no message has this subject');
  });

  it('is not even written', () => {
    const head = { id: '1', source: 'test', timeMs: 0 };
    const id = subjectToken('v1');
    const data = { ...volume.data, sizeBytes: 'large' };
    expect(() => encodeMessage('volume.observed', id, head, data as never)).toThrow(/sizeBytes/);
    const huge = { ...sample('cluster.observed').data, pauseReason: 'x'.repeat(MESSAGE_BYTES_MAX) };
    expect(() => encodeMessage('cluster.observed', id, head, huge as never)).toThrow(String(MESSAGE_BYTES_MAX));
  });
});

describe('a tombstone', () => {
  it('says only that its subject is gone', () => {
    const id = subjectToken('v1');
    const bytes = encodeTombstone('volume.observed', id, { id: '1', source: 'watcher', timeMs: 0 });
    const subject = subjectOf('volume.observed', id);
    const tombstone = decodeMessage(subject, bytes);
    expect(isTombstone(tombstone)).toBe(true);
    expect(tombstone).toEqual({
      name: 'volume.observed',
      subject,
      id: '1',
      source: 'watcher',
      time: '1970-01-01T00:00:00.000Z',
      deleted: true,
    });
    expect(JSON.parse(new TextDecoder().decode(bytes))).toMatchObject({
      type: 'couchestor.v1.volume.deleted',
      data: null,
    });
  });

  it('is read as it was first written', () => {
    const envelope = sample('volume.deleted');
    expect(isTombstone(decodeMessage(envelope.subject, bytesOf(envelope)))).toBe(true);
  });

  it('exists for facts only', () => {
    const event = sample('migration.completed');
    expect(problemOf(event.subject, bytesOf({ ...event, type: 'couchestor.v1.migration.deleted' }))).toContain('type');
    expect(catalog['migration.completed'].stream).toBe('COUCHESTOR_EVENTS');
  });
});
