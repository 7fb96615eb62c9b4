import { BusUnavailableError } from '@couchestor/shared/bus';
import { RedisUnavailableError } from '@couchestor/shared/leases';
import { describe, expect, test } from 'vitest';
import { createMoveWorld, VOLUME, type MoveWorld, type MoveWorldOptions } from '../test/move-world.ts';

/** What a move does where one answer of Redis or of the bus does not come. */

const MINUTE_MS = 60_000;
/** Of a test that walks many moves: on a machine that is busy with other things it takes its time. */
const PATIENCE_MS = 60_000;

const beside: MoveWorldOptions = { placement: ['sata-n1'], publishedOn: 'n1' };
const shapes: readonly (readonly [string, MoveWorldOptions])[] = [
  ['one replica, which is beside its target', beside],
  [
    'one replica on Mayastor 2.7',
    {
      placement: ['sata-n1'],
      publishedOn: 'n2',
      method: 'nodeCordon',
      targetPools: ['nvme-n3', 'sata-n3', 'nvme-n4', 'sata-n4'],
      model: { version: '2.7.1' },
    },
  ],
];

function expectCompleted({ model, intents, events }: MoveWorld): void {
  expect(intents.current()?.intent).toMatchObject({ state: 'ended', outcome: 'completed' });
  expect(model.ledger.redundancyViolations()).toEqual([]);
  expect(model.ledger.cordons()).toEqual([]);
  expect(model.volume(VOLUME)?.replicaCount).toBe(1);
  expect(events.filter(({ name }) => name === 'migration.completed')).toHaveLength(1);
}

/** Moves until all calls of one kind have been, of which the nth fails; undefined if there are fewer. */
async function withoutAnswer(
  shape: MoveWorldOptions,
  nth: number,
  spoil: (world: MoveWorld, isIt: () => boolean) => void,
): Promise<MoveWorld | undefined> {
  const world = await createMoveWorld(shape);
  let calls = 0;
  spoil(world, () => {
    calls += 1;
    return calls === nth;
  });
  expect(await world.move()).toBe('ended');
  return calls < nth ? undefined : world;
}

describe.each(shapes)('%s', (_, shape) => {
  test(
    'moves to the tier, though any one return of the fence has no answer',
    async () => {
      let nth = 1;
      for (; ; nth += 1) {
        const world = await withoutAnswer(shape, nth, ({ leases }, isIt) => {
          const before = { ...leases };
          Object.assign(leases, {
            releaseFence: (...about: Parameters<typeof before.releaseFence>) =>
              isIt()
                ? Promise.reject(new RedisUnavailableError('releaseFence', 'no answer'))
                : before.releaseFence(...about),
          });
        });
        if (world === undefined) break;
        expectCompleted(world);
      }
      expect(nth).toBeGreaterThan(2);
    },
    PATIENCE_MS,
  );

  test.each(['stored', 'lost'] as const)(
    'moves to the tier, though any one write of its record has no answer and is %s',
    async (fate) => {
      let nth = 1;
      for (; ; nth += 1) {
        const world = await withoutAnswer(shape, nth, ({ intents }, isIt) => {
          const before = { ...intents };
          let isFirst = true;
          Object.assign(intents, {
            update: async (...about: Parameters<typeof before.update>) => {
              // The first one takes the move up, and is not the move's own.
              if (isFirst || !isIt()) {
                isFirst = false;
                return before.update(...about);
              }
              if (fate === 'stored') await before.update(...about);
              throw new BusUnavailableError('a write of the intent');
            },
          });
        });
        if (world === undefined) break;
        expectCompleted(world);
      }
      expect(nth).toBeGreaterThan(8);
    },
    PATIENCE_MS,
  );
});

test('news of others that do not come, and a fence that cannot be given back meanwhile, are waited out', async () => {
  const world = await createMoveWorld(beside);
  let isSilent = true;
  world.board = {
    arriving: () => (isSilent ? undefined : new Map()),
    reached: (_volumeId, _revision, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
  };
  const before = { ...world.leases };
  let failures = 0;
  Object.assign(world.leases, {
    releaseFence: (...about: Parameters<typeof before.releaseFence>) => {
      if (!isSilent) return before.releaseFence(...about);
      failures += 1;
      return Promise.reject(new RedisUnavailableError('releaseFence', 'no answer'));
    },
  });
  world.clock.after(5 * MINUTE_MS, () => {
    isSilent = false;
  });
  expect(await world.move()).toBe('ended');
  expect(failures).toBeGreaterThan(0);
  expectCompleted(world);
});

test('who is stopped with the fence has given it back when it says that it has stopped', async () => {
  const world = await createMoveWorld(beside);
  const { clock, leases } = world;
  const stop = new AbortController();
  const before = { ...leases };
  let isGivenBack = false;
  Object.assign(leases, {
    acquireFence: async (...about: Parameters<typeof before.acquireFence>) => {
      const answer = await before.acquireFence(...about);
      stop.abort(new Error('stopped'));
      return answer;
    },
    releaseFence: async (...about: Parameters<typeof before.releaseFence>) => {
      await clock.sleep(500);
      await before.releaseFence(...about);
      isGivenBack = true;
    },
  });
  expect(await world.move({ signal: stop.signal })).toBe('released');
  expect(isGivenBack).toBe(true);
  expect(world.model.ledger.cordons()).toEqual([]);
});

describe('who has lost its lease while its fence stands', () => {
  /** From the first cordon on the lease is renewed no more, and calls take longer than it is renewed after. */
  async function losesItsLease(): Promise<MoveWorld> {
    const world = await createMoveWorld(beside);
    const { leases, model } = world;
    const before = { ...leases };
    let isLost = false;
    Object.assign(leases, {
      renewOwnership: (...about: Parameters<typeof before.renewOwnership>) =>
        isLost ? Promise.resolve({ renewed: false }) : before.renewOwnership(...about),
    });
    model.faults.onCall(({ method, path }) => {
      isLost ||= method === 'PUT' && path.endsWith('/cordon');
      return isLost ? { kind: 'delay', beforeMs: 4_000, afterMs: 0 } : undefined;
    });
    return world;
  }
  const removals = ({ model }: MoveWorld): readonly string[] =>
    model.ledger.calls().flatMap(({ method, path }) => (method === 'DELETE' ? [path] : []));

  test('leaves it to who has taken the move over', async () => {
    const world = await losesItsLease();
    const { intents } = world;
    world.onCall = (when) => {
      const stored = intents.current();
      if (when === 'before' || stored?.intent.state !== 'active' || world.model.ledger.cordons().length === 0) return;
      if (stored.intent.owner === 'two') return;
      const { ownerToken } = stored.intent;
      void intents.update({ ...stored.intent, owner: 'two', ownerToken: ownerToken + 1 }, stored.revision);
    };
    expect(await world.move()).toBe('lost');
    expect(world.model.ledger.cordons()).not.toEqual([]);
    expect(removals(world)).toEqual([]);
  });

  test('takes it away where nobody has', async () => {
    const world = await losesItsLease();
    expect(await world.move()).toBe('lost');
    expect(removals(world)).not.toEqual([]);
    expect(world.model.ledger.cordons()).toEqual([]);
  });
});
