import { RedisUnavailableError } from '@couchestor/shared/leases';
import { expect, test, vi } from 'vitest';
import { createCalmWorld, type CalmWorld } from './calm-world.ts';
import { volumeIdOf } from './world/profile.ts';

const VOLUME = volumeIdOf(1);
const MINUTE_MS = 60_000;
vi.setConfig({ testTimeout: MINUTE_MS });

const isCordon = ({ method, path }: { readonly method: string; readonly path: string }): boolean =>
  method === 'PUT' && /\/pools\/(hot|cold)-.*\/cordon/.test(path);

/** Of the cordons of a fence the first has no answer and comes late, and the second is granted no call by Redis. */
function halfFencedWorld(): CalmWorld {
  let cordons = 0;
  const world = createCalmWorld({ [VOLUME]: ['cold-n1'] }, {}, (road) => ({
    transportOf: (process) => {
      const transport = road.transportOf(process);
      return {
        ...transport,
        send: (request) => {
          if (!isCordon(request)) return transport.send(request);
          cordons += 1;
          return cordons === 2
            ? Promise.reject(new RedisUnavailableError('takeCall', 'no answer in time'))
            : transport.send(request);
        },
      };
    },
  }));
  world.model.faults.onCall((call) =>
    cordons === 1 && isCordon(call) ? { kind: 'timeout', effectAfterMs: 12_000 } : undefined,
  );
  return world;
}

test('a cordon that comes late is taken away, also where another of its fence could not be asked for', async () => {
  const world = halfFencedWorld();
  const hasMoved = (): boolean => world.bus.events.some(({ name }) => name === 'migration.completed');
  expect(await world.runUntil(hasMoved, 20 * MINUTE_MS)).toBe(true);
  expect(await world.stop()).toEqual([]);
});
