import type { Socket } from 'node:net';
import { buildConnector } from 'undici';

export interface ConnectorOptions {
  readonly timeoutMs: number;
  /** PEM. */
  readonly ca?: string;
}

/**
 * Makes connections that are reset when they are given up, not closed. What was sent on a closed one the operating system
 * still delivers, up to minutes later, once a network that held it up lets it through: a change that was given up as lost
 * would be made when nobody expects it any more.
 */
export function createResettingConnector({ timeoutMs, ca }: ConnectorOptions): buildConnector.connector {
  const plain = buildConnector({ timeout: timeoutMs });
  const secure = buildConnector({ timeout: timeoutMs, allowH2: false, ...(ca === undefined ? {} : { ca }) });
  return (target, callback) => {
    plain({ ...target, protocol: 'http:' }, (...[error, raw]) => {
      if (error !== null) return callback(error, null);
      if (target.protocol !== 'https:') return callback(null, resetWhenGivenUp(raw, raw));
      secure({ ...target, httpSocket: raw }, (...[tlsError, socket]) => {
        if (tlsError === null) return callback(null, resetWhenGivenUp(socket, raw));
        raw.destroy();
        callback(tlsError, null);
      });
    });
  };
}

/** `raw` is the socket itself, or the one under its TLS. */
function resetWhenGivenUp(socket: Socket, raw: Socket): Socket {
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error) => {
    // A socket that is ending already cannot be reset.
    if (error !== undefined && !raw.destroyed && !raw.writableEnded) raw.resetAndDestroy();
    return destroy(error);
  };
  return socket;
}
