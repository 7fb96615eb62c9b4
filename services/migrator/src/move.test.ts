import { BusUnavailableError } from '@couchestor/shared/bus';
import { describe, expect, test } from 'vitest';
import {
  createMoveWorld,
  Killed,
  VOLUME,
  whileRunning,
  type MoveWorld,
  type MoveWorldOptions,
} from '../test/move-world.ts';

const MINUTE_MS = 60_000;
/** Of a test that walks many moves: on a machine that is busy with other things it takes its time. */
const PATIENCE_MS = 60_000;

/** What must hold after every move, however it went. */
function expectSound(world: MoveWorld, replicaCount: number): void {
  const { model } = world;
  expect(model.ledger.redundancyViolations()).toEqual([]);
  expect(model.ledger.cordons()).toEqual([]);
  expect(model.orphans()).toEqual([]);
  expect(model.volume(VOLUME)?.replicaCount).toBe(replicaCount);
  expect(world.poolsOf(VOLUME)).toHaveLength(replicaCount);
  const terminal = world.events.filter(({ name }) => /completed|failed|aborted/.test(name));
  expect(terminal).toHaveLength(1);
}

function outcomeOf({ intents }: MoveWorld): unknown {
  const record = intents.current()?.intent;
  return record?.state === 'ended' ? record.outcome : record?.state;
}

const shapes: readonly (readonly [string, MoveWorldOptions])[] = [
  ['one replica, which is beside its target', { placement: ['sata-n1'], publishedOn: 'n1' }],
  ['two replicas', { placement: ['sata-n1', 'sata-n2'], publishedOn: 'n1' }],
  ['three replicas on four nodes', { placement: ['sata-n1', 'sata-n2', 'sata-n3'], publishedOn: 'n2' }],
  ['the rest of a volume that lies on two tiers', { placement: ['nvme-n1', 'sata-n2'], publishedOn: 'n1' }],
];

describe.each(shapes)('%s', (_, shape) => {
  const count = shape.placement.length;

  test(
    'moves to the tier, whatever Mayastor chooses among equals',
    async () => {
      for (let seed = 1; seed <= 25; seed += 1) {
        const world = await createMoveWorld({ ...shape, seed });
        expect(await world.move()).toBe('ended');
        expect(outcomeOf(world)).toBe('completed');
        expect(world.poolsOf(VOLUME).every((pool) => pool.startsWith('nvme-'))).toBe(true);
        expectSound(world, count);
      }
    },
    PATIENCE_MS,
  );

  test.each(['before', 'after'] as const)(
    'survives a kill %s each of its calls',
    async (when) => {
      let kills = 0;
      for (let nth = 1; ; nth += 1) {
        const world = await createMoveWorld({ ...shape, seed: nth });
        let calls = 0;
        world.onCall = (moment) => {
          if (moment !== when) return;
          calls += 1;
          if (calls === nth) throw new Killed();
        };
        const first = await world.move().catch((error: unknown) => error);
        if (first === 'ended') break;
        expect(first).toBeInstanceOf(Killed);
        kills += 1;
        world.onCall = () => undefined;
        await whileRunning(world.clock, world.clock.sleep(2 * MINUTE_MS));
        expect(await world.move({ instance: 'two' })).toBe('ended');
        expect(outcomeOf(world)).toBe('completed');
        expectSound(world, count);
      }
      expect(kills).toBeGreaterThan(5);
    },
    PATIENCE_MS,
  );
});

test('a replica that is not filled in time is taken away again', async () => {
  const world = await createMoveWorld({
    placement: ['sata-n1', 'sata-n2'],
    publishedOn: 'n1',
    syncTimeoutMs: 5 * MINUTE_MS,
    model: { rebuildMs: () => 600 * MINUTE_MS },
  });
  expect(await world.move()).toBe('ended');
  expect(outcomeOf(world)).toBe('failed');
  expect(world.poolsOf(VOLUME)).toEqual(['sata-n1', 'sata-n2']);
  expect(world.events.map(({ name }) => name)).toEqual(['migration.replica-added', 'migration.failed']);
  expectSound(world, 2);
});

