import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addPods, coldVolume, hotVolume, migrationId, startBench, type Bench } from '../testing/bench.ts';

const control = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'kube-system', name: 'couchestor-control' };
const claim = `data-${hotVolume.slice(0, 8)}`;

describe('the verbs that write', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench();
  });
  afterEach(() => bench[Symbol.asyncDispose]());

  const controlData = (): unknown => bench.cluster.kubernetes.get(control)?.['data'];
  const annotation = (volumeId: string, name: string): string | undefined =>
    bench.volume(volumeId).metadata.annotations?.[`storage.billyronks.io/${name}`];
  const patches = (): string[] => bench.requests.filter((request) => !request.startsWith('GET'));

  describe('pause and resume', () => {
    it('pause makes the ConfigMap where there is none', async () => {
      const { code, out } = await bench.run('pause', '--reason', 'upgrade of the switches');
      expect(code).toBe(0);
      expect(out).toContain('configmap/couchestor-control paused');
      expect(controlData()).toEqual({ paused: 'true', reason: 'upgrade of the switches' });
    });

    it('resume ends a pause and takes its reason away', async () => {
      await bench.run('pause', '--reason', 'upgrade');
      const { code, out } = await bench.run('resume');
      expect(code).toBe(0);
      expect(out).toContain('resumed');
      expect(controlData()).toEqual({ paused: 'false' });
    });

    it('pause leaves other keys of the ConfigMap alone and forgets an older reason', async () => {
      bench.cluster.kubernetes.apply({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'couchestor-control', namespace: 'kube-system' },
        data: { paused: 'false', reason: 'old', other: 'kept' },
      });
      await bench.run('pause');
      expect(controlData()).toEqual({ paused: 'true', other: 'kept' });
    });

    it('resume writes nothing where nothing is paused', async () => {
      const { code, out } = await bench.run('resume');
      expect(code).toBe(0);
      expect(out).toBe('nothing was paused\n');
      expect(patches()).toEqual([]);
    });

    it('works in another control namespace', async () => {
      bench.cluster.kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'storage' } });
      await bench.run('pause', '--control-namespace', 'storage');
      expect(controlData()).toBeUndefined();
      expect(bench.cluster.kubernetes.get({ ...control, namespace: 'storage' })?.['data']).toEqual({ paused: 'true' });
    });

    it('refuses -l and -n, as if only a part could be paused', async () => {
      for (const flag of ['-l', '-n']) {
        const { code, err } = await bench.run('pause', flag, 'app=db');
        expect(code).toBe(1);
        expect(err).toContain(`Leave out ${flag}`);
      }
      expect(bench.requests).toEqual([]);
    });
  });

  describe('hold', () => {
    it('holds a volume by its own name', async () => {
      const { code, out } = await bench.run('hold', `pvc-${hotVolume}`);
      expect(code).toBe(0);
      expect(out).toBe(`persistentvolume/pvc-${hotVolume} held\n`);
      expect(annotation(hotVolume, 'hold')).toBe('true');
      expect(annotation(coldVolume, 'hold')).toBeUndefined();
    });

    it("holds a volume by its claim's name, for a while", async () => {
      const { code } = await bench.run('hold', claim, '-n', 'default', '--for', '12h');
      expect(code).toBe(0);
      expect(annotation(hotVolume, 'hold')).toBe('2026-03-02T00:00:00.000Z');
    });

    it('holds all volumes with a label, and ends it for one', async () => {
      await bench.run('hold', '-l', 'couchestor.example/role');
      expect(annotation(coldVolume, 'hold')).toBe('true');
      await bench.run('hold', '--remove', `pv/pvc-${hotVolume}`);
      expect(annotation(hotVolume, 'hold')).toBeUndefined();
      expect(annotation(coldVolume, 'hold')).toBe('true');
    });

    it('prints what was written with -o json', async () => {
      const { out } = await bench.run('hold', `pvc/${claim}`, '-o', 'json');
      const written = JSON.parse(out) as { metadata: { annotations: Record<string, string> } };
      expect(written.metadata.annotations['storage.billyronks.io/hold']).toBe('true');
    });

    it('writes nothing when one of several volumes is not found', async () => {
      const { code, err } = await bench.run('hold', `pvc-${hotVolume}`, 'nobody', '-n', 'shop');
      expect(code).toBe(1);
      expect(err).toContain('nor a claim of that name in namespace shop');
      expect(patches()).toEqual([]);
    });

    it('refuses a volume of another driver', async () => {
      bench.cluster.kubernetes.apply({
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: 'theirs' },
        spec: {
          accessModes: ['ReadWriteOnce'],
          capacity: { storage: '1Gi' },
          csi: { driver: 'ebs.csi.aws.com', volumeHandle: 'vol-1' },
        },
      });
      const { code, err } = await bench.run('hold', 'theirs');
      expect(code).toBe(1);
      expect(err).toContain('not of Mayastor');
      expect(patches()).toEqual([]);
    });

    it.each([
      [['hold'], 'no volume was named'],
      [['hold', 'a', '-l', 'b'], 'named and selected'],
      [['hold', 'a', '--for', '1h', '--remove'], 'exclude each other'],
      [['hold', 'a', '--for', '0s'], 'is not a duration'],
      [['hold', 'a', '--until', 'tomorrow'], 'is not a time'],
      [['hold', 'a', '--until', '2030-01-01T00:00:00'], 'is not a time'],
      [['hold', 'a', '--until', '2020-01-01T00:00:00Z'], 'is past'],
      [['hold', 'deploy/a'], 'names no volume'],
    ])('says what is wrong with %j', async (args, problem) => {
      const { code, err } = await bench.run(...args);
      expect(code).toBe(1);
      expect(err).toContain(problem);
      expect(err.trimEnd().split('\n').length).toBeGreaterThan(1);
      expect(bench.requests).toEqual([]);
    });
  });

  describe('pin', () => {
    it('pins a volume to a tier and lets it go again', async () => {
      const { out } = await bench.run('pin', claim, 'cold');
      expect(out).toBe(`persistentvolume/pvc-${hotVolume} pinned to cold\n`);
      expect(annotation(hotVolume, 'pin-tier')).toBe('cold');
      await bench.run('pin', claim, '--remove');
      expect(annotation(hotVolume, 'pin-tier')).toBeUndefined();
    });

    it('pins by label', async () => {
      await bench.run('pin', '-l', 'couchestor.example/role=coldOnCold', 'hot');
      expect(annotation(coldVolume, 'pin-tier')).toBe('hot');
      expect(annotation(hotVolume, 'pin-tier')).toBeUndefined();
    });

    it.each([
      [['pin'], 'no tier was named'],
      [['pin', 'a', 'blue'], '"blue" is no tier'],
      [['pin', 'hot'], 'no volume was named'],
    ])('says what is wrong with %j', async (args, problem) => {
      const { code, err } = await bench.run(...args);
      expect(code).toBe(1);
      expect(err).toContain(problem);
    });
  });

  describe('abort', () => {
    const move = {
      migrationId,
      volumeId: hotVolume,
      volumeName: `pvc-${hotVolume}`,
      fromTier: 'hot',
      toTier: 'cold',
      replicasMoved: 0,
      replicaCount: 1,
      step: 'waitSynced',
    };
    const addEvent = (name: string, reason: string, id: string, time: string): void => {
      bench.cluster.kubernetes.apply({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace: 'default' },
        involvedObject: { kind: 'PersistentVolume', name: `pvc-${hotVolume}` },
        reason,
        message: `pvc-${hotVolume}: moving from hot to cold (migration ${id})`,
        type: 'Normal',
        lastTimestamp: time,
      });
    };

    it('writes the id of the move that a migrator works on, whichever of them it is', async () => {
      addPods(bench, 'migrator', '/v1/moves', [{ body: [] }, { body: [move] }]);
      const { code, out, err } = await bench.run('abort', claim);
      expect(err).toBe('');
      expect(code).toBe(0);
      expect(out).toContain(migrationId);
      expect(annotation(hotVolume, 'abort')).toBe(migrationId);
    });

    it('finds the move by its Event where the migrators cannot be asked, and says so', async () => {
      addEvent('e1', 'MigrationStarted', migrationId, '2026-03-01T11:59:00Z');
      const { code, err } = await bench.run('abort', claim);
      expect(code).toBe(0);
      expect(err).toContain('warning: the migrators cannot be asked');
      expect(annotation(hotVolume, 'abort')).toBe(migrationId);
    });

    it('does not take a move that its Events tell to have ended', async () => {
      addEvent('e1', 'MigrationStarted', migrationId, '2026-03-01T11:58:00Z');
      addEvent('e2', 'MigrationCompleted', migrationId, '2026-03-01T11:59:00Z');
      const { code, err } = await bench.run('abort', claim);
      expect(code).toBe(1);
      expect(err).toContain(`no move of pvc-${hotVolume} is in flight`);
      expect(patches()).toEqual([]);
    });

    it('takes the id that is given', async () => {
      await bench.run('abort', claim, '--migration', migrationId);
      expect(annotation(hotVolume, 'abort')).toBe(migrationId);
    });
  });

  it('says in the words of kubectl that a right is missing', async () => {
    bench.routes.set(`PATCH /api/v1/persistentvolumes/pvc-${hotVolume}`, {
      status: 403,
      body: { kind: 'Status', reason: 'Forbidden', message: 'persistentvolumes is forbidden' },
    });
    const { code, err } = await bench.run('hold', `pvc-${hotVolume}`);
    expect(code).toBe(1);
    expect(err).toContain('Error from server (Forbidden)');
    expect(err).toContain('kubectl couchestor doctor');
  });
});
