import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { addPods, addPolicy, coldVolume, hotVolume, migrationId, startBench, type Bench } from '../testing/bench.ts';

const claim = `data-${hotVolume.slice(0, 8)}`;
const standby = { status: 503, body: { error: 'this one stands by' } };
const conditions = [
  { type: 'Ready', status: 'True', reason: 'Reconciled', message: 'The policy is in force.' },
  { type: 'MetricsAvailable', status: 'True', reason: 'Found', message: 'MayastorCounters, coverage 98 %.' },
  { type: 'PoolsAvailable', status: 'True', reason: 'Found', message: 'Each tier has pools.' },
].map((condition) => ({ ...condition, observedGeneration: 1, lastTransitionTime: '2026-03-01T10:00:00Z' }));
const past = (volumeId: string, timestamp: string, success: boolean) => ({
  volumeName: `pvc-${volumeId}`,
  timestamp,
  fromTier: 'cold',
  toTier: 'hot',
  triggerIOPS: 7000,
  duration: '4m10s',
  success,
  ...(success ? {} : { error: 'Sync timeout' }),
  migrationId: `${timestamp}-${volumeId}`,
});
const policyStatus = {
  phase: 'Active',
  watchedVolumes: 2,
  hotVolumes: 1,
  warmVolumes: 0,
  coldVolumes: 1,
  mixedVolumes: 0,
  activeMigrations: 1,
  totalMigrations: 2,
  failedMigrations: 1,
  observedGeneration: 1,
  lastReconcileTime: '2026-03-01T11:58:00Z',
  conditions,
  migrationHistory: [past(hotVolume, '2026-03-01T09:00:00Z', true), past(coldVolume, '2026-03-01T08:00:00Z', false)],
};
const scored = (volumeId: string, iops: number) => ({
  volumeId,
  volumeName: `pvc-${volumeId}`,
  policyName: 'db',
  tierNow: volumeId === hotVolume ? 'hot' : 'cold',
  tierWanted: 'hot',
  score: { kind: 'value', iops, coverage: 0.98 },
});
const decision = {
  ...scored(coldVolume, 6123.4),
  decidedAt: '2026-03-01T11:59:30Z',
  action: 'hold',
  reason: 'CoolingDown',
  message: 'Its last move ended 4 h ago; cooldownPeriod is 24h.',
  comparedWith: { highIops: 5000, lowIops: 500 },
  nextEligibleAt: '2026-03-02T08:00:00Z',
  whatWouldChangeIt: 'Time, or a shorter cooldownPeriod.',
};

