import type { ServerDefinition } from './definition.ts';
import type { Server, ServerOptions } from './server.ts';
import { startServer } from './start-server.ts';

const nats: ServerDefinition = {
  name: 'NATS',
  urlVariable: 'COUCHESTOR_NATS_URL',
  defaultPort: 4222,
  binary: 'nats-server',
  debianPackage: 'nats-server',
  image: 'nats:2.10-alpine',
  imageVariable: 'COUCHESTOR_NATS_IMAGE',
  url: (port) => `nats://127.0.0.1:${port}`,
  // Limits of streams are reserved against max_file when they are created, not when they fill, so it may be generous.
  files: ({ port, dataFolder }) => ({
    'nats.conf': `
listen: "127.0.0.1:${port}"
server_name: "couchestor-${port}"
jetstream {
  store_dir: ${JSON.stringify(dataFolder)}
  max_memory_store: 256M
  max_file_store: 64G
}
`,
  }),
  args: ({ configFolder }) => ['-c', `${configFolder}/nats.conf`],
  readyLine: /Server is ready/,
};

/** NATS with JetStream on file storage. @throws ServerStartError */
export function startNats(options: ServerOptions = {}): Promise<Server> {
  return startServer(nats, options);
}
