import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** How a network treats what passes through it. */
export type LinkState =
  | { readonly kind: 'whole' }
  /** Connections are reset, new ones at once. */
  | { readonly kind: 'cut' }
  /** Nothing passes and nobody is told. As TCP does, it delivers all of it afterwards, unless the sender has reset. */
  | { readonly kind: 'blackHole' }
  /** The same for one direction alone. */
  | { readonly kind: 'oneWay'; readonly passes: 'requests' | 'answers' }
  | { readonly kind: 'slow'; readonly delayMs: number };

/** The network between one client and one server: a relay on 127.0.0.1 that fails on demand. */
export interface NetworkLink extends AsyncDisposable {
  readonly port: number;
  /** The server's URL as the client is to be given it. */
  readonly url: string;
  readonly state: LinkState;
  /** On their way now, both ways together. */
  readonly heldBytes: number;
  /** From now on, for what is under way as well. */
  set(state: LinkState): void;
  /**
   * Half-open: the server's ends of all connections are reset, the client's stay open and are never answered, as after
   * a node that died or a firewall that forgot. New connections are as good as the state says.
   */
  forgetConnections(): void;
}

/** What one direction of a connection may hold back; then its sender is told to wait, as by a full window. */
const HELD_BYTES_MAX = 4 * 1024 * 1024;

interface Chunk {
  readonly bytes: Buffer;
  readonly arrivedMs: number;
}

/** What flows one way. The sender's end of the stream travels behind its bytes, a reset overtakes them. */
interface Flow {
  readonly name: 'requests' | 'answers';
  readonly source: Socket;
  readonly sink: () => Socket | undefined;
  held: Chunk[];
  heldBytes: number;
  sourceEnded: boolean;
  timer: NodeJS.Timeout | undefined;
}

interface Connection {
  readonly client: Socket;
  server: Socket | undefined;
  readonly flows: Flow[];
  forgotten: boolean;
}

/** @param serverUrl with host and port */
export async function startNetworkLink(serverUrl: string): Promise<NetworkLink> {
  const target = new URL(serverUrl);
  const connections = new Set<Connection>();
  let state: LinkState = { kind: 'whole' };

  const drop = (connection: Connection): void => {
    connections.delete(connection);
    for (const flow of connection.flows) clearTimeout(flow.timer);
    for (const socket of [connection.client, connection.server]) if (socket !== undefined) reset(socket);
  };

  /** Passes on what may pass now, and sees to it that the rest is looked at again. */
  const pump = (connection: Connection, flow: Flow): void => {
    clearTimeout(flow.timer);
    const sink = flow.sink();
    if (connection.forgotten || sink === undefined || !passes(state, flow.name)) return;
    const delayMs = state.kind === 'slow' ? state.delayMs : 0;
    for (let chunk = flow.held[0]; chunk !== undefined; chunk = flow.held[0]) {
      const leftMs = chunk.arrivedMs + delayMs - performance.now();
      if (leftMs > 0) {
        flow.timer = setTimeout(() => pump(connection, flow), leftMs);
        return;
      }
      flow.held.shift();
      flow.heldBytes -= chunk.bytes.length;
      sink.write(chunk.bytes);
    }
    if (flow.heldBytes < HELD_BYTES_MAX) flow.source.resume();
    if (flow.sourceEnded) sink.end();
  };

  const follow = (connection: Connection, source: Socket, name: Flow['name']): void => {
    const sink = (): Socket | undefined => (name === 'requests' ? connection.server : connection.client);
    const flow: Flow = { name, source, sink, held: [], heldBytes: 0, sourceEnded: false, timer: undefined };
    connection.flows.push(flow);
    source.on('data', (bytes: Buffer) => {
      if (connection.forgotten) return;
      flow.held.push({ bytes, arrivedMs: performance.now() });
      flow.heldBytes += bytes.length;
      if (flow.heldBytes >= HELD_BYTES_MAX) source.pause();
      pump(connection, flow);
    });
    source.on('end', () => {
      flow.sourceEnded = true;
      pump(connection, flow);
    });
    // A reset takes back what was not delivered yet.
    source.on('error', () => {
      if (source === connection.client || !connection.forgotten) drop(connection);
    });
    source.on('close', () => {
      if (connection.client.destroyed && connection.server?.destroyed !== false) drop(connection);
    });
  };

  const dial = (connection: Connection): void => {
    if (connection.server !== undefined || connection.forgotten) return;
    const server = connect({ host: target.hostname, port: Number(target.port), allowHalfOpen: true, noDelay: true });
    follow(connection, server, 'answers');
    server.once('connect', () => {
      connection.server = server;
      for (const flow of connection.flows) pump(connection, flow);
    });
  };

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (state.kind === 'cut') {
      client.on('error', () => client.destroy());
      reset(client);
      return;
    }
    const connection: Connection = { client, server: undefined, flows: [], forgotten: false };
    connections.add(connection);
    follow(connection, client, 'requests');
    // Nobody answers behind a black hole; the connection is made once it is gone.
    if (state.kind !== 'blackHole') dial(connection);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  target.hostname = '127.0.0.1';
  const shown = new URL(target);
  shown.port = String(port);

  return {
    port,
    // A URL of a scheme that `URL` does not know gets no slash; one of http would get it.
    url: shown.href.replace(/\/$/, ''),
    get state() {
      return state;
    },
    get heldBytes() {
      return [...connections].flatMap(({ flows }) => flows).reduce((sum, { heldBytes }) => sum + heldBytes, 0);
    },
    set: (next) => {
      state = next;
      for (const connection of Array.from(connections)) {
        if (next.kind === 'cut') drop(connection);
        else if (next.kind !== 'blackHole') dial(connection);
        for (const flow of connection.flows) pump(connection, flow);
      }
    },
    forgetConnections: () => {
      for (const connection of connections) {
        connection.forgotten = true;
        if (connection.server !== undefined) reset(connection.server);
      }
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(listener, 'close');
      listener.close();
      for (const connection of Array.from(connections)) drop(connection);
      await closed;
    },
  };
}

/** A socket that is ending already cannot be reset: Node.js would never let go of it, nor end. */
function reset(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

function passes(state: LinkState, flow: Flow['name']): boolean {
  switch (state.kind) {
    case 'whole':
    case 'slow':
      return true;
    case 'cut':
    case 'blackHole':
      return false;
    case 'oneWay':
      return state.passes === flow;
  }
}
