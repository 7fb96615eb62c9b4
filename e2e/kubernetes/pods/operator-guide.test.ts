import { mkdir, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { chronicle, expectAgreement, type Chronicle } from './audit.ts';
import {
  errorRows,
  foundRows,
  lostRows,
  maintenanceRows,
  noPoolRows,
  offlineRows,
  poolRows,
  restartedRows,
  resumeRows,
  spoken,
  thresholdRows,
  timeoutRows,
  workingRows,
  type Row,
} from './guide-rows.ts';
import { openPodBed, type PodBed } from './pod-bed.ts';
import { createStage, demands, follow, type Following, type Stage } from './stage.ts';

const own = inject('podCluster');
const definitions = fileURLToPath(new URL('../../../deploy/kustomize/base/crd', import.meta.url));
const plugin = fileURLToPath(new URL('../../../dist/kubectl-couchestor.mjs', import.meta.url));
/** The Prometheus here is minutes old, and the test is to see more than two moves a day of a volume. */
const impatience = {
  samplingWindow: '20s',
  cooldownPeriod: '0s',
  maxConcurrentMigrations: 4,
  limits: {
    perPool: 2,
    perNode: 2,
    maxVolumesInMotionPercent: 25,
    maxMovesPerHour: 1_000,
    maxConsecutiveFailures: 100,
  },
  metrics: { minCoverage: 0.3 },
};

interface DryRunLine {
  readonly level: string;
  readonly volume: string;
  readonly from: string;
  readonly to: string;
  readonly score: number;
  readonly reason: string;
}

describe.skipIf(own === undefined)('the operator guide on the evaluation overlay, with moves going on', () => {
  let bed: PodBed;
  let stage: Stage;
  let past: Chronicle;

  const literal = (command: string): string =>
    command.replaceAll('my-policy', stage.policy).replaceAll(/pvc-abc123|VOLUME/g, stage.volume);
  const runRow = async ({ command, check, withinMs }: Row): Promise<void> => {
    const attempt = async () => check(await bed.shell(literal(command)), stage);
    if (withinMs === undefined) await attempt();
    else await vi.waitFor(attempt, { timeout: withinMs, interval: 500 });
  };
  const runRows = (rows: readonly Row[]): void => {
    for (const row of rows) {
      test(`${row.section}: ${row.command} gives ${row.gives}`, async () => {
        expect.hasAssertions();
        await runRow(row);
      });
    }
  };

  beforeAll(async () => {
    bed = openPodBed(own ?? {});
    await bed.clusterTool('up');
    stage = createStage(bed, 'new-policy', Date.now());
    const commands = join(bed.env['HOME'] ?? '', 'bin');
    await mkdir(commands, { recursive: true });
    await symlink(plugin, join(commands, 'kubectl-couchestor'));
    bed.env['PATH'] = [commands, bed.env['PATH']].join(delimiter);
    // It would claim the volumes first.
    await bed.shell('kubectl delete storagepolicy evaluation-tiering');
  });
  afterAll(() => bed.clusterTool('down'));

  describe('a new policy in dry run', () => {
    let dryRun: Following;
    beforeAll(() => {
      dryRun = follow(spoken.followDryRun, bed.env);
    });
    const told = () => dryRun.lines.map((line) => JSON.parse(line) as DryRunLine);
    afterAll(() => dryRun[Symbol.asyncDispose]());

    test('3.1: the policy of the guide is taken and becomes Active', async () => {
      expect(await bed.shell(spoken.newPolicy)).toBe('storagepolicy.storage.billyronks.io/new-policy created');
      await expect.poll(async () => (await stage.status()).phase, { timeout: 60_000 }).toBe('Active');
      await stage.patch(impatience);
    });

    test('3.1: each move that would be made is told once, with from, to, score and reason, and none is made', async () => {
      await expect.poll(() => dryRun.lines.length, { timeout: 60_000 }).toBeGreaterThan(8);
      const decidedAt = async () =>
        (
          JSON.parse(
            await bed.shell(
              'kubectl get --raw /api/v1/namespaces/kube-system/services/couchestor-scorer:health/proxy/v1/scores',
            ),
          ) as { readonly decidedAt: string }
        ).decidedAt;
      // Decisions are made anew in each cycle of 5 s.
      const firstAt = Date.parse(await decidedAt());
      await expect
        .poll(async () => Date.parse(await decidedAt()) - firstAt, { timeout: 60_000 })
        .toBeGreaterThan(10_000);
      for (const line of told()) {
        expect(line).toMatchObject({
          level: 'INFO',
          volume: expect.stringMatching(/^pvc-/),
          from: expect.stringMatching(/^(hot|cold|mixed)$/),
          to: expect.stringMatching(/^(hot|cold)$/),
          score: expect.any(Number),
          reason: expect.stringMatching(/\S/),
        });
      }
      expect(new Set(told().map(({ volume }) => volume)).size).toBe(dryRun.lines.length);
      expect(await stage.status()).toMatchObject({ totalMigrations: 0, activeMigrations: 0 });
      // Whether Mayastor knows cordons of pools is asked of a pool that does not exist.
      const calls = (await bed.truth()).latestCalls.filter(({ path }) => !path.includes('COUCHESTOR-PROBE'));
      expect(calls).toEqual([]);
    });

    test('3.1: without dryRun, the same moves start', async () => {
      past = chronicle(stage);
      const foretold = new Map(told().map(({ volume, from, to }) => [volume, `${from} to ${to}`]));
      await bed.shell(spoken.endDryRun);
      const started = await stage.untilMoving(4);
      expect(started.filter(({ volumeName }) => !foretold.has(volumeName))).toEqual([]);
      await expect.poll(() => past.entries.size, { timeout: 60_000 }).toBeGreaterThan(0);
      for (const { volumeName, fromTier, toTier } of past.entries.values()) {
        expect(`${fromTier} to ${toTier}`).toBe(foretold.get(volumeName));
      }
    });
  });

  describe('while moves go on', () => {
    runRows(workingRows);
  });

  test('9.1: koplogs follows the logs of all services', async () => {
    await using logs = follow(`shopt -s expand_aliases\n${spoken.koplogs}\nkoplogs`, bed.env);
    const services = () =>
      new Set(logs.lines.map((line) => (JSON.parse(line) as { readonly service: string }).service));
    await expect.poll(services, { timeout: 60_000 }).toEqual(new Set(['watcher', 'scorer', 'migrator']));
  });

  describe('thresholds changed', () => {
    runRows(thresholdRows);
  });

  describe('moves that do not get their replica filled in time', () => {
    // Few of them: each that fails is left alone for five minutes.
    beforeAll(() => stage.patch({ ...demands.hot, migrationTimeout: '1s', maxConcurrentMigrations: 2 }));
    runRows(timeoutRows);
  });

  describe('maintenance', () => {
    beforeAll(async () => {
      await stage.patch({ ...demands.cold, migrationTimeout: '30m', maxConcurrentMigrations: 4 });
      await stage.untilMoving(3);
    });
    runRows(maintenanceRows);
    test('3.3: what is disabled starts nothing', async () => {
      const { latestCalls, nowMs } = await bed.truth();
      const last = latestCalls.at(-1)?.number;
      // Several cycles of decisions.
      await expect.poll(async () => (await bed.truth()).nowMs - nowMs, { timeout: 60_000 }).toBeGreaterThan(6_000);
      expect((await bed.truth()).latestCalls.at(-1)?.number).toBe(last);
      expect(await stage.moves()).toEqual([]);
    });
  });

  describe('Prometheus away', () => {
    beforeAll(() => bed.shell('kubectl scale deployment couchestor-prometheus -n kube-system --replicas=0'));
    runRows(lostRows);
  });
  describe('Prometheus back', () => {
    beforeAll(() => bed.shell('kubectl scale deployment couchestor-prometheus -n kube-system --replicas=1'));
    runRows(foundRows);
  });

  describe('pools', () => {
    beforeAll(async () => {
      const status = { cr_state: 'Created', pool_status: 'Online', capacity: 1_000, used: 250, available: 750 };
      const pools = await bed.shell('kubectl get diskpools -n mayastor -o name');
      for (const pool of pools.split('\n')) {
        const patch = JSON.stringify({ status });
        await bed.shell(`kubectl patch ${pool} -n mayastor --subresource=status --type=merge -p '${patch}'`);
      }
    });
    runRows(poolRows);
  });

  describe('work resumed', () => {
    runRows(resumeRows);
  });

  describe(`3.3: ${spoken.stop}`, () => {
    let moving: readonly { readonly migrationId: string }[] = [];

    test('is followed by no write to Mayastor after 20 s', async () => {
      await stage.patch(demands.hot);
      await expect.poll(async () => (await stage.moves()).length, { timeout: 60_000 }).toBeGreaterThanOrEqual(3);
      const before = await bed.truth();
      moving = await stage.moves();
      expect(moving.length).toBeGreaterThanOrEqual(3);
      expect(await bed.shell(spoken.stop)).toBe('deployment.apps/couchestor scaled');
      // From when the command was done: on a busy machine it takes its time.
      const { nowMs: stoppedMs } = await bed.truth();
      const writesBefore = before.latestCalls.filter(({ startMs }) => startMs > before.nowMs - 20_000);
      expect(writesBefore.length).toBeGreaterThan(3);
      const age = async () => (await bed.truth()).nowMs - stoppedMs;
      await expect.poll(age, { timeout: 60_000, interval: 1_000 }).toBeGreaterThan(26_000);
      const writes = (await bed.truth()).latestCalls
        .filter(({ startMs }) => startMs > before.nowMs)
        .map(({ startMs, method, path }) => ({ afterMs: Math.round(startMs - stoppedMs), method, path }));
      console.log(
        `scaled to 0 with ${moving.length} moves in flight; ${writes.length} writes followed, the last after ${writes.at(-1)?.afterMs ?? 0} ms`,
      );
      expect(writes.filter(({ afterMs }) => afterMs > 20_000)).toEqual([]);
      expect((await stage.moves()).length).toBeGreaterThan(0);
    });

    test('6.1: shows as up == 0', async () => {
      const down = async () => (await bed.query('up{job="couchestor"} == 0')).map(({ metric }) => metric['instance']);
      await expect.poll(down, { timeout: 60_000 }).toEqual(['couchestor:8080']);
    });

    test('3.4: back at 1, the moves that were in flight finish', async () => {
      await bed.shell(spoken.start);
      const unfinished = () => moving.filter(({ migrationId }) => past.entries.get(migrationId)?.success !== true);
      await expect.poll(unfinished, { timeout: 120_000, interval: 500 }).toEqual([]);
    });
  });

  test('7.2: kubectl rollout restart in the middle of moves loses nothing and doubles nothing', async () => {
    await stage.patch(demands.cold);
    await stage.untilMoving(2);
    await bed.shell(spoken.restart);
    await bed.shell('kubectl rollout restart deployment/couchestor-migrator -n kube-system');
    await bed.shell('kubectl rollout status -n kube-system deployment/couchestor --timeout=60s', { timeoutMs: 70_000 });
    await bed.shell('kubectl rollout status -n kube-system deployment/couchestor-migrator --timeout=60s', {
      timeoutMs: 70_000,
    });
    const finished = past.entries.size;
    await expect.poll(() => past.entries.size, { timeout: 60_000 }).toBeGreaterThan(finished);
    await stage.patch({ enabled: false });
    await stage.untilAtRest();
    await past[Symbol.asyncDispose]();
    await expectAgreement(stage, [...past.entries.values()]);
  });

  describe('a policy that was stored before there was a rule against it', () => {
    beforeAll(async () => {
      const definition = 'crd storagepolicies.storage.billyronks.io';
      const withoutRules = `jq 'del(.. | ."x-kubernetes-validations"?)'`;
      await bed.shell(`kubectl get ${definition} -o json | ${withoutRules} | kubectl replace -f - || exit 2`);
      const policy = {
        apiVersion: 'storage.billyronks.io/v1',
        kind: 'StoragePolicy',
        metadata: { name: 'upside-down' },
        spec: {
          storageClassName: 'other',
          highWatermarkIOPS: 100,
          lowWatermarkIOPS: 300,
          nvmePoolSelector: { matchLabels: { tier: 'hot' } },
          sataPoolSelector: { matchLabels: { tier: 'cold' } },
        },
      };
      // The API server takes a moment to change its mind.
      const store = () => bed.shell(`echo '${JSON.stringify(policy)}' | kubectl apply -f - || exit 2`);
      await vi.waitFor(store, { timeout: 60_000, interval: 500 });
      await bed.shell(`kubectl apply --server-side --force-conflicts -f ${definitions}`);
    });
    runRows(errorRows);
  });

  describe('a tier without pools', () => {
    beforeAll(() =>
      stage.patch({ ...demands.hot, enabled: true, nvmePoolSelector: { matchLabels: { tier: 'archive' } } }),
    );
    runRows(noPoolRows);
  });

  describe('pools of a tier that fail', () => {
    beforeAll(async () => {
      const { hotVolumes, coldVolumes } = await stage.status();
      const [demand, prefix] = hotVolumes > coldVolumes ? (['cold', 'sata'] as const) : (['hot', 'nvme'] as const);
      await stage.patch({
        ...demands[demand],
        nvmePoolSelector: { matchLabels: { tier: 'hot' } },
        maxConcurrentMigrations: 8,
        // Four nodes: of more moves that are taken up, some wait for the limit of their pool.
        limits: { ...impatience.limits, perPool: 1, perNode: 1 },
      });
      await stage.untilMoving(5);
      for (const node of ['01', '02', '03', '04']) await bed.makeTrouble('poolFaulted', `${prefix}-node-${node}`);
    });
    runRows(offlineRows);
  });

  describe('containers that ended and began again', () => {
    beforeAll(async () => {
      for (const name of ['couchestor', 'couchestor-scorer', 'couchestor-migrator']) {
        await bed.shell(`kubectl exec -n kube-system deploy/${name} -- sh -c 'kill 1'`);
      }
    });
    runRows(restartedRows);
  });
});
