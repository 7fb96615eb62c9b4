import { expect } from 'vitest';
import type { HistoryEntry, Stage } from './stage.ts';

/** A line of an operator's guide, and what it must give. */
export interface Row {
  /** Of the guide. */
  readonly section: string;
  /**
   * Run by a shell as it stands, but for names: `my-policy` is the policy at hand, `pvc-abc123` and VOLUME a volume of it.
   */
  readonly command: string;
  /** What the command must give, as a sentence; `check` says the same in code. */
  readonly gives: string;
  readonly check: (said: string, stage: Stage) => void | Promise<void>;
  /** Asked again for so long until it holds; once if left out. */
  readonly withinMs?: number;
}

const LOGS = 'kubectl logs -n kube-system -l app=couchestor';
const ALL_LOGS = `${LOGS} --tail=-1 --max-log-requests=20`;
const SERVICES = '/api/v1/namespaces/kube-system/services';

/** What is run in the midst of something that a row cannot tell. */
export const spoken = {
  newPolicy: `cat <<EOF | kubectl apply -f -
apiVersion: storage.billyronks.io/v1
kind: StoragePolicy
metadata:
  name: new-policy
spec:
  storageClassName: mayastor
  highWatermarkIOPS: 5000
  lowWatermarkIOPS: 500
  nvmePoolSelector:
    matchLabels:
      tier: hot
  sataPoolSelector:
    matchLabels:
      tier: cold
  enabled: true
  dryRun: true  # Start in dry-run
EOF`,
  followDryRun: `${LOGS} -f | grep "DRY-RUN"`,
  endDryRun: `kubectl patch storagepolicy new-policy --type=merge -p '{"spec":{"dryRun":false}}'`,
  stop: 'kubectl scale deployment couchestor -n kube-system --replicas=0',
  start: 'kubectl scale deployment couchestor -n kube-system --replicas=1',
  restart: 'kubectl rollout restart deployment/couchestor -n kube-system',
  koplogs: `alias koplogs='${LOGS} -f --max-log-requests=20'`,
} as const;

const linesOf = (said: string): readonly string[] => said.split('\n').filter((line) => line !== '');
const logLines = (said: string) =>
  linesOf(said).map((line) => JSON.parse(line) as Readonly<Record<string, unknown>> & { readonly level: string });
const everyLineHas = (said: string, text: string): void => {
  expect(linesOf(said).length).toBeGreaterThan(0);
  expect(linesOf(said).filter((line) => !line.includes(text))).toEqual([]);
};
/** Grep puts `--` between what does not belong together. */
const failedMoves = (said: string) =>
  logLines(said.replaceAll(/^--$/gm, '')).filter(({ msg }) => msg === 'Migration failed');
const equals = (text: string) => (said: string) => expect(said).toBe(text);
const matches = (pattern: RegExp) => (said: string) => expect(said).toMatch(pattern);
const newestFirst = (entries: readonly HistoryEntry[]): void => {
  const times = entries.map(({ timestamp }) => timestamp);
  expect(times).toEqual([...times].sort().reverse());
};
const patched = matches(/^storagepolicy\.storage\.billyronks\.io\/\S+ patched( \(no change\))?$/);

const untilPaused = (expected: string) => async (_: string, stage: Stage) => {
  const paused = async () => (await stage.status()).conditions.find(({ type }) => type === 'Paused')?.status;
  await expect.poll(paused, { timeout: 30_000 }).toBe(expected);
};

/** The expression of an alert while all is well, and series that show that it could be otherwise. */
const silentAlert = (section: string, expr: string, gives: string, exists: string, series: number): Row => ({
  section,
  command: `kubectl get --raw '${SERVICES}/couchestor-prometheus:http/proxy/api/v1/query?query=${encodeURIComponent(expr)}'`,
  gives,
  check: async (said, { bed }) => {
    expect(JSON.parse(said)).toMatchObject({ status: 'success', data: { result: [] } });
    expect(await bed.query(exists)).toHaveLength(series);
  },
  withinMs: 30_000,
});

