import { connectRedis } from './redis-connection.ts';

/** What is held now. */
export interface LeaseCensus {
  /** Volumes that a process owns. */
  readonly ownerships: number;
  /** Migrations that count against limits. */
  readonly holders: number;
  readonly fenceHeld: boolean;
}

export interface LeaseCensusTaker extends Disposable {
  take(): Promise<LeaseCensus>;
}

const COMMAND_TIMEOUT_MS = 2_000;
const SCAN_COUNT = 1_000;

/** Looks at the leases without taking part in them: for people, and for checks that nothing is left behind. */
export function createLeaseCensusTaker(redisUrl: string, namespace = 'couchestor'): LeaseCensusTaker {
  const redis = connectRedis({ url: redisUrl, commandTimeoutMs: COMMAND_TIMEOUT_MS, random: Math.random });
  const key = (name: string): string => `{${namespace}}:${name}`;
  return {
    take: async () => {
      const owners = new Set<string>();
      let cursor = '0';
      do {
        const [next, keys] = await redis.scan(cursor, 'MATCH', key('owner:*'), 'COUNT', SCAN_COUNT);
        for (const name of keys) owners.add(name);
        cursor = next;
      } while (cursor !== '0');
      const records = await redis.hvals(key('holds'));
      const holders = records.filter((record) => (JSON.parse(record) as { released?: boolean }).released !== true);
      return {
        ownerships: owners.size,
        holders: holders.length,
        fenceHeld: (await redis.exists(key('fence'))) > 0,
      };
    },
    [Symbol.dispose]: () => redis.disconnect(),
  };
}