test('an abort rolls back, before and after the new replica is filled', async () => {
  for (const afterMs of [2, 65_000, 130_000, 200_000]) {
    const world = await createMoveWorld({ placement: ['sata-n1', 'sata-n2'], publishedOn: 'n1' });
    world.clock.after(afterMs, () => {
      world.abortWanted = true;
    });
    expect(await world.move()).toBe('ended');
    expect(['aborted', 'completed']).toContain(outcomeOf(world));
    expectSound(world, 2);
  }
});

describe('another move that chose the same pool', () => {
  const targetOf = ({ intents }: MoveWorld): string | undefined => {
    const record = intents.current()?.intent;
    return record?.state === 'active' ? record.round?.targetPool : undefined;
  };

  test('is heard of before anything grows there, and the next round takes another pool', async () => {
    const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1' });
    let full: string | undefined;
    world.board = {
      // The news of it comes after the round was stored.
      arriving: () => {
        if (full === undefined) return targetOf(world) === undefined ? new Map() : undefined;
        return new Map([[full, 850 * 1024 ** 3]]);
      },
      reached: async () => {
        await world.clock.sleep(1_000);
        full = targetOf(world);
      },
    };
    expect(await world.move()).toBe('ended');
    expect(outcomeOf(world)).toBe('completed');
    expect(full).toMatch('nvme-');
    expect(world.poolsOf(VOLUME)).not.toContain(full);
    expect(world.model.ledger.calls().filter(({ path }) => path.endsWith('/replica_count/2'))).toHaveLength(1);
    expectSound(world, 1);
  });

  test('is waited for without the fence while no news come', async () => {
    const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1' });
    let isSilent = true;
    world.board = {
      arriving: () => (isSilent ? undefined : new Map()),
      reached: (_volumeId, _revision, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        }),
    };
    const fences: boolean[] = [];
    const tryFence = async (): Promise<void> => {
      const { granted } = await world.leases.acquireFence({ migrationId: 'other', token: 1 });
      fences.push(granted);
      if (granted) await world.leases.releaseFence('other', 1);
    };
    for (let minute = 1; minute <= 5; minute += 1) {
      // Waiting for news takes five seconds, and it rests for one.
      for (const secondMs of [0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000]) {
        world.clock.after(minute * MINUTE_MS + secondMs, () => void tryFence());
      }
    }
    world.clock.after(6 * MINUTE_MS, () => {
      expect(world.model.ledger.calls().filter(({ path }) => path.endsWith('/replica_count/2'))).toEqual([]);
      isSilent = false;
    });
    expect(await world.move()).toBe('ended');
    expect(outcomeOf(world)).toBe('completed');
    expect(fences).toContain(true);
    expectSound(world, 1);
  });
});

test('an end that cannot be told is told later, and its room stays taken until then', async () => {
  const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1' });
  const { clock, leases } = world;
  const room = (): Promise<unknown> =>
    leases.acquireHolds({ migrationId: 'other', token: 1, holds: [{ key: 'policy/policy', amount: 2, limit: 2 }] });
  let refusals = 0;
  const seen: unknown[] = [];
  world.onEvent = (name) => {
    if (name !== 'migration.completed' || refusals === 3) return;
    refusals += 1;
    clock.after(500, () => void room().then((answer) => seen.push(answer)));
    throw new BusUnavailableError('an event');
  };
  expect(await world.move()).toBe('ended');
  expect(refusals).toBe(3);
  expect(seen).toHaveLength(3);
  for (const answer of seen) expect(answer).toMatchObject({ granted: false });
  expect(await room()).toMatchObject({ granted: true });
  expectSound(world, 1);
});

test('of two clocks that differ, the later one dates the end of a move', async () => {
  for (const aheadMs of [-300_000, 300_000]) {
    const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1' });
    world.watcherAheadMs = aheadMs;
    expect(await world.move()).toBe('ended');
    const record = world.intents.current()?.intent;
    const completedAtMs = record?.state === 'ended' ? Date.parse(record.lastCompletedAt ?? '') : NaN;
    expect(completedAtMs).toBeGreaterThan(world.clock.nowMs() + Math.max(0, aheadMs) - MINUTE_MS);
    expect(completedAtMs).toBeLessThanOrEqual(world.clock.nowMs() + Math.max(0, aheadMs));
  }
});

