import { DAY_MS, formatDuration, HOUR_MS } from '@couchestor/shared/units';
import type { DemoOptions } from './options.ts';

/**
 * How the demo compresses time. The services are those of every cluster; only settings differ: Mayastor's caches and
 * rebuilds are quick here, and the policy's window and cooldown are seconds.
 */
export interface DemoPlan {
  readonly cachePeriodMs: number;
  readonly reconcilePeriodMs: number;
  readonly rebuildBytesPerSecond: number;
  readonly scrapeIntervalMs: number;
  readonly scoringCycleMs: number;
  readonly highIops: number;
  readonly lowIops: number;
  readonly windowMs: number;
  readonly cooldownMs: number;
  readonly concurrency: number;
  readonly changeAfterMs: number;
  /** When the last load changes for the last time, after the start of the world. */
  readonly quietAfterMs: number;
  readonly replayStartMs: number;
}

const GIB = 1024 ** 3;

export function planDemo(options: DemoOptions, nodes: number, halfHours: number): DemoPlan {
  const replaying = options.load !== undefined;
  const replayStartMs = 10_000;
  const halfHourMs = HOUR_MS / 2 / options.speed;
  return {
    cachePeriodMs: 500,
    reconcilePeriodMs: 500,
    // Many rebuilds at once share the two cores of a small machine; a larger world gets quicker disks.
    rebuildBytesPerSecond: 4 * GIB,
    scrapeIntervalMs: 1_000,
    scoringCycleMs: options.volumes > 200 ? 2_000 : 1_000,
    highIops: 1_000,
    lowIops: 100,
    windowMs: replaying ? Math.max(4_000, (6 * HOUR_MS) / options.speed) : 10_000,
    cooldownMs: replaying ? DAY_MS / 4 / options.speed : 20_000,
    concurrency: Math.min(100, nodes),
    changeAfterMs: 25_000,
    quietAfterMs: replaying ? replayStartMs + halfHours * halfHourMs : 30_000,
    replayStartMs,
  };
}

export function storagePolicyOf(plan: DemoPlan): object {
  return {
    apiVersion: 'storage.billyronks.io/v1',
    kind: 'StoragePolicy',
    metadata: { name: 'demo-tiering' },
    spec: {
      storageClassName: 'mayastor',
      highWatermarkIOPS: plan.highIops,
      lowWatermarkIOPS: plan.lowIops,
      samplingWindow: formatDuration(plan.windowMs),
      cooldownPeriod: formatDuration(plan.cooldownMs),
      nvmePoolSelector: { matchLabels: { tier: 'hot' } },
      sataPoolSelector: { matchLabels: { tier: 'cold' } },
      maxConcurrentMigrations: plan.concurrency,
      migrationTimeout: '2m',
      limits: {
        perPool: 2,
        perNode: 2,
        maxVolumesInMotionPercent: 50,
        maxMovesPerHour: 1000,
        maxConsecutiveFailures: 20,
      },
      metrics: { minCoverage: 0.5 },
    },
  };
}