/** While the first moves are decided on and made. */
export const workingRows: readonly Row[] = [
  {
    section: '2.1',
    command: 'kubectl get pods -n kube-system -l app=couchestor',
    gives: 'the pods of all three services, and nothing else',
    check: (said) => {
      const [, ...pods] = linesOf(said);
      expect(pods.map((pod) => pod.replace(/-\w+-\w{5} .*/, '')).sort()).toEqual([
        'couchestor',
        'couchestor-migrator',
        'couchestor-scorer',
      ]);
      for (const pod of pods) expect(pod).toMatch(/ 1\/1 +Running /);
    },
  },
  {
    section: '2.1',
    command: `${LOGS} --tail=100 | grep -E "(ERROR|WARN)"`,
    gives: 'problems only, and in normal running none',
    check: (said, { readyAtMs }) => {
      // While it started, what was not there yet was missed.
      expect(logLines(said).filter(({ time }) => Date.parse(String(time)) > readyAtMs)).toEqual([]);
      for (const { level } of logLines(said)) expect(level).toMatch(/^(ERROR|WARN)$/);
    },
  },
  {
    section: '2.1',
    command: 'kubectl exec -n kube-system deploy/couchestor -- wget -qO- http://localhost:8081/healthz',
    gives: 'ok, from the watcher',
    check: equals('ok'),
  },
  {
    section: '2.1',
    command: 'kubectl exec -n kube-system -it deploy/couchestor -- wget -qO- http://localhost:8081/healthz',
    gives: 'ok, without a terminal too',
    check: equals('ok'),
  },
  {
    section: '2.1',
    command: 'kubectl exec -n kube-system deploy/couchestor -- wget -qO- http://localhost:8081/readyz',
    gives: 'what it depends on, each ready',
    check: (said) => {
      expect(said).toMatch(/nats/);
      expect(said).toMatch(/kubernetes/);
      expect(said).toMatch(/mayastor/);
    },
  },
  {
    section: '2.1',
    command: 'kubectl get storagepolicies',
    gives: 'NAME, HIGH IOPS, LOW IOPS, PHASE, WATCHED, MIGRATIONS, AGE',
    check: matches(
      /^NAME +HIGH IOPS +LOW IOPS +PHASE +WATCHED +MIGRATIONS +AGE\nnew-policy +5000 +500 +Active +40 +\d+ +\S+$/,
    ),
  },
  {
    section: '2.2',
    command: 'kubectl get storagepolicy my-policy -o json | jq .',
    gives: 'Active, volumes watched, no more moves in flight than maxConcurrentMigrations',
    check: (said) => {
      const { spec, status } = JSON.parse(said) as {
        readonly spec: { readonly maxConcurrentMigrations: number };
        readonly status: { readonly phase: string; readonly watchedVolumes: number; readonly activeMigrations: number };
      };
      expect(status.phase).toBe('Active');
      expect(status.watchedVolumes).toBeGreaterThan(0);
      expect(status.activeMigrations).toBeLessThanOrEqual(spec.maxConcurrentMigrations);
    },
  },
  {
    section: '2.2',
    command: 'kubectl describe storagepolicy my-policy',
    gives: 'the condition Ready with a sentence',
    check: matches(/Message: +The policy is in force\./),
    withinMs: 30_000,
  },
  {
    section: '3.1',
    command: 'kubectl explain storagepolicy.spec',
    gives: 'each field with what it means',
    check: (said) => {
      const [, fields = ''] = said.split('FIELDS:');
      const names = [...fields.matchAll(/^ {2}(\w+)\t<.*>/gm)].map(([, name]) => name);
      expect(names).toEqual(expect.arrayContaining(['highWatermarkIOPS', 'windows', 'sataPoolSelector', 'dryRun']));
      const described = fields.split(/^ {2}\w+\t<.*>.*$/m).slice(1);
      expect(described.filter((text) => text.trim() === '')).toEqual([]);
    },
  },
  {
    section: '4.1',
    command: `kubectl get storagepolicy my-policy -o jsonpath='{.status.migrationHistory}' | jq '.[0:5]'`,
    gives: 'up to five moves, the newest first',
    check: (said, stage) => {
      const entries = JSON.parse(said) as readonly HistoryEntry[];
      expect(entries.length).toBeGreaterThanOrEqual(1);
      expect(entries.length).toBeLessThanOrEqual(5);
      newestFirst(entries);
      expect(entries[0]).toMatchObject({
        success: true,
        migrationId: expect.any(String),
        duration: expect.any(String),
      });
      stage.volume = entries[0]?.volumeName ?? '';
    },
    withinMs: 60_000,
  },
  {
    section: '4.1',
    command: 'kubectl get pv pvc-abc123 -o yaml | grep -A5 annotations',
    gives: 'last-migration, and the tier that the volume is on',
    check: (said) => {
      expect(said).toMatch(/storage\.billyronks\.io\/last-migration: "?\d{4}-\d\d-\d\dT/);
      expect(said).toMatch(/storage\.billyronks\.io\/current-tier: (hot|cold)/);
    },
    withinMs: 30_000,
  },
  {
    section: '4.1',
    command: `${ALL_LOGS} | grep "pvc-abc123"`,
    gives: 'every line about that volume, of all services, from its score to the end of its move',
    check: (said, { volume }) => {
      everyLineHas(said, `"${volume}"`);
      const told = new Set(logLines(said).map(({ service, msg }) => `${String(service)}: ${String(msg)}`));
      expect([...told]).toEqual(
        expect.arrayContaining([
          'scorer: heat score',
          'scorer: move requested',
          'migrator: migration accepted',
          'watcher: migration started',
          'watcher: migration completed',
        ]),
      );
    },
    withinMs: 30_000,
  },
  {
    section: '4.1',
    command: `${LOGS} | grep "pvc-abc123"`,
    gives: 'those of them that are among the newest',
    check: (said, { volume }) => {
      for (const line of linesOf(said)) expect(line).toContain(volume);
    },
  },
  {
    section: '4.1',
    command: 'kubectl get events -n default --field-selector involvedObject.name=pvc-abc123',
    gives: 'start and end of its move',
    check: (said) => {
      expect(said).toMatch(/ Normal +MigrationStarted +persistentvolume\/pvc-/);
      expect(said).toMatch(/ Normal +MigrationCompleted +persistentvolume\/pvc-/);
    },
    withinMs: 30_000,
  },
  {
    section: '4.2',
    command: `kubectl get storagepolicy my-policy -o jsonpath='{.spec.enabled}'`,
    gives: 'true',
    check: equals('true'),
  },
  {
    section: '4.2',
    command: `kubectl get pv VOLUME -o jsonpath='{.spec.storageClassName}'`,
    gives: 'its StorageClass',
    check: equals('mayastor'),
  },
  {
    section: '4.2',
    command: `${LOGS} --tail=-1 | grep "VOLUME" | grep "heat score"`,
    gives: 'its IOPS and its tier',
    check: (said, { volume }) => {
      expect(logLines(said).at(-1)).toMatchObject({
        level: 'INFO',
        msg: 'heat score',
        volume,
        tier: expect.any(String),
      });
    },
  },
  {
    section: '4.2',
    command: `kubectl get pv VOLUME -o jsonpath='{.metadata.annotations.storage\\.billyronks\\.io/last-migration}'`,
    gives: 'when its last move ended',
    check: matches(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
  },
  {
    section: '4.2',
    command: `kubectl get storagepolicy my-policy -o jsonpath='{.status.activeMigrations}'`,
    gives: 'how many moves are in flight',
    check: matches(/^\d+$/),
  },
  {
    section: '4.2',
    command: `kubectl get --raw ${SERVICES}/couchestor-scorer:health/proxy/v1/decisions/pvc-abc123`,
    gives: 'the decision, with what would change it',
    check: (said, { volume }) => {
      expect(JSON.parse(said)).toMatchObject({
        volumeName: volume,
        reason: expect.stringMatching(/^[A-Z]\w+$/),
        message: expect.any(String),
        whatWouldChangeIt: expect.anything(),
      });
    },
  },
  {
    section: '4.2',
    command: 'kubectl couchestor explain pvc-abc123',
    gives: 'all of these checks at once',
    check: (said, { volume, policy }) => {
      expect(said).toContain(volume);
      expect(said).toContain(policy);
      expect(said).toMatch(/mayastor/i);
    },
  },
  {
    section: '6.1',
    command: `kubectl get configmap -n kube-system couchestor-prometheus -o jsonpath='{.data.alerts\\.yaml}'`,
    gives: 'the alerts of the guide, as they were promised',
    check: (said) => {
      for (const expr of [
        'up{job="couchestor"} == 0',
        'rate(storage_operator_migrations_total{status="failed"}[1h]) > 0.1',
        'kube_storagepolicy_status_phase{phase="Error"} == 1',
      ]) {
        expect(said).toContain(`expr: ${expr}\n`);
      }
      expect(said).toContain('{{ $labels.name }}');
    },
  },
  silentAlert('6.1', 'up{job="couchestor"} == 0', 'nothing, while all three are up', 'up{job="couchestor"} == 1', 3),
  silentAlert(
    '6.1',
    'rate(storage_operator_migrations_total{status="failed"}[1h]) > 0.1',
    'nothing, though the series is there from the start, at 0',
    'storage_operator_migrations_total{status="failed"} == 0',
    1,
  ),
  silentAlert(
    '6.1',
    'kube_storagepolicy_status_phase{phase="Error"} == 1',
    'nothing, and one series for each phase of the policy',
    'kube_storagepolicy_status_phase{name="new-policy"}',
    4,
  ),
  {
    section: '7.1',
    command: 'kubectl describe pod -n kube-system -l app=couchestor',
    gives: 'the pods with their events',
    check: (said) => expect(said.match(/^Name: +couchestor/gm)).toHaveLength(3),
  },
  {
    section: '7.1',
    command: 'kubectl get crd storagepolicies.storage.billyronks.io',
    gives: 'the definition',
    check: matches(/^NAME +CREATED AT\nstoragepolicies\.storage\.billyronks\.io +\S+$/),
  },
  {
    section: '7.1',
    command: 'kubectl auth can-i get storagepolicies --as=system:serviceaccount:kube-system:couchestor',
    gives: 'yes',
    // A warning that policies have no namespace goes to standard error.
    check: equals('yes'),
  },
  {
    section: '7.2',
    command: 'kubectl get storagepolicy my-policy -o yaml',
    gives: 'spec, conditions and history',
    check: (said) => {
      for (const key of ['conditions:', 'migrationHistory:', 'activeMigrations:']) expect(said).toContain(key);
    },
  },
  {
    section: '7.2',
    command: `kubectl get --raw ${SERVICES}/couchestor-migrator:health/proxy/v1/moves`,
    gives: 'the moves in flight, with their progress',
    check: (said) => {
      const [move] = JSON.parse(said) as readonly object[];
      expect(move).toMatchObject({ volumeName: expect.stringMatching(/^pvc-/), step: expect.any(String) });
    },
    withinMs: 30_000,
  },
  {
    section: '7.2',
    command: 'kubectl get mayastorvolumes -n mayastor',
    gives: 'each volume of Mayastor, though Mayastor has no such kind',
    check: (said) => {
      const [head, ...volumes] = linesOf(said);
      expect(head).toMatch(/^NAME +/);
      expect(volumes).toHaveLength(40);
    },
    withinMs: 60_000,
  },
  {
    section: '7.2',
    command: 'kubectl logs -n mayastor -l app=mayastor',
    gives: 'what Mayastor says',
    check: matches(/\S/),
  },
  {
    section: '7.3',
    command: `kubectl get --raw '${SERVICES}/couchestor-prometheus:http/proxy/api/v1/query?query=openebs_volume_iops'`,
    gives: 'nothing: Mayastor has no such metric',
    check: (said) => expect(JSON.parse(said)).toMatchObject({ status: 'success', data: { result: [] } }),
  },
  {
    section: '7.3',
    command: `kubectl get --raw '${SERVICES}/couchestor-prometheus:http/proxy/api/v1/query?query=count(volume_num_read_ops)'`,
    gives: 'how many series Mayastor has instead',
    check: (said) => expect(said).toMatch(/"value":\[[\d.]+,"3\d"\]/),
  },
  {
    section: '7.3',
    command: 'kubectl couchestor doctor',
    gives: 'where the IOPS come from',
    check: matches(/MayastorCounters|volume_num_read_ops/),
  },
  {
    section: '8.1',
    command:
      "kubectl get storagepolicies -o custom-columns='NAME:.metadata.name,HOT:.status.hotVolumes,COLD:.status.coldVolumes,TOTAL:.status.watchedVolumes'",
    gives: 'where the volumes are',
    check: (said) => {
      const [, hot, cold, total] = /\nnew-policy +(\d+) +(\d+) +(\d+)$/.exec(said)?.map(Number) ?? [];
      expect(total).toBe(40);
      expect((hot ?? 0) + (cold ?? 0)).toBeGreaterThan(30);
    },
  },
  {
    section: '9.1',
    command: "alias ksp='kubectl get storagepolicies'\nksp",
    gives: 'the policies',
    check: matches(/^NAME +HIGH IOPS/),
  },
  {
    section: '9.1',
    command: "alias kspp='kubectl get storagepolicies -o wide'\nkspp",
    gives: 'the policies with all columns',
    check: matches(/^NAME .* HOT +WARM +COLD +ACTIVE +FAILED +DRY-RUN +STORAGECLASS +AGE/),
  },
  {
    section: '9.1',
    command: "alias kmv='kubectl get mayastorvolumes -n mayastor'\nkmv",
    gives: 'the volumes of Mayastor',
    check: (said) => expect(linesOf(said)).toHaveLength(41),
  },
  {
    section: '9.1',
    command: "alias kpool='kubectl get diskpools -n mayastor --show-labels'\nkpool",
    gives: 'the pools with their tiers',
    check: (said) => expect(said.match(/tier=(hot|cold)/g)).toHaveLength(8),
  },
];

/** Thresholds are changed while moves go on. */
export const thresholdRows: readonly Row[] = [
  {
    section: '3.2',
    command: `kubectl get storagepolicy my-policy -o jsonpath='{.spec.highWatermarkIOPS} / {.spec.lowWatermarkIOPS}'`,
    gives: 'both watermarks',
    check: equals('5000 / 500'),
  },
  {
    section: '3.2',
    command: `kubectl patch storagepolicy my-policy --type=merge -p '{"spec":{"highWatermarkIOPS":3000,"lowWatermarkIOPS":300}}'`,
    gives: 'patched',
    check: patched,
  },
  {
    section: '3.2',
    command: 'kubectl get storagepolicy my-policy',
    gives: 'the new thresholds',
    check: matches(/\nnew-policy +3000 +300 +Active /),
  },
  {
    section: '4.2',
    command: `${LOGS} | grep "heat score"`,
    gives: 'among the newest lines, the volumes that the new thresholds judge otherwise',
    check: (said, stage) => {
      everyLineHas(said, 'heat score');
      stage.volume = String(logLines(said).at(-1)?.['volume']);
    },
    withinMs: 30_000,
  },
  {
    section: '4.2',
    command: `${LOGS} | grep "VOLUME" | grep "heat score"`,
    gives: 'the score of one of them',
    check: (said, { volume }) => expect(logLines(said).at(-1)).toMatchObject({ msg: 'heat score', volume }),
  },
  {
    section: '3.2',
    command: `kubectl patch storagepolicy my-policy --type=merge -p '{"spec":{"highWatermarkIOPS":100,"lowWatermarkIOPS":300}}' 2>&1 || true`,
    gives: 'a refusal that names both fields and says what to change',
    check: (said) => {
      expect(said).toContain('highWatermarkIOPS');
      expect(said).toContain('lowWatermarkIOPS');
      expect(said).toMatch(/raise|lower/);
    },
  },
];

/** A move fails because its replica is not filled in time. */
export const timeoutRows: readonly Row[] = [
  {
    section: '4.3',
    command: `kubectl get storagepolicy my-policy -o json | jq '.status.migrationHistory[] | select(.success==false)'`,
    gives: 'the failed moves, each with its error',
    check: matches(/"error": "Sync timeout: /),
    withinMs: 60_000,
  },
  {
    section: '4.3',
    command: `${ALL_LOGS} | grep -A5 "Migration failed"`,
    gives: 'the causes',
    check: (said) => {
      const failed = failedMoves(said);
      expect(failed.length).toBeGreaterThan(0);
      for (const { cause } of failed) expect(cause).toMatch(/^Sync timeout/);
    },
  },
  {
    section: '4.3',
    command: `${LOGS} | grep -A5 "Migration failed"`,
    gives: 'among the newest lines, the cause: Sync timeout',
    check: (said) => {
      const [line] = logLines(linesOf(said)[0] ?? '');
      expect(line).toMatchObject({
        level: 'WARN',
        msg: 'Migration failed',
        cause: expect.stringMatching(/^Sync timeout/),
      });
    },
    withinMs: 30_000,
  },
  {
    section: '2.1',
    command: `${LOGS} --tail=100 | grep -E "(ERROR|WARN)"`,
    gives: 'the failed moves, which are problems',
    check: (said) => expect(logLines(said).map(({ msg }) => msg)).toContain('Migration failed'),
  },
];

/** Every pool of the tier fails under moves that have not begun to fill one. */
export const offlineRows: readonly Row[] = [
  {
    section: '4.3',
    command: `${LOGS} | grep -A5 "Migration failed"`,
    gives: 'among the newest lines, the cause: Target pool offline',
    check: (said) => {
      const causes = failedMoves(said).map(({ cause }) => cause);
      expect(causes).toEqual(expect.arrayContaining([expect.stringMatching(/^Target pool offline/)]));
    },
    withinMs: 90_000,
  },
];

/** A tier without pools: nothing is begun that would fail. */
export const noPoolRows: readonly Row[] = [
  {
    section: '4.3',
    command: 'kubectl get storagepolicy new-policy -o yaml | grep -A5 "Target pool not found"',
    gives: 'the cause, in the condition of the policy',
    check: (said) => expect(said).toContain('Target pool not found'),
    withinMs: 30_000,
  },
];

/** Everything is stopped for maintenance, and goes on afterwards. */
export const maintenanceRows: readonly Row[] = [
  {
    section: '3.3, 5.1',
    command: `kubectl get storagepolicies -o name | xargs -I{} kubectl patch {} --type=merge -p '{"spec":{"enabled":false}}'`,
    gives: 'each policy patched, for kubectl has no patch --all',
    check: patched,
  },
  {
    section: '3.3, 5.1',
    command: `kubectl patch storagepolicy --all --type=merge -p '{"spec":{"enabled":false}}' 2>&1 || true`,
    gives: 'a refusal by kubectl, which is why the guide has another command',
    check: matches(/unknown flag: --all/),
  },
  {
    section: '5.1',
    command: "kubectl get storagepolicies -o custom-columns='NAME:.metadata.name,ACTIVE:.status.activeMigrations'",
    gives: '0 in flight, before long',
    check: matches(/^NAME +ACTIVE\nnew-policy +0$/),
    withinMs: 90_000,
  },
  {
    section: '5.2',
    command: 'kubectl get pods -n kube-system -l app=couchestor',
    gives: 'the pods, running',
    check: (said) => expect(said.match(/ 1\/1 +Running /g)).toHaveLength(3),
  },
  {
    section: '5.2',
    command: `${LOGS} --tail=20`,
    gives: 'the newest lines of each pod',
    check: (said) => {
      const lines = logLines(said);
      expect(new Set(lines.map(({ service }) => service))).toEqual(new Set(['watcher', 'scorer', 'migrator']));
      expect(lines.length).toBeLessThanOrEqual(60);
    },
  },
  {
    section: '5.2',
    command: `${LOGS} --tail=-1 | grep "Prometheus connection"`,
    gives: 'how it is with Prometheus',
    check: (said) => expect(logLines(said).at(-1)).toMatchObject({ msg: 'Prometheus connection healthy' }),
  },
];

/** Prometheus goes, and comes back. */
export const lostRows: readonly Row[] = [
  {
    section: '5.2',
    command: `${LOGS} | grep "Prometheus connection"`,
    gives: 'among the newest lines: lost',
    check: (said) => expect(logLines(said).at(-1)).toMatchObject({ level: 'WARN', msg: 'Prometheus connection lost' }),
    withinMs: 30_000,
  },
];
export const foundRows: readonly Row[] = [
  {
    section: '5.2',
    command: `${LOGS} | grep "Prometheus connection"`,
    gives: 'among the newest lines: healthy',
    check: (said) =>
      expect(logLines(said).at(-1)).toMatchObject({ level: 'INFO', msg: 'Prometheus connection healthy' }),
    withinMs: 60_000,
  },
];

/** Policies are enabled again. */
export const resumeRows: readonly Row[] = [
  {
    section: '3.4, 5.2',
    command: `kubectl get storagepolicies -o name | xargs -I{} kubectl patch {} --type=merge -p '{"spec":{"enabled":true}}'`,
    gives: 'each policy patched',
    check: patched,
  },
  {
    section: '3.3',
    command: `kubectl patch storagepolicy my-policy --type=merge -p '{"spec":{"enabled":false}}'`,
    gives: 'patched; the policy is Disabled',
    check: async (said, stage) => {
      patched(said);
      await expect.poll(async () => (await stage.status()).phase, { timeout: 30_000 }).toBe('Disabled');
    },
  },
  {
    section: '3.4',
    command: `kubectl patch storagepolicy my-policy --type=merge -p '{"spec":{"enabled":true}}'`,
    gives: 'patched; moves start again',
    check: async (said, stage) => {
      patched(said);
      await expect.poll(async () => (await stage.status()).phase, { timeout: 30_000 }).toBe('Active');
      await stage.untilMoving(1);
    },
  },
  {
    section: '3.3',
    command: `kubectl create configmap couchestor-control -n kube-system --from-literal=paused=true --from-literal=reason="storage work"`,
    gives: 'a pause that every policy shows',
    check: untilPaused('True'),
  },
  {
    section: '3.4',
    command: 'kubectl delete configmap couchestor-control -n kube-system',
    gives: 'the end of it',
    check: untilPaused('False'),
  },
  {
    section: '3.3',
    command: `kubectl couchestor pause --reason "storage work"`,
    gives: 'the same by the plugin',
    check: untilPaused('True'),
  },
  {
    section: '3.4',
    command: 'kubectl couchestor resume',
    gives: 'the end of it',
    check: untilPaused('False'),
  },
];

/** With statuses that the operator of DiskPools writes, which the evaluation does not have. */
export const poolRows: readonly Row[] = [
  {
    section: '8.2',
    command:
      "kubectl get diskpools -n mayastor -o custom-columns='NAME:.metadata.name,CAPACITY:.status.capacity,USED:.status.used,STATE:.status.pool_status'",
    gives: 'how full each pool is, and whether it is online',
    check: (said) => expect(said.match(/^(nvme|sata)-node-0\d +\d+ +\d+ +Online$/gm)).toHaveLength(8),
  },
];

/** A policy with its watermarks the wrong way round, stored before the API server knew better. */
export const errorRows: readonly Row[] = [
  {
    section: '3.2',
    command: `kubectl get storagepolicy upside-down -o jsonpath='{.status.phase}: {.status.conditions[?(@.type=="Ready")].message}'`,
    gives: 'Error, with the sentence by which the API server refuses others',
    check: matches(/^Error: .*highWatermarkIOPS.*lowWatermarkIOPS/),
    withinMs: 30_000,
  },
  {
    section: '6.1',
    command: `kubectl get --raw '${SERVICES}/couchestor-prometheus:http/proxy/api/v1/query?query=${encodeURIComponent('kube_storagepolicy_status_phase{phase="Error"} == 1')}'`,
    gives: 'the policy by its name',
    check: (said) => {
      const { data } = JSON.parse(said) as {
        readonly data: { readonly result: readonly { readonly metric: object }[] };
      };
      expect(data.result.map(({ metric }) => metric)).toMatchObject([{ name: 'upside-down', phase: 'Error' }]);
    },
    withinMs: 30_000,
  },
];

/** The containers have ended once and begun again. */
export const restartedRows: readonly Row[] = [
  {
    section: '7.1',
    command: `${LOGS} --previous`,
    gives: 'the last lines of each container before',
    check: (said) => expect(new Set(logLines(said).map(({ service }) => service)).size).toBe(3),
    withinMs: 30_000,
  },
];

export const allRows: readonly Row[] = [
  ...workingRows,
  ...thresholdRows,
  ...timeoutRows,
  ...offlineRows,
  ...noPoolRows,
  ...maintenanceRows,
  ...lostRows,
  ...foundRows,
  ...resumeRows,
  ...poolRows,
  ...errorRows,
  ...restartedRows,
];