test('without a permit nothing is done, and a fence does not stay', async () => {
  const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1' });
  world.permitted = false;
  const stop = new AbortController();
  world.clock.after(10 * MINUTE_MS, () => stop.abort(new Error('stopped')));
  expect(await world.move({ signal: stop.signal })).toBe('released');
  expect(world.model.ledger.calls()).toEqual([]);

  world.permitted = true;
  expect(await world.move()).toBe('ended');
  expect(outcomeOf(world)).toBe('completed');
});

test('losing the permit with the fence up takes the fence away and rests', async () => {
  const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1' });
  world.onCall = () => {
    if (world.model.ledger.cordons().length > 0) world.permitted = false;
  };
  const stop = new AbortController();
  world.clock.after(10 * MINUTE_MS, () => stop.abort(new Error('stopped')));
  expect(await world.move({ signal: stop.signal })).toBe('released');
  expect(world.model.ledger.cordons()).toEqual([]);
  world.onCall = () => undefined;
  world.permitted = true;
  expect(await world.move()).toBe('ended');
  expect(outcomeOf(world)).toBe('completed');
  expectSound(world, 1);
});

test('losing the permit wakes a move that sleeps, so that nothing of it stands for the rest of that time', async () => {
  const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1' });
  const { clock, steps } = world;
  const stop = new AbortController();
  const look = (): void => {
    if (steps.at(-1) !== 'Settling') return void clock.after(50, look);
    world.permit(false);
    clock.after(100, () => {
      expect(steps.at(-1)).toBe('Stopped');
      stop.abort(new Error('seen'));
    });
  };
  look();
  expect(await world.move({ signal: stop.signal })).toBe('released');
  expect(stop.signal.reason).toEqual(new Error('seen'));
});

describe('cordons of pools that a dead migrator left', () => {
  /** One that died when the new replica had come, long ago. */
  const fencedWorld = async (): Promise<MoveWorld> => {
    const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1' });
    world.onCall = (when) => {
      if (when === 'after' && world.model.ledger.calls().at(-1)?.path.endsWith('/replica_count/2') === true)
        throw new Killed();
    };
    expect(await world.move().catch((error: unknown) => error)).toBeInstanceOf(Killed);
    world.onCall = () => undefined;
    await whileRunning(world.clock, world.clock.sleep(2 * MINUTE_MS));
    expect(world.model.ledger.cordons()).not.toEqual([]);
    return world;
  };

  test('stand while another move has the fence', async () => {
    const world = await fencedWorld();
    const { clock, leases, model } = world;
    const standing = model.ledger.cordons();
    expect(await leases.acquireFence({ migrationId: 'other', token: 1 })).toMatchObject({ granted: true });
    for (let second = 1; second < 60; second += 1) {
      clock.after(second * 1_000, () => {
        expect(model.ledger.cordons()).toEqual(standing);
        void leases.renewFence('other', 1);
      });
    }
    clock.after(MINUTE_MS, () => void leases.releaseFence('other', 1));
    expect(await world.move({ instance: 'two' })).toBe('ended');
    expect(outcomeOf(world)).toBe('completed');
    expectSound(world, 1);
  });

  test('go while all is stopped', async () => {
    const world = await fencedWorld();
    world.permitted = false;
    const stop = new AbortController();
    world.clock.after(5_000, () => stop.abort(new Error('stopped')));
    expect(await world.move({ instance: 'two', signal: stop.signal })).toBe('released');
    expect(world.model.ledger.cordons()).toEqual([]);
  });

  test('are kept from the next fence until no removal of them can come any more', async () => {
    const world = await fencedWorld();
    const { clock, leases, model } = world;
    let lateAtMs: number | undefined;
    model.faults.onCall(({ method, path }) => {
      if (method !== 'DELETE' || !path.includes('/pools/') || lateAtMs !== undefined) return undefined;
      lateAtMs = clock.monotonicMs() + 25_000;
      return { kind: 'timeout', effectAfterMs: 25_000 };
    });
    const grantedAtMs: number[] = [];
    const ask = async (): Promise<void> => {
      if (lateAtMs === undefined) return;
      const { granted } = await leases.acquireFence({ migrationId: 'other', token: 1 });
      if (!granted) return;
      grantedAtMs.push(clock.monotonicMs());
      await leases.releaseFence('other', 1);
    };
    for (let second = 1; second < 120; second += 1) clock.after(second * 1_000, () => void ask());
    expect(await world.move({ instance: 'two' })).toBe('ended');
    expect(lateAtMs).toBeDefined();
    expect(grantedAtMs[0]).toBeGreaterThanOrEqual(lateAtMs ?? NaN);
    expectSound(world, 1);
  });
});

