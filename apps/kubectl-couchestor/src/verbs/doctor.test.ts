import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addPods, addPolicy, coldVolume, migrationId, startBench, type Bench } from '../testing/bench.ts';

const reviews = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const mayastor = '/api/v1/namespaces/mayastor/services';
const rest = `${mayastor}/mayastor-api-rest:8081/proxy/v0`;
const condition = (type: string, status: string, reason: string, message: string) => ({
  type,
  status,
  reason,
  message,
  observedGeneration: 1,
  lastTransitionTime: '2026-03-01T10:00:00Z',
});
const statusWith = (...conditions: ReturnType<typeof condition>[]) => ({
  phase: 'Active',
  watchedVolumes: 0,
  hotVolumes: 0,
  warmVolumes: 0,
  coldVolumes: 0,
  mixedVolumes: 0,
  activeMigrations: 0,
  totalMigrations: 0,
  failedMigrations: 0,
  observedGeneration: 1,
  conditions,
  migrationHistory: [],
});
const metricsFound = condition('MetricsAvailable', 'True', 'Found', 'MayastorCounters, coverage 98 %.');
const node = (id: string, version: string, cordonLabels: readonly string[] = []) => ({
  id,
  spec: {
    id,
    ...(cordonLabels.length === 0 ? {} : { cordondrainstate: { cordonedstate: { cordonlabels: cordonLabels } } }),
  },
  state: { id, status: 'Online', version },
});

