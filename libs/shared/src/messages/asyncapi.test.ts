import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeMessages, formatAsyncapi } from './asyncapi.ts';
import { messageNames } from './catalog.ts';
import { streams } from './streams.ts';

interface Channel {
  readonly address: string;
  readonly messages: Readonly<Record<string, unknown>>;
  readonly 'x-stream': string;
}

const document = describeMessages() as {
  channels: Record<string, Channel>;
  operations: Record<string, { channel: { $ref: string } }>;
};

describe('docs/asyncapi.yaml', () => {
  it('says what the schemas say; if not, run `node tools/asyncapi.ts`', () => {
    const text = readFileSync(new URL('../../../../docs/asyncapi.yaml', import.meta.url), 'utf8');
    expect(parse(text)).toEqual(parse(formatAsyncapi()));
  });

  it('has a channel and a sender for every message', () => {
    const sent = Object.values(document.operations).map(({ channel }) => channel.$ref);
    for (const name of messageNames) {
      expect(document.channels[name]?.address).toBe(`couchestor.v1.${name}.{id}`);
      expect(sent).toContain(`#/channels/${name}`);
    }
  });

  it('puts every subject of every stream into a channel of that stream', () => {
    const channels = Object.values(document.channels);
    for (const { name, subjects } of Object.values(streams)) {
      for (const subject of subjects) {
        const prefix = subject.replace(/\*$/, '');
        expect(
          channels.filter((channel) => channel.address.startsWith(`${prefix}{`)).map((c) => c['x-stream']),
        ).toEqual([name]);
      }
    }
  });

  it('refers to nothing that is not there', () => {
    const references: string[] = [];
    JSON.stringify(document, (key, value: unknown) => {
      if (key === '$ref') references.push(String(value));
      return value;
    });
    expect(references.length).toBeGreaterThan(50);
    const dangling = references.filter((reference) => {
      const target = reference
        .slice(2)
        .split('/')
        .reduce<unknown>((node, part) => (node as Record<string, unknown> | undefined)?.[part], document);
      return target === undefined;
    });
    expect(dangling).toEqual([]);
  });
});