test('a removal of a cordon that had no answer, and is seen to have come, holds up nothing later', async () => {
  const world = await createMoveWorld({ placement: ['sata-n1', 'sata-n2'], publishedOn: 'n1', cachePeriodMs: 1_000 });
  let isLate = false;
  world.model.faults.onCall(({ method, path }) => {
    if (isLate || method !== 'DELETE' || !path.startsWith('/v0/pools/')) return undefined;
    isLate = true;
    return { kind: 'timeout', effectAfterMs: 100 };
  });
  expect(await world.move()).toBe('ended');
  expect(isLate).toBe(true);
  expect(world.steps).not.toContain('LiftInDoubt');
  expect(outcomeOf(world)).toBe('completed');
  expectSound(world, 2);
});

describe('whoever takes a move over', () => {
  /** A move whose migrator stopped as soon as the new replica was there, and was taken up a lease's life later. */
  const stoppedWhileFilling = async (world: MoveWorld): Promise<void> => {
    const stop = new AbortController();
    world.onEvent = (name) => {
      if (name === 'migration.replica-added') stop.abort(new Error('another version'));
    };
    expect(await world.move({ signal: stop.signal })).toBe('released');
    await whileRunning(world.clock, world.clock.sleep(15_000));
    world.abortWanted = true;
  };

  test('waits for no count of before while a replica fills, since none can come any more', async () => {
    const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1' });
    await stoppedWhileFilling(world);
    const sinceMs = world.clock.monotonicMs();
    expect(await world.move({ instance: 'two' })).toBe('ended');
    expect(world.steps).not.toContain('CountInDoubt');
    expect(world.clock.monotonicMs() - sinceMs).toBeLessThan(5_000);
    expect(outcomeOf(world)).toBe('aborted');
    expectSound(world, 1);
  });

  test('waits for a growth that had no answer, though the replica is there by another', async () => {
    const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1' });
    let lateAtMs: number | undefined;
    world.model.faults.onCall(({ method, path }) => {
      if (method !== 'PUT' || !path.endsWith('/replica_count/2') || lateAtMs !== undefined) return undefined;
      lateAtMs = world.clock.monotonicMs() + 25_000;
      return { kind: 'timeout', effectAfterMs: 25_000 };
    });
    await stoppedWhileFilling(world);
    expect(world.clock.monotonicMs()).toBeLessThan(lateAtMs ?? Number.NaN);
    expect(await world.move({ instance: 'two' })).toBe('ended');
    expect(world.steps).toContain('CountInDoubt');
    await whileRunning(world.clock, world.clock.sleep(MINUTE_MS));
    expect(outcomeOf(world)).toBe('aborted');
    expectSound(world, 1);
  });
});

test('a volume that is deleted while it moves ends the move and leaves nothing', async () => {
  const world = await createMoveWorld({ placement: ['sata-n1', 'sata-n2'], publishedOn: 'n1' });
  world.clock.after(100_000, () => {
    void world.model.handle({ method: 'DELETE', path: `/v0/volumes/${VOLUME}` });
  });
  expect(await world.move()).toBe('ended');
  expect(outcomeOf(world)).toBe('aborted');
  expect(world.model.ledger.cordons()).toEqual([]);
  expect(world.model.orphans()).toEqual([]);
});