describe('doctor', () => {
  let bench: Bench;
  const show = (nodes: readonly unknown[], pools: readonly unknown[] = [], volumes: readonly unknown[] = []): void => {
    bench.routes.set(`${rest}/nodes`, { body: nodes });
    bench.routes.set(`${rest}/pools`, { body: pools });
    bench.routes.set(`${rest}/volumes`, { body: { entries: volumes } });
  };
  beforeEach(async () => {
    bench = await startBench();
    bench.routes.set(`POST ${reviews}`, { status: 201, body: { status: { allowed: true } } });
    bench.routes.set(`GET ${mayastor}`, {
      body: {
        metadata: { resourceVersion: '1' },
        items: [
          {
            metadata: { name: 'mayastor-api-rest' },
            spec: {
              ports: [
                { name: 'https', port: 8080 },
                { name: 'http', port: 8081 },
              ],
            },
          },
        ],
      },
    });
    show([node('worker-a', 'v2.10.1'), node('worker-b', 'v2.10.1')]);
    addPods(bench, 'watcher', '/v1/policies', [{ body: { complete: true, policies: [] } }]);
    addPods(bench, 'scorer', '/v1/scores', [{ body: { decidedAt: '2026-03-01T11:59:30Z', scores: [] } }]);
    addPods(bench, 'migrator', '/v1/moves', [{ body: [] }]);
  });
  afterEach(() => bench[Symbol.asyncDispose]());

  it('finds nothing wrong where nothing is', async () => {
    addPolicy(bench, 'db', {}, statusWith(metricsFound));
    const { code, out } = await bench.run('doctor');
    expect(out).toContain('0 errors, 0 warnings');
    expect(code).toBe(0);
    expect(out).toContain('v2.10.1 on 2 nodes: fences with pool cordons');
    expect(out).toContain('coverage 98 %');
    expect(out).toContain('yours are enough for every verb');
  });

  it('names tiers without pools and pools without tier, and ends with 1', async () => {
    addPolicy(bench, 'db', { nvmePoolSelector: { matchLabels: { tier: 'optane' } } }, statusWith(metricsFound));
    const { code, out } = await bench.run('doctor');
    expect(code).toBe(1);
    expect(out).toContain('tier hot of policy db has no pool');
    expect(out).toContain('nvme-worker-a belongs to no tier');
    expect(out).toContain('kubectl label diskpool -n mayastor nvme-worker-a');
    expect(out).not.toContain('sata-worker-a belongs to no tier');
  });

  it('passes on what is wrong with metrics and which policies overlap', async () => {
    const overlap = condition('Overlapping', 'True', 'OlderPolicyClaims', 'Older policy "db" also claims volumes.');
    const none = condition('MetricsAvailable', 'False', 'NoSource', 'Prometheus has no series of Mayastor.');
    addPolicy(bench, 'web', {}, statusWith(none, overlap));
    const { code, out } = await bench.run('doctor');
    expect(code).toBe(1);
    expect(out).toMatch(/ERROR +policy web +metrics: NoSource: Prometheus has no series/);
    expect(out).toMatch(/WARNING +policy web +Older policy "db" also claims/);
  });

  it('tells cordons that are left behind from those of moves in flight', async () => {
    show([node('worker-a', 'v2.10.1', [`couchestor-${migrationId}`, 'theirs']), node('worker-b', 'v2.10.1')]);
    const left = await bench.run('doctor');
    expect(left.out).toContain(`kubectl mayastor uncordon node worker-a couchestor-${migrationId}`);
    expect(left.out).not.toContain('theirs');
    addPods(bench, 'migrator', '/v1/moves', [
      {
        body: [
          {
            migrationId,
            volumeId: coldVolume,
            volumeName: `pvc-${coldVolume}`,
            fromTier: 'cold',
            toTier: 'hot',
            replicasMoved: 0,
            replicaCount: 1,
            step: 'shrink',
          },
        ],
      },
    ]);
    expect((await bench.run('doctor')).out).toContain('no node carries a cordon of ours that is left behind');
  });

  it('tells of closed pools and of volumes above their count', async () => {
    show(
      [node('worker-a', 'v2.10.1')],
      [{ id: 'sata-worker-a', spec: { cordonDrain: { cordoned: { replicas: true } } } }, { id: 'nvme-worker-a' }],
      [{ spec: { uuid: coldVolume, num_replicas: 1 }, state: { replica_topology: { r1: {}, r2: {} } } }],
    );
    const { out } = await bench.run('doctor');
    expect(out).toContain('kubectl mayastor uncordon pool sata-worker-a');
    expect(out).toContain(`more replicas than they are meant to have, and no move: ${coldVolume}`);
  });

  it.each([
    [['v2.10.1', 'v2.9.3'], 'v2.10.1, v2.9.3'],
    [['v2.7.2'], 'only if MAYASTOR_NODE_FENCE'],
    [['v2.6.1'], 'cannot be fenced and steered'],
  ])('judges the versions %j', async (versions, message) => {
    show(versions.map((version, index) => node(`worker-${index}`, version)));
    expect((await bench.run('doctor')).out).toContain(message);
  });

  it('tells what each service waits for, once for all pods of it', async () => {
    const dependencies = [
      { name: 'nats', required: true, ok: true },
      { name: 'redis', required: true, ok: false, reason: 'not connected' },
      { name: 'permit', required: false, ok: false, reason: 'paused' },
    ];
    const pods = [{ body: { ready: false, dependencies } }, { body: { ready: false, dependencies } }];
    addPods(bench, 'migrator', '/v1/readiness', pods);
    const { code, out } = await bench.run('doctor');
    expect(code).toBe(1);
    expect(out.match(/ERROR +migrator +waits for redis: not connected\n.*kubectl logs -n kube-system/g)).toHaveLength(
      1,
    );
    expect(out).toMatch(/note +migrator +goes on without permit: paused/);
    expect(out).not.toContain('nats');
    addPods(bench, 'migrator', '/v1/readiness', [
      { body: { ready: true, dependencies: [{ name: 'nats', required: true, ok: true }] } },
    ]);
    expect((await bench.run('doctor')).out).toMatch(/ok +migrator +answers, and has what it needs/);
  });

  it.each([
    ['poolCordon', /ok +mayastor +cordons of pools and nodes work, as migrator-1 found/],
    ['nodeCordon', /ok +mayastor +whole nodes are cordoned/],
    ['none', /ERROR +mayastor +migrator-1 found no way to fence and steer a move/],
    ['undetermined', /WARNING +mayastor +migrator-1 did not find out yet/],
  ])('tells that a migrator found the method %s', async (method, finding) => {
    addPods(bench, 'migrator', '/v1/mover', [{ body: { instance: 'migrator-1', version: '0.1.0', method } }]);
    expect((await bench.run('doctor')).out).toMatch(finding);
  });

  it('lists the rights that are missing', async () => {
    bench.routes.set(`POST ${reviews}`, (_, body) => ({
      status: 201,
      body: { status: { allowed: !(body.includes('"patch"') && body.includes('persistentvolumes')) } },
    }));
    const { out } = await bench.run('doctor');
    expect(out).toContain('you may not patch persistentvolumes, which is needed for: hold, pin, abort');
    expect(out).toContain('Ask for the role couchestor-operator');
    expect(out).not.toContain('you may not list');
  });

  it('takes the right to ask pods for that to ask Services, and nothing for either', async () => {
    const allow = (isAllowed: (body: string) => boolean): void => {
      bench.routes.set(`POST ${reviews}`, (_, body) => ({
        status: 201,
        body: { status: { allowed: isAllowed(body) } },
      }));
    };
    const ofServices = (body: string): boolean => body.includes('"couchestor-scorer:8081"');
    const ofPods = (body: string): boolean => body.includes('"pods"') && body.includes('"proxy"');
    allow((body) => !ofServices(body));
    expect((await bench.run('doctor')).out).toContain('yours are enough for every verb');
    allow((body) => !ofServices(body) && !ofPods(body));
    expect((await bench.run('doctor')).out).toContain(
      'you may not get services/proxy couchestor-scorer:8081 in namespace kube-system',
    );
  });

  it('goes on where something cannot be read', async () => {
    bench.routes.set('/apis/storage.billyronks.io/v1/storagepolicies', {
      status: 403,
      body: { kind: 'Status', reason: 'Forbidden', message: 'storagepolicies is forbidden' },
    });
    bench.routes.set(`${rest}/nodes`, { status: 503, body: { kind: 'Status', reason: 'ServiceUnavailable' } });
    const { code, out } = await bench.run('doctor');
    expect(code).toBe(1);
    expect(out).toMatch(/ERROR +policies +cannot be read: .*Forbidden/);
    expect(out).toContain('was not asked for versions and cordons');
    expect(out).toMatch(/ok +scorer +answers/);
  });

  it('says that everything is paused', async () => {
    await bench.run('pause');
    expect((await bench.run('doctor')).out).toMatch(/WARNING +control +everything is paused/);
  });

  it('prints findings as JSON', async () => {
    const { out } = await bench.run('doctor', '-o', 'json');
    const { findings } = JSON.parse(out) as { findings: { level: string; topic: string }[] };
    expect(findings).toContainEqual(expect.objectContaining({ level: 'ok', topic: 'migrator' }));
  });
});
