import type { ServerDefinition } from './definition.ts';
import type { Server, ServerOptions } from './server.ts';
import { startServer } from './start-server.ts';

const redis: ServerDefinition = {
  name: 'Redis',
  urlVariable: 'COUCHESTOR_REDIS_URL',
  defaultPort: 6379,
  binary: 'redis-server',
  debianPackage: 'redis-server',
  image: 'redis:7-alpine',
  imageVariable: 'COUCHESTOR_REDIS_IMAGE',
  url: (port) => `redis://127.0.0.1:${port}`,
  files: () => ({}),
  args: ({ port, dataFolder }) =>
    `--port ${port} --bind 127.0.0.1 --appendonly yes`.split(' ').concat('--save', '', '--dir', dataFolder),
  readyLine: /Ready to accept connections/,
};

/** Redis with an append-only file. @throws ServerStartError */
export function startRedis(options: ServerOptions = {}): Promise<Server> {
  return startServer(redis, options);
}