test('a volume that no pool can take fails and says why', async () => {
  const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1', nodes: ['n1'] });
  expect(await world.move()).toBe('ended');
  expect(world.events.at(-1)).toMatchObject({ name: 'migration.failed', data: { reason: 'NoPlacement' } });
  expectSound(world, 1);
});

test('a pool that Mayastor does not know is called by its name in the guide', async () => {
  const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1', targetPools: ['nowhere'] });
  expect(await world.move()).toBe('ended');
  expect(world.events.at(-1)).toMatchObject({ name: 'migration.failed', data: { reason: 'TargetPoolNotFound' } });
});

describe('where a node cordon does not steer the victim', () => {
  test.each([
    [['sata-n1', 'sata-n2'], 'n1'],
    [['sata-n1', 'sata-n2', 'sata-n3'], 'n2'],
  ] as const)(
    'the move of %s ends with the first copy that was in vain, with the right count and no harm',
    async (placement, publishedOn) => {
      const outcomes = new Set<unknown>();
      for (let seed = 1; seed <= 25; seed += 1) {
        const world = await createMoveWorld({ placement, publishedOn, seed, model: { steer: 'ignored' } });
        expect(await world.move()).toBe('ended');
        const copies = world.events.filter(({ name }) => name === 'migration.replica-added').length;
        const record = world.intents.current()?.intent;
        const isFailure = record?.state === 'ended' && record.outcome === 'failed';
        expect(record).toMatchObject(isFailure ? { reason: 'WrongVictim' } : { outcome: 'completed' });
        const there = world.poolsOf(VOLUME).filter((pool) => pool.startsWith('nvme-')).length;
        expect(copies).toBe(there + (isFailure ? 1 : 0));
        outcomes.add(outcomeOf(world));
        expectSound(world, placement.length);
      }
      expect(outcomes).toContain('failed');
    },
    PATIENCE_MS,
  );
});

const cordonBody = { replicas: true, snapshots: false, restores: false, import: false };
test.each([
  ['loses the label that its volume wants', ['DELETE', '/label/site'], ['PUT', '/label/site=here']],
  ['is cordoned', ['PUT', '/cordon', cordonBody], ['DELETE', '/cordon', cordonBody]],
] as const)(
  'the pool of a replica that stays %s for a while: nothing is removed, and no copy is in vain',
  async (_, spoiled, mended) => {
    for (let seed = 1; seed <= 8; seed += 1) {
      const placement = ['sata-n1', 'sata-n2'];
      // What is beside the target goes last, so that it stays at first.
      const world = await createMoveWorld({ placement, publishedOn: 'n1', seed, isSited: true });
      const change = ([method, action, body]: readonly [string, string, object?]): void => {
        void world.model.handle({
          method,
          path: `/v0/pools/sata-n1${action}`,
          ...(body === undefined ? {} : { body }),
        });
      };
      world.clock.after(MINUTE_MS, () => change(spoiled));
      world.clock.after(20 * MINUTE_MS, () => change(mended));
      expect(await world.move()).toBe('ended');
      expect(outcomeOf(world)).toBe('completed');
      expect(world.events.filter(({ name }) => name === 'migration.replica-added')).toHaveLength(2);
      expect(world.clock.monotonicMs()).toBeGreaterThan(20 * MINUTE_MS);
      expectSound(world, 2);
    }
  },
  PATIENCE_MS,
);

test(
  'Mayastor 2.7 moves by cordons of nodes, where each tier has nodes of its own',
  async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const world = await createMoveWorld({
        placement: ['sata-n1', 'sata-n2'],
        publishedOn: 'n1',
        seed,
        method: 'nodeCordon',
        targetPools: ['nvme-n3', 'sata-n3', 'nvme-n4', 'sata-n4'],
        model: { version: '2.7.1' },
      });
      expect(await world.move()).toBe('ended');
      expect(outcomeOf(world)).toBe('completed');
      expect(world.poolsOf(VOLUME).every((pool) => /n[34]$/.test(pool))).toBe(true);
      expectSound(world, 2);
    }
  },
  PATIENCE_MS,
);

