import { readFileSync } from 'node:fs';
import { headers } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import { createVirtualClock } from '../clock/index.ts';
import { intentSchema } from '../messages/index.ts';
import type { BusContext } from './context.ts';
import { ConflictError } from './errors.ts';
import { createIntentStore } from './intent-store.ts';

const intent = intentSchema.parse(
  JSON.parse(readFileSync(new URL('../messages/samples/intent.active.json', import.meta.url), 'utf8')),
);

describe('an update that JetStream calls a conflict', () => {
  /** The part of a bus that the store uses; the last record carries the message id that `lastMessageId` gives. */
  const storeWith = (lastMessageId: (ours: string) => string) => {
    const closed = new AbortController().signal;
    let ours = '';
    const getMessage = async () => {
      const header = headers();
      header.set('Nats-Msg-Id', lastMessageId(ours));
      return { seq: 9, header, data: new Uint8Array(), subject: '' };
    };
    const context = {
      clock: createVirtualClock(),
      closed,
      publisher: {
        publish: ({ messageId, subject }: { messageId: string; subject: string }) => {
          ours = messageId;
          return Promise.reject(new ConflictError(subject));
        },
      },
      connection: { linked: async () => ({ lost: closed, jsm: { streams: { getMessage } } }) },
      random: () => 0,
    };
    return createIntentStore(context as unknown as BusContext);
  };

  it('is a success if the record is the one that it wrote itself, its answer having been lost', async () => {
    expect(await storeWith((ours) => ours).update(intent, 8)).toBe(9);
  });

  it('is a conflict if the record is anybody else’s', async () => {
    await expect(storeWith(() => 'another').update(intent, 8)).rejects.toThrow(ConflictError);
  });
});
