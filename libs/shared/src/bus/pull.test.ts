import { headers, type Msg, type MsgCallback } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import { createVirtualClock } from '../clock/index.ts';
import type { Link } from './connection.ts';
import { pull, PullEndedError, type PullOptions } from './pull.ts';

/** A server's side of one consumer, without a server. */
function start(options: Partial<PullOptions> = {}) {
  const clock = createVirtualClock();
  const requests: { reply: string; batch: number }[] = [];
  const stopping = new AbortController();
  const losing = new AbortController();
  let deliver: MsgCallback<Msg> = () => undefined;
  let subscribed = false;
  const nc = {
    subscribe: (_subject: string, { callback }: { callback: MsgCallback<Msg> }) => {
      deliver = callback;
      subscribed = true;
      return {
        unsubscribe: () => {
          subscribed = false;
        },
      };
    },
    publish: (_subject: string, body: string, { reply }: { reply: string }) => {
      requests.push({ reply, batch: (JSON.parse(body) as { batch: number }).batch });
    },
  };
  const link = { nc, lost: losing.signal } as unknown as Link;
  let next = 0;
  const message = (): void => {
    next += 1;
    void deliver(null, { subject: 'a.b', reply: `$JS.ACK.S.c.1.${next}.${next}.1000000.0` } as Msg);
  };
  const status = (code: number, description: string, reply = requests.at(-1)?.reply ?? ''): void => {
    const header = headers(code, description);
    void deliver(null, { subject: reply, headers: header } as unknown as Msg);
  };
  const pulling = pull(link, clock, {
    stream: 'S',
    consumer: 'c',
    batch: () => 3,
    maxBytes: 1_000,
    signal: stopping.signal,
    ...options,
  });
  const kindOf = async (): Promise<string> => {
    const { value, done } = await pulling.next();
    return done === true || value === undefined ? 'end' : value.kind;
  };
  return { clock, requests, stopping, losing, message, status, kindOf, isSubscribed: () => subscribed };
}

describe('pulling', () => {
  it('asks for the next batch when the last one was taken, and not before', async () => {
    const server = start();
    const first = server.kindOf();
    await server.clock.advance(0);
    expect(server.requests.map(({ batch }) => batch)).toEqual([3]);
    for (let count = 0; count < 3; count += 1) server.message();
    expect([await first, await server.kindOf(), await server.kindOf()]).toEqual(['message', 'message', 'message']);
    expect(server.requests.length).toBe(1);
    const fourth = server.kindOf();
    await server.clock.advance(0);
    expect(server.requests.length).toBe(2);
    server.message();
    expect(await fourth).toBe('message');
  });

  it('asks again when the server has ended a request, whose late words then count no more', async () => {
    const server = start();
    const first = server.kindOf();
    await server.clock.advance(0);
    const [old] = server.requests;
    server.status(408, 'Request Timeout');
    await server.clock.advance(0);
    expect(server.requests.length).toBe(2);
    server.status(409, 'Consumer Deleted', old?.reply);
    server.message();
    expect(await first).toBe('message');
    const second = server.kindOf();
    server.message();
    expect(await second).toBe('message');
  });

  it.each([
    [409, 'Consumer Deleted'],
    [503, 'No Responders'],
  ])('ends with an error on %i %s', async (code, description) => {
    const server = start();
    const first = server.kindOf();
    await server.clock.advance(0);
    server.status(code, description);
    await expect(first).rejects.toThrow(PullEndedError);
    expect(server.isSubscribed()).toBe(false);
  });

  it('ends with an error when nothing is heard, not even a heartbeat', async () => {
    const server = start();
    let kind = server.kindOf();
    await server.clock.advance(5_000);
    server.status(100, 'Idle Heartbeat');
    expect(await kind).toBe('idle');
    kind = server.kindOf();
    const outcome = Promise.allSettled([kind]);
    await server.clock.advance(12_000);
    expect((await outcome)[0]).toMatchObject({ status: 'rejected', reason: { name: 'PullEndedError' } });
    expect(server.clock.pending()).toBe(0);
  });

  it.each(['stopping', 'losing'] as const)('ends without a word when it is %s', async (how) => {
    const server = start();
    const first = server.kindOf();
    await server.clock.advance(0);
    server[how].abort();
    expect(await first).toBe('end');
    expect([server.isSubscribed(), server.clock.pending()]).toEqual([false, 0]);
  });

  it('gives back what had arrived and was not taken', async () => {
    const leftover: string[] = [];
    const server = start({ onLeftover: ({ reply }) => leftover.push(reply ?? '') });
    const first = server.kindOf();
    await server.clock.advance(0);
    for (let count = 0; count < 3; count += 1) server.message();
    expect(await first).toBe('message');
    server.stopping.abort();
    expect(await server.kindOf()).toBe('end');
    expect(leftover.length).toBe(2);
  });
});
