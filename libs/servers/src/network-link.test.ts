import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type NetworkLink, startNetworkLink } from './network-link.ts';

interface Wire {
  readonly link: NetworkLink;
  /** What the server got, of all connections. */
  readonly got: () => string;
  dial(): Promise<Client>;
  /** Without the wait for the connection. */
  call(): Client;
}

interface Client {
  readonly socket: Socket;
  readonly got: () => string;
  readonly ended: () => string | undefined;
}

/** A server that answers each piece with the same in brackets, behind a link. */
async function startWire(): Promise<Wire> {
  let got = '';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      got += String(bytes);
      socket.write(`[${String(bytes)}]`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const link = await startNetworkLink(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(async () => {
    await link[Symbol.asyncDispose]();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const call = (): Client => {
    const socket = connect(link.port, '127.0.0.1');
    let heard = '';
    let ended: string | undefined;
    socket.on('data', (bytes) => (heard += String(bytes)));
    socket.on('error', (error) => (ended = (error as NodeJS.ErrnoException).code));
    socket.on('end', () => (ended ??= 'end'));
    onTestFinished(() => void socket.destroy());
    return { socket, got: () => heard, ended: () => ended };
  };
  return {
    link,
    got: () => got,
    call,
    dial: async () => {
      const client = call();
      await once(client.socket, 'connect');
      return client;
    },
  };
}

const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 4_000, interval: 5 });

/** A round trip beside the link's fault shows that there was time for what must not happen. */
async function roundTrip(wire: Wire): Promise<void> {
  const client = await wire.dial();
  client.socket.write('round');
  await eventually(() => expect(client.got()).toBe('[round]'));
  client.socket.destroy();
}

test('a whole link passes all there is, and the end behind it', async () => {
  const wire = await startWire();
  const client = await wire.dial();
  client.socket.end('hello');
  await eventually(() => expect([client.got(), client.ended()]).toEqual(['[hello]', 'end']));
  expect(wire.link.url).toBe(`tcp://127.0.0.1:${wire.link.port}`);
});

test('a cut resets what is open and what is opened, until it is healed', async () => {
  const wire = await startWire();
  const open = await wire.dial();
  await roundTrip(wire);
  wire.link.set({ kind: 'cut' });
  await eventually(() => expect(open.ended()).toBe('ECONNRESET'));
  const opened = wire.call();
  await eventually(() => expect(opened.ended()).toBe('ECONNRESET'));
  wire.link.set({ kind: 'whole' });
  await roundTrip(wire);
});

test('a black hole holds what is sent and delivers it afterwards, to new connections too', async () => {
  const wire = await startWire();
  const other = await startWire();
  const open = await wire.dial();
  await roundTrip(wire);
  wire.link.set({ kind: 'blackHole' });
  open.socket.write('one');
  const opened = await wire.dial();
  opened.socket.write('two');
  await roundTrip(other);
  expect(wire.got()).toBe('round');
  expect(open.got() + opened.got()).toBe('');
  wire.link.set({ kind: 'whole' });
  await eventually(() => expect([open.got(), opened.got()]).toEqual(['[one]', '[two]']));
});

test('what is reset in a black hole is never delivered, what is closed there is', async () => {
  const wire = await startWire();
  const [reset, closed] = [await wire.dial(), await wire.dial()];
  await roundTrip(wire);
  wire.link.set({ kind: 'blackHole' });
  reset.socket.write('reset');
  closed.socket.write('closed');
  await eventually(() => expect(wire.link.heldBytes).toBe('resetclosed'.length));
  reset.socket.resetAndDestroy();
  closed.socket.destroy();
  await eventually(() => expect(wire.link.heldBytes).toBe('closed'.length));
  wire.link.set({ kind: 'whole' });
  await eventually(() => expect(wire.got()).toBe('roundclosed'));
  await roundTrip(wire);
  expect(wire.got()).toBe('roundclosedround');
});

test('a link that passes requests alone holds the answers', async () => {
  const wire = await startWire();
  const other = await startWire();
  const open = await wire.dial();
  wire.link.set({ kind: 'oneWay', passes: 'requests' });
  open.socket.write('sent');
  await eventually(() => expect(wire.got()).toBe('sent'));
  await roundTrip(other);
  expect(open.got()).toBe('');
  wire.link.set({ kind: 'whole' });
  await eventually(() => expect(open.got()).toBe('[sent]'));
});

test('a link that passes answers alone holds the requests', async () => {
  const wire = await startWire();
  const other = await startWire();
  const open = await wire.dial();
  wire.link.set({ kind: 'oneWay', passes: 'answers' });
  open.socket.write('sent');
  await roundTrip(other);
  expect(wire.got()).toBe('');
  wire.link.set({ kind: 'whole' });
  await eventually(() => expect(open.got()).toBe('[sent]'));
});

test('a slow link takes its time each way and keeps the order', async () => {
  const wire = await startWire();
  const client = await wire.dial();
  wire.link.set({ kind: 'slow', delayMs: 60 });
  const beganMs = performance.now();
  client.socket.write('a');
  client.socket.write('b');
  await eventually(() => expect(client.got().replaceAll('][', '')).toBe('[ab]'));
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(119);
});

test('a forgotten connection stays open and silent, and new ones are good', async () => {
  const wire = await startWire();
  const client = await wire.dial();
  client.socket.write('x');
  await eventually(() => expect(client.got()).toBe('[x]'));
  wire.link.forgetConnections();
  client.socket.write('lost');
  await roundTrip(wire);
  expect([wire.got(), client.got(), client.ended()]).toEqual(['xround', '[x]', undefined]);
});
