import { JetStreamApiCodes, JetStreamApiError, type JetStreamPublishOptions } from '@nats-io/jetstream';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { pause, type Clock } from '../clock/index.ts';
import { messageOf } from '../service/index.ts';
import { eitherSignal, untilAborted } from './abort.ts';
import type { BusLogger, Published } from './bus.ts';
import type { Connection } from './connection.ts';
import { createRetryBackoff } from './retry-backoff.ts';
import { ConflictError, PublishRefusedError } from './errors.ts';
import type { BusMetrics } from './metrics.ts';
import type { StreamKeeper } from './stream-keeper.ts';

export interface PublishRequest {
  readonly subject: string;
  readonly bytes: Uint8Array | string;
  readonly messageId: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The sequence of the last message on the subject, 0 for none; anything else is a conflict. */
  readonly lastSequence?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Publisher {
  /** Tries for as long as the signal allows. @throws PublishRefusedError, ConflictError, the signal's reason */
  publish(request: PublishRequest): Promise<Published>;
  /** One try that never waits for a connection. @throws whatever went wrong */
  tryOnce(request: PublishRequest, timeoutMs: number): Promise<Published>;
}

export function createPublisher(
  connection: Connection,
  keeper: StreamKeeper,
  clock: Clock,
  logger: BusLogger,
  metrics: BusMetrics,
  options: { readonly requestTimeoutMs: number; readonly random: () => number; readonly closed: AbortSignal },
): Publisher {
  const { requestTimeoutMs, random, closed } = options;

  const tryOnce = async (request: PublishRequest, timeoutMs: number): Promise<Published> => {
    const link = connection.link;
    // Without a connection the client would keep the message and send it whenever there is one again.
    if (link === undefined) throw new Error('not connected');
    const ack = await link.js.publish(request.subject, request.bytes, publishOptions(request, timeoutMs));
    return { sequence: ack.seq, duplicate: ack.duplicate };
  };

  const publish = async (request: PublishRequest): Promise<Published> => {
    const signal = eitherSignal(closed, request.signal);
    const backoff = createRetryBackoff(random);
    for (let attempt = 1; ; attempt += 1) {
      const link = await connection.linked(signal);
      try {
        return await untilAborted(tryOnce(request, requestTimeoutMs), signal, link.lost);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof JetStreamApiError) {
          if (error.code === JetStreamApiCodes.StreamWrongLastSequence) {
            throw new ConflictError(request.subject, { cause: error });
          }
          if (error.status >= 400 && error.status < 500)
            throw new PublishRefusedError(request.subject, { cause: error });
        } else {
          keeper.lookSoon();
        }
        metrics.publishRetried();
        const delayMs = backoff.nextDelayMs();
        // Every try of a long outage would say the same, so only the 1st, 2nd, 4th, 8th … are logged.
        if ((attempt & (attempt - 1)) === 0) {
          logger.warn({ subject: request.subject, reason: messageOf(error), attempt, delayMs }, 'publishing again');
        }
        await pause(clock, delayMs, signal);
      }
    }
  };

  return { publish, tryOnce };
}

function publishOptions(request: PublishRequest, timeoutMs: number): Partial<JetStreamPublishOptions> {
  const { messageId, lastSequence } = request;
  return {
    msgID: messageId,
    timeout: timeoutMs,
    headers: headersOf(request.headers ?? {}),
    ...(lastSequence === undefined ? {} : { expect: { lastSubjectSequence: lastSequence } }),
  };
}

function headersOf(values: Readonly<Record<string, string>>): MsgHdrs {
  const result = headers();
  for (const [name, value] of Object.entries(values)) result.set(name, value);
  return result;
}
