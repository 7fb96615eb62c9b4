import { randomUUID } from 'node:crypto';
import { buckets, heartbeatSchema, PERMIT_KEY, type Heartbeat } from '../messages/index.ts';
import { eitherSignal } from './abort.ts';
import { isDeletion, keySubject, OPERATION_HEADER } from './bucket.ts';
import type { BusContext } from './context.ts';
import { BusUnavailableError } from './errors.ts';
import { bucketStream } from './metrics.ts';
import { readInOrder } from './ordered-reader.ts';
import type { Permit } from './permit.ts';
import type { PublishRequest } from './publisher.ts';

const BUCKET = buckets.permit.name;
const STREAM = bucketStream(BUCKET);
const SUBJECT = keySubject(BUCKET, PERMIT_KEY);
const TRY_TIMEOUT_MS = 1_000;

export function createPermit(context: BusContext): Permit {
  const { keeper, logger, publisher } = context;
  const send = async (what: string, request: Pick<PublishRequest, 'bytes' | 'headers'>): Promise<void> => {
    try {
      await publisher.tryOnce({ subject: SUBJECT, messageId: randomUUID(), ...request }, TRY_TIMEOUT_MS);
    } catch (error) {
      keeper.lookSoon();
      throw new BusUnavailableError(what, { cause: error });
    }
  };

  return {
    write: (heartbeat) => send('writing the heartbeat', { bytes: JSON.stringify(heartbeatSchema.parse(heartbeat)) }),
    clear: () => send('taking the heartbeat away', { bytes: '', headers: { [OPERATION_HEADER]: 'DEL' } }),
    watch: ({ signal, onHeartbeat, onCleared }) => {
      let isFirst = true;
      return readInOrder(context, {
        stream: STREAM,
        filterSubject: SUBJECT,
        lastPerSubject: true,
        signal: eitherSignal(context.closed, signal),
        onSession: () => {
          isFirst = true;
        },
        onMessage: ({ headers, bytes, sequence }) => {
          const wasFirst = isFirst;
          isFirst = false;
          if (isDeletion(headers)) {
            onCleared?.();
            return;
          }
          const heartbeat = decodeHeartbeat(bytes);
          // The next one comes in two seconds; until it can be read there is no permit.
          if (heartbeat === undefined) logger.error({ sequence }, 'a heartbeat could not be read');
          else onHeartbeat(heartbeat, sequence, wasFirst);
        },
      });
    },
  };
}

function decodeHeartbeat(bytes: Uint8Array): Heartbeat | undefined {
  try {
    return heartbeatSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}