describe('the verbs that read', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench();
  });
  afterEach(() => bench[Symbol.asyncDispose]());

  describe('status', () => {
    it('shows policies and the moves of all migrators', async () => {
      addPolicy(bench, 'db', {}, policyStatus);
      const move = {
        migrationId,
        volumeId: coldVolume,
        volumeName: `pvc-${coldVolume}`,
        fromTier: 'cold',
        toTier: 'hot',
        replicasMoved: 1,
        replicaCount: 3,
        step: 'waitSynced',
        rebuildPercent: 37,
        targetPool: 'nvme-worker-b',
      };
      addPods(bench, 'watcher', '/v1/policies', [{ body: { complete: true, policies: [] } }]);
      addPods(bench, 'scorer', '/v1/scores', [standby, { body: { decidedAt: decision.decidedAt, scores: [] } }]);
      addPods(bench, 'migrator', '/v1/moves', [{ body: [] }, { body: [move] }]);
      const { code, out, err } = await bench.run('status');
      expect(err).toBe('');
      expect(code).toBe(0);
      expect(out).toMatch(/^Moves may start\./);
      expect(out).toMatch(/db +Active +2 +1 +0 +1 +0 +1 +2 +1 +True/);
      expect(out).toMatch(/cold +hot +1\/3 +waitSynced +37% +nvme-worker-b/);
    });

    it('says which services cannot be asked and shows what Kubernetes holds', async () => {
      addPolicy(bench, 'db', {}, policyStatus);
      const { code, out, err } = await bench.run('status');
      expect(code).toBe(0);
      for (const service of ['watcher', 'scorer', 'migrator']) expect(err).toContain(`the ${service} cannot be asked`);
      expect(out).toContain("Moves in flight, by the policies' status: 1.");
    });

    it('adds thresholds with -o wide', async () => {
      addPolicy(bench, 'db', { highWatermarkIOPS: 4321 }, policyStatus);
      expect((await bench.run('status')).out).not.toContain('4321');
      expect((await bench.run('status', '-o', 'wide')).out).toMatch(/HIGH IOPS.*\n.*4321/);
    });

    it('tells of a pause and of the troubles of policies', async () => {
      const trouble = { ...conditions[1], status: 'False', reason: 'NoSource', message: 'No series found.' };
      addPolicy(bench, 'db', {}, { ...policyStatus, conditions: [conditions[0] ?? null, trouble] as never });
      await bench.run('pause', '--reason', 'upgrade');
      const { out } = await bench.run('status');
      expect(out).toContain('Everything is paused (upgrade)');
      expect(out).toContain('db: MetricsAvailable: NoSource: No series found.');
    });

    it('does not pass over a policy that was named and is not there', async () => {
      const { code, err } = await bench.run('status', 'nobody');
      expect(code).toBe(1);
      expect(err).toContain('there is no StoragePolicy "nobody"');
    });

    it('tells a move once and in full, though each migrator tells all of them and one is silent', async () => {
      addPolicy(bench, 'db', {}, policyStatus);
      const move = {
        migrationId,
        volumeId: coldVolume,
        volumeName: `pvc-${coldVolume}`,
        fromTier: 'cold',
        toTier: 'hot',
        replicasMoved: 0,
        replicaCount: 3,
      };
      addPods(bench, 'migrator', '/v1/moves', [
        { body: [{ ...move, step: 'elsewhere' }] },
        { status: 502, body: { error: 'bad gateway' } },
        { body: [{ ...move, step: 'Rebuilding', rebuildPercent: 12 }] },
        { body: [{ ...move, step: 'elsewhere' }] },
      ]);
      const { out, err } = await bench.run('status');
      expect(err).not.toContain('the migrator cannot be asked');
      expect(out.match(/Rebuilding +12%/g)).toHaveLength(1);
      expect(out).not.toContain('elsewhere');
    });

    const root = '/api/v1/namespaces/kube-system';
    const forbidden = { status: 403, body: { kind: 'Status', reason: 'Forbidden', message: 'forbidden' } };
    const scores = { body: { decidedAt: decision.decidedAt, scores: [scored(hotVolume, 7000)] } };

    it.each([
      ['pods may not be listed', () => bench.routes.set(`GET ${root}/pods`, forbidden)],
      ['pods may be listed and not asked', () => addPods(bench, 'scorer', '/v1/scores', [forbidden, forbidden])],
    ])('asks through the Service where %s, until it meets the pod that leads', async (_, arrange) => {
      arrange();
      let asked = 0;
      bench.routes.set(`GET ${root}/services/couchestor-scorer:8081/proxy/v1/scores`, () => {
        asked += 1;
        return asked < 4 ? standby : scores;
      });
      const { out, err } = await bench.run('top');
      expect(err).toBe('');
      expect(asked).toBe(4);
      expect(out).toContain('7000');
    });

    it('gives up on a Service behind which none leads', async () => {
      let asked = 0;
      bench.routes.set(`GET ${root}/services/couchestor-scorer:8081/proxy/v1/scores`, () => {
        asked += 1;
        return standby;
      });
      const { err } = await bench.run('top');
      expect(err).toContain('it stands by, or has only just started');
      expect(asked).toBe(8);
    });

    it('names the role that has the right to ask', async () => {
      bench.routes.set(`GET ${root}/services/couchestor-scorer:8081/proxy/v1/scores`, forbidden);
      expect((await bench.run('top')).err).toContain('couchestor-view');
    });
  });

  describe('top', () => {
    beforeEach(() => {
      addPods(bench, 'scorer', '/v1/scores', [
        standby,
        { body: { decidedAt: decision.decidedAt, scores: [scored(hotVolume, 9000), scored(coldVolume, 3.21)] } },
      ]);
    });

    it('asks the scorer that leads', async () => {
      const { out, err } = await bench.run('top');
      expect(err).toBe('');
      expect(out).toMatch(new RegExp(`pvc-${hotVolume} +9000 +98% +hot +hot +db`));
      expect(out).toMatch(new RegExp(`pvc-${coldVolume} +3\\.2`));
    });

    it('keeps to the labels of -l and to the limit', async () => {
      const narrowed = await bench.run('top', '-l', 'couchestor.example/role=coldOnCold');
      expect(narrowed.out).not.toContain(hotVolume);
      expect(narrowed.out).toContain(coldVolume);
      const limited = await bench.run('top', '-n', 'default', '--limit', '1', '-o', 'wide');
      expect(limited.out).toContain(`default/${claim}`);
      expect(limited.out).not.toContain(coldVolume);
    });

    it('prints YAML that reads as the JSON does', async () => {
      const yaml = await bench.run('top', '-o', 'yaml');
      const json = await bench.run('top', '-o', 'json');
      expect(parse(yaml.out)).toEqual(JSON.parse(json.out));
    });

    it.each(['0', '-1', 'many'])('refuses the limit %s', async (limit) => {
      const { code, err } = await bench.run('top', `--limit=${limit}`);
      expect(code).toBe(1);
      expect(err).toContain('is not a count');
    });
  });

  it('top without a scorer shows the volumes and calls their scores unknown', async () => {
    const { code, out, err } = await bench.run('top');
    expect(code).toBe(0);
    expect(err).toContain('Kubernetes holds no scores');
    expect(out).toMatch(new RegExp(`pvc-${hotVolume} +unknown`));
  });

  describe('history', () => {
    beforeEach(() => addPolicy(bench, 'db', {}, policyStatus));

    it('shows the newest first, with age and cause', async () => {
      const { out } = await bench.run('history');
      const [, first, second] = out.split('\n');
      expect(first).toMatch(new RegExp(`^3h ago +pvc-${hotVolume} +db +cold +hot +7000 +4m10s +moved`));
      expect(second).toContain('failed: Sync timeout');
    });

    it('keeps to one claim, to failures, to a count', async () => {
      expect((await bench.run('history', claim)).out).not.toContain(coldVolume);
      expect((await bench.run('history', '--failed')).out).not.toContain(hotVolume);
      expect((await bench.run('history', '--limit', '1')).out).not.toContain(coldVolume);
      expect((await bench.run('history', claim, '--failed')).out).toBe('No moves found.\n');
    });

    it('says where a policy is not there', async () => {
      expect((await bench.run('history', '--policy', 'nobody')).err).toContain('there is no StoragePolicy "nobody"');
    });
  });

  describe('explain', () => {
    it('shows the decision with the numbers compared and what would change it', async () => {
      addPolicy(bench, 'db', {}, policyStatus);
      addPods(bench, 'scorer', `/v1/decisions/pvc-${coldVolume}`, [{ body: decision }]);
      const { out } = await bench.run('explain', `pvc-${coldVolume}`);
      expect(out).toMatch(/Decision: +hold: CoolingDown/);
      expect(out).toMatch(/Score: +6123 IOPS, from 98% of the samples/);
      expect(out).toMatch(/Compared with: +hot from 5000 IOPS, cold at 500 or less/);
      expect(out).toMatch(/Not before: +2026-03-02T08:00:00Z \(in 20h\)/);
      expect(out).toMatch(/Would change it: +Time, or a shorter cooldownPeriod\./);
      expect(out).toContain('failed: Sync timeout');
    });

    it('answers the checks of Kubernetes alone where no service can be asked', async () => {
      addPolicy(bench, 'db', { dryRun: true, cooldownPeriod: '24h' }, policyStatus);
      bench.cluster.kubernetes.patch(
        { apiVersion: 'v1', kind: 'PersistentVolume', name: `pvc-${hotVolume}` },
        {
          metadata: {
            annotations: {
              'storage.billyronks.io/last-migration': '2026-03-01T09:00:00Z',
              'storage.billyronks.io/hold': 'true',
            },
          },
        },
      );
      const { code, out, err } = await bench.run('explain', claim);
      expect(code).toBe(0);
      expect(err).toContain('the scorer cannot be asked');
      expect(out).toContain('What the scorer decided is not known here');
      expect(out).toMatch(/dry run\? +BLOCKS/);
      expect(out).toMatch(new RegExp(`held\\? +BLOCKS +yes +kubectl couchestor hold pv/pvc-${hotVolume} --remove`));
      expect(out).toMatch(/cooling down\? +BLOCKS +until 2026-03-02T09:00:00\.000Z/);
      expect(out).toMatch(/metrics available\? +ok/);
    });

    it('says that the policy of the volume has an error, rather than that another one claims it', async () => {
      addPolicy(bench, 'older', { highWatermarkIOPS: 1, lowWatermarkIOPS: 2 });
      addPolicy(bench, 'younger');
      const { out } = await bench.run('explain', claim);
      expect(out).toMatch(/has a policy\? +ok +older/);
      expect(out).toMatch(
        /policy in order\? +BLOCKS +it has an error.*raise highWatermarkIOPS or lower lowWatermarkIOPS +kubectl edit storagepolicy older/,
      );
      expect(out).toMatch(/Policy: +older/);
    });

    it('says that no policy claims the volume', async () => {
      addPolicy(bench, 'other', { storageClassName: 'elsewhere' });
      const { out } = await bench.run('explain', claim);
      expect(out).toMatch(/has a policy\? +BLOCKS +no policy claims StorageClass "mayastor"/);
    });

    it('wants one volume', async () => {
      expect((await bench.run('explain')).err).toContain('explain takes one volume or claim');
      expect((await bench.run('explain', 'a', 'b')).code).toBe(1);
    });
  });
});
