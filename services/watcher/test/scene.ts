import { randomUUID } from 'node:crypto';
import type { FactTables } from '@couchestor/shared/bus';
import { migrationIdOf, subjectToken, type MessageData } from '@couchestor/shared/messages';
import { startBench, type Bench } from './bench.ts';
import { anEvaluation } from './builders.ts';

/** Facts that the watcher publishes. */
export const factNames = [
  'policy.observed',
  'volume.observed',
  'pool.observed',
  'node.observed',
  'cluster.observed',
] as const;
type FactName = (typeof factNames)[number];

/** `status` of a policy as it stands in Kubernetes. */
interface StoredStatus {
  readonly phase?: string;
  readonly watchedVolumes?: number;
  readonly totalMigrations?: number;
  readonly failedMigrations?: number;
  readonly activeMigrations?: number;
  readonly migrationHistory?: readonly { readonly migrationId: string }[];
  readonly conditions?: readonly StoredCondition[];
  readonly appliedEvents?: { readonly lastSequence: number };
}

interface StoredCondition {
  readonly type: string;
  readonly status: string;
  readonly message: string;
}

interface StoredEvent {
  readonly reason: string;
  readonly involvedObject: { readonly kind: string };
  readonly metadata: { readonly namespace?: string };
}

/** A bench, with the eyes of a user and of the other services. */
export interface Scene extends AsyncDisposable {
  readonly bench: Bench;
  readonly facts: FactTables<FactName>;
  /** Aborted when the scene ends. */
  readonly signal: AbortSignal;
  statusOf(policy: string): StoredStatus;
  conditionOf(policy: string, type: string): StoredCondition | undefined;
  annotationsOf(volumeId: string): Readonly<Record<string, string>>;
  events(): readonly StoredEvent[];
  /** Writes to Kubernetes by anybody over its API. */
  writes(): number;
  /** The scorer has looked at the policy. */
  evaluate(policyId: string, policyName: string): Promise<void>;
  /** The migrator tells of the n-th move; `again` stores the same event once more. */
  complete(policyId: string, volumeId: string, n: number, again?: string): Promise<void>;
  fail(policyId: string, volumeId: string, n: number): Promise<void>;
}

export const someIds = (count: number): string[] => Array.from({ length: count }, () => randomUUID());

export const moveId = (volumeId: string, n: number): string => migrationIdOf(`proposal-${volumeId}`, n);

export async function openScene(): Promise<Scene> {
  const bench = await startBench();
  const ending = new AbortController();
  const facts = await bench.bus.openFacts(factNames, { signal: ending.signal });
  await facts.whenSynced();
  const statusOf = (policy: string): StoredStatus => (bench.policy(policy)['status'] ?? {}) as StoredStatus;
  const tell = async (
    name: 'migration.completed' | 'migration.failed',
    data: MessageData<'migration.completed'> | MessageData<'migration.failed'>,
    again = '',
  ): Promise<void> => {
    await bench.bus.publish(name, subjectToken(data.migrationId), data, {
      messageId: `${data.migrationId}/${name}${again}`,
    });
  };
  return {
    bench,
    facts,
    signal: ending.signal,
    statusOf,
    conditionOf: (policy, type) => statusOf(policy).conditions?.find((each) => each.type === type),
    annotationsOf: (volumeId) =>
      bench.kubernetes.get({ apiVersion: 'v1', kind: 'PersistentVolume', name: `pvc-${volumeId}` })?.metadata
        .annotations ?? {},
    events: () => bench.kubernetes.list('v1', 'Event').map((event) => event as unknown as StoredEvent),
    writes: () =>
      (['create', 'update', 'patch', 'delete'] as const)
        .map((verb) => bench.kubernetes.requests.count({ verb }))
        .reduce((sum, count) => sum + count, 0),
    evaluate: async (policyId, policyName) => {
      await bench.bus.publish('policy.evaluated', subjectToken(policyId), anEvaluation({ policyId, policyName }), {
        messageId: randomUUID(),
      });
    },
    complete: (policyId, volumeId, n, again) => tell('migration.completed', anEnd(policyId, volumeId, n), again),
    fail: (policyId, volumeId, n) =>
      tell('migration.failed', {
        ...anEnd(policyId, volumeId, n),
        reason: 'SyncTimeout',
        message: 'not synced after 30m',
      }),
    [Symbol.asyncDispose]: async () => {
      ending.abort(new Error('the scene is over'));
      await bench[Symbol.asyncDispose]();
    },
  };
}

function anEnd(policyId: string, volumeId: string, n: number): MessageData<'migration.completed'> {
  return {
    migrationId: moveId(volumeId, n),
    volumeId,
    volumeName: `pvc-${volumeId}`,
    policyId,
    policyName: 'p',
    fromTier: 'cold',
    toTier: 'hot',
    triggerIops: 6000,
    startedAt: new Date(Date.now() - 60_000).toISOString(),
    durationMs: 60_000,
  };
}
