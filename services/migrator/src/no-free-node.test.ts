import { describe, expect, test, vi } from 'vitest';
import { createMoveWorld, Killed, VOLUME, whileRunning, type MoveWorld } from '../test/move-world.ts';

/** Volumes whose replicas lie on every node that has a pool of the wanted tier. */

const MINUTE_MS = 60_000;

function expectAtRest({ model, intents, events }: MoveWorld, replicaCount: number, outcome: string): void {
  expect(intents.current()?.intent).toMatchObject({ state: 'ended', outcome });
  expect(model.ledger.redundancyViolations()).toEqual([]);
  expect(model.ledger.cordons()).toEqual([]);
  expect(model.orphans()).toEqual([]);
  expect(model.volume(VOLUME)).toMatchObject({ replicaCount });
  expect(model.volume(VOLUME)?.replicas.filter(({ synced }) => synced)).toHaveLength(replicaCount);
  expect(events.filter(({ name }) => /completed|failed|aborted/.test(name))).toHaveLength(1);
}

const rebuilds = ({ events }: MoveWorld): number =>
  events.filter(({ name }) => name === 'migration.replica-added').length;

// They walk many moves each, which takes its time on a machine that is busy with other things.
vi.setConfig({ testTimeout: 60_000 });

describe('with a spare node', () => {
  test.each([
    ['one replica', ['sata-n1'], 2],
    ['two replicas', ['sata-n1', 'sata-n2'], 3],
    ['three replicas', ['sata-n1', 'sata-n2', 'sata-n3'], 4],
    ['the last of three', ['nvme-n1', 'nvme-n2', 'sata-n3'], 2],
  ] as const)('%s: one replica steps aside once, and all come to their tier', async (_, placement, copies) => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const targetPools = placement.map((pool) => pool.replace('sata', 'nvme'));
      const world = await createMoveWorld({ placement, publishedOn: 'n1', targetPools, seed });
      expect(await world.move()).toBe('ended');
      expectAtRest(world, placement.length, 'completed');
      expect(world.poolsOf(VOLUME)).toEqual(targetPools);
      expect(rebuilds(world)).toBe(copies);
    }
  });

  test('places that are free are not wasted: who leaves one goes first', async () => {
    // Two are free for three, of which only n1 and n2 leave a place of the tier.
    const world = await createMoveWorld({
      placement: ['sata-n1', 'sata-n2', 'sata-n3'],
      publishedOn: 'n1',
      targetPools: ['nvme-n1', 'nvme-n2', 'nvme-n4'],
    });
    expect(await world.move()).toBe('ended');
    expectAtRest(world, 3, 'completed');
    expect(rebuilds(world)).toBe(3);
  });

  test('a move that could only begin does not begin', async () => {
    const world = await createMoveWorld({
      placement: ['sata-n1', 'sata-n2'],
      publishedOn: 'n1',
      targetPools: ['nvme-n1'],
    });
    expect(await world.move()).toBe('ended');
    expectAtRest(world, 2, 'failed');
    expect(world.poolsOf(VOLUME)).toEqual(['sata-n1', 'sata-n2']);
  });

  test('an abort on the way leaves the right count, wherever the replica has come to', async () => {
    for (const afterMs of [50_000, 150_000, 250_000, 350_000]) {
      const world = await createMoveWorld({ placement: ['sata-n1'], publishedOn: 'n1', targetPools: ['nvme-n1'] });
      world.clock.after(afterMs, () => {
        world.abortWanted = true;
      });
      expect(await world.move()).toBe('ended');
      expect(['aborted', 'completed']).toContain(
        world.intents.current()?.intent.state === 'ended' ? outcomeOf(world) : '',
      );
      expect(world.model.ledger.redundancyViolations()).toEqual([]);
      expect(world.poolsOf(VOLUME)).toHaveLength(1);
    }
  });
});

const outcomeOf = ({ intents }: MoveWorld): string => {
  const record = intents.current()?.intent;
  return record?.state === 'ended' ? record.outcome : 'active';
};