describe('a Mayastor that does not lower the count', () => {
  const stubborn = async (): Promise<MoveWorld> => {
    const world = await createMoveWorld({ placement: ['sata-n1', 'sata-n2'], publishedOn: 'n1' });
    world.model.faults.onCall(({ path }) =>
      world.stubborn && path.endsWith('/replica_count/2') ? { kind: 'refuse', status: 500, body: null } : undefined,
    );
    world.stubborn = true;
    const stop = new AbortController();
    world.clock.after(60 * MINUTE_MS, () => stop.abort(new Error('stopped')));
    expect(await world.move({ signal: stop.signal })).toBe('released');
    return world;
  };

  test('is asked some times, then a person is, with nothing left cordoned', async () => {
    const world = await stubborn();
    const attention = world.events.filter(({ name }) => name === 'migration.needs-attention');
    expect(attention[0]).toMatchObject({ data: { reason: 'ShrinkWithoutEffect' } });
    expect(world.model.ledger.cordons()).toEqual([]);
    const shrinks = world.model.ledger.calls().filter(({ path }) => path.endsWith('/replica_count/2'));
    // Within the hour it is tried again now and then, for the state may allow it by itself.
    expect(shrinks.length).toBeGreaterThan(3);
    expect(shrinks.length).toBeLessThan(40);
  });

  test('ends the move once it does, and rolls it back if a person asks for that', async () => {
    for (const aborted of [false, true]) {
      const world = await stubborn();
      world.stubborn = false;
      world.abortWanted = aborted;
      expect(await world.move()).toBe('ended');
      expect(outcomeOf(world)).toBe(aborted ? 'aborted' : 'completed');
      expectSound(world, 2);
    }
  });
});

test('a cordon that Mayastor refuses is asked for with pauses, and given up', async () => {
  const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1' });
  world.model.faults.onCall(({ method, path }) =>
    method === 'PUT' && path.includes('/cordon') ? { kind: 'refuse', status: 500, body: null } : undefined,
  );
  expect(await world.move()).toBe('ended');
  expect(outcomeOf(world)).toBe('failed');
  const seconds = world.clock.monotonicMs() / 1_000;
  const cordons = world.model.ledger.calls().filter(({ path }) => path.includes('/cordon'));
  expect(cordons.length).toBeLessThan(2 * seconds);
  expectSound(world, 1);
});

test('a cordon that comes after its time-out is found and taken away', async () => {
  const world = await createMoveWorld({ placement: ['sata-n1', 'sata-n2'], publishedOn: 'n1' });
  let late = 1;
  world.model.faults.onCall(({ method, path }) => {
    if (method !== 'PUT' || !path.includes('/pools/') || late === 0) return undefined;
    late -= 1;
    world.abortWanted = true;
    return { kind: 'timeout', effectAfterMs: 12_000 };
  });
  expect(await world.move()).toBe('ended');
  await whileRunning(world.clock, world.clock.sleep(MINUTE_MS));
  expect(outcomeOf(world)).toBe('aborted');
  expectSound(world, 2);
});

test('a growth that comes after its time-out is waited for before the move ends', async () => {
  const world = await createMoveWorld({ placement: ['sata-n1', 'sata-n2'], publishedOn: 'n1' });
  let late = 1;
  world.model.faults.onCall(({ method, path }) => {
    if (method !== 'PUT' || !path.endsWith('/replica_count/3') || late === 0) return undefined;
    late -= 1;
    world.abortWanted = true;
    return { kind: 'timeout', effectAfterMs: 25_000 };
  });
  expect(await world.move()).toBe('ended');
  await whileRunning(world.clock, world.clock.sleep(MINUTE_MS));
  expect(late).toBe(0);
  expect(outcomeOf(world)).toBe('aborted');
  expectSound(world, 2);
});