describe('without a spare node', () => {
  const threeNodes = { nodes: ['n1', 'n2', 'n3'], publishedOn: 'n1' } as const;
  const three = ['sata-n1', 'sata-n2', 'sata-n3'] as const;

  test('nothing moves, and the reason says what a policy could allow', async () => {
    const world = await createMoveWorld({ ...threeNodes, placement: three });
    expect(await world.move()).toBe('ended');
    expectAtRest(world, 3, 'failed');
    expect(world.events.at(-1)).toMatchObject({
      data: { reason: 'NoPlacement', message: expect.stringContaining('moves.allowReducedRedundancy') },
    });
    expect(world.model.ledger.volume(VOLUME)?.minimum).toBe(3);
  });

  test('two replicas never become one, allowed or not', async () => {
    const world = await createMoveWorld({
      nodes: ['n1', 'n2'],
      publishedOn: 'n1',
      placement: ['sata-n1', 'sata-n2'],
      allowReducedRedundancy: true,
    });
    expect(await world.move()).toBe('ended');
    expectAtRest(world, 2, 'failed');
    expect(world.model.ledger.volume(VOLUME)?.minimum).toBe(2);
  });

  test('with the policy’s word three become two for the time of each copy, and three again', async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const world = await reduced(seed);
      expect(await world.move()).toBe('ended');
      expectAtRest(world, 3, 'completed');
      expect(world.poolsOf(VOLUME)).toEqual(['nvme-n1', 'nvme-n2', 'nvme-n3']);
      expect(rebuilds(world)).toBe(3);
      expect(world.model.ledger.volume(VOLUME)?.minimum).toBe(2);
    }
  });

  const reduced = async (seed: number, more: object = {}): Promise<MoveWorld> => {
    const world = await createMoveWorld({
      ...threeNodes,
      placement: three,
      allowReducedRedundancy: true,
      seed,
      ...more,
    });
    world.model.ledger.declare(VOLUME, 2);
    return world;
  };

  test.each(['before', 'after'] as const)('it survives a kill %s each of its calls', async (when) => {
    let kills = 0;
    for (let nth = 1; ; nth += 2) {
      const world = await reduced(nth);
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
      expectAtRest(world, 3, 'completed');
    }
    expect(kills).toBeGreaterThan(10);
  });

  test('an abort at any time ends with three', async () => {
    for (let afterMs = 1_000; afterMs < 400_000; afterMs += 17_000) {
      const world = await reduced(1);
      world.clock.after(afterMs, () => {
        world.abortWanted = true;
      });
      expect(await world.move()).toBe('ended');
      await whileRunning(world.clock, world.clock.sleep(10 * MINUTE_MS));
      expectAtRest(world, 3, outcomeOf(world));
    }
  });

  test('if the pool is gone once the source has left, the replica comes back wherever it can', async () => {
    const world = await reduced(1);
    world.model.faults.onCall(({ method, path }) => {
      if (method === 'PUT' && path.endsWith('/replica_count/2')) {
        for (const pool of ['nvme-n1', 'nvme-n2', 'nvme-n3'])
          void world.model.handle({ method: 'PUT', path: `/v0/pools/${pool}/cordon`, body: allFlags });
      }
      return undefined;
    });
    expect(await world.move()).toBe('ended');
    expect(outcomeOf(world)).toBe('failed');
    expect(world.model.volume(VOLUME)?.replicas.filter(({ synced }) => synced)).toHaveLength(3);
    expect(world.model.ledger.cordons()).toHaveLength(3);
  });

  test('if nothing can take it a person is asked, and it comes back as soon as something can', async () => {
    const world = await reduced(1);
    let stuck = true;
    world.model.faults.onCall(({ path }) =>
      stuck && path.endsWith('/replica_count/3') ? { kind: 'refuse', status: 507, body: noPool } : undefined,
    );
    const stop = new AbortController();
    world.clock.after(60 * MINUTE_MS, () => stop.abort(new Error('stopped')));
    expect(await world.move({ signal: stop.signal })).toBe('released');
    expect(world.events.map(({ name }) => name)).toContain('migration.needs-attention');
    expect(world.model.ledger.cordons()).toEqual([]);
    stuck = false;
    expect(await world.move()).toBe('ended');
    await whileRunning(world.clock, world.clock.sleep(10 * MINUTE_MS));
    expectAtRest(world, 3, 'failed');
  });

  test('Mayastor 2.7 does the same by cordons of nodes', async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const world = await reduced(seed, {
        method: 'nodeCordon',
        model: { version: '2.7.1' },
        targetPools: ['nvme-n1', 'nvme-n2', 'nvme-n3'],
      });
      expect(await world.move()).toBe('ended');
      expect(world.model.ledger.cordons()).toEqual([]);
      expect(world.model.volume(VOLUME)?.replicas).toHaveLength(3);
      expect(world.model.ledger.volume(VOLUME)?.minimum).toBeGreaterThanOrEqual(2);
    }
  });
});

const allFlags = { replicas: true, snapshots: false, restores: false, import: false };
const noPool = { kind: 'ResourceExhausted', message: 'SvcError :: NotEnoughResources: no pool', details: '' } as const;
