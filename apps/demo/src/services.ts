import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, spawnProcess, type SpawnedProcess } from '@couchestor/servers';
import type { DemoPlan } from './plan.ts';

export const serviceNames = ['watcher', 'scorer', 'migrator'] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface RunningService {
  readonly name: ServiceName;
  /** Its name, with a number where there are several. */
  readonly label: string;
  readonly process: SpawnedProcess;
  readonly metricsUrl: string;
  readonly healthUrl: string;
  readonly logFile: string;
}

export interface ServiceOptions {
  readonly name: ServiceName;
  readonly label: string;
  /** Addresses, and what differs from the demo's settings. */
  readonly settings: Readonly<Record<string, string>>;
  readonly plan: DemoPlan;
  /** For its log. */
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
}

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** Starts a service as a process of its own, with its log in a file. */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const { name, label, settings, plan, folder, environment } = options;
  mkdirSync(folder, { recursive: true });
  const [metricsPort, healthPort] = [await freePort(), await freePort()];
  const logFile = join(folder, `${label}.log`);
  const log = createWriteStream(logFile, { flags: 'a' });
  const service = await spawnProcess({
    name: label,
    command: process.execPath,
    args: [join(root, 'services', name, 'src/main.ts')],
    env: {
      ...environment,
      ...settingsOf(name, plan),
      ...settings,
      HOST: '127.0.0.1',
      METRICS_PORT: String(metricsPort),
      HEALTH_PORT: String(healthPort),
    },
    onLine: (line) => log.write(`${line}\n`),
  });
  return {
    name,
    label,
    process: service,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    healthUrl: `http://127.0.0.1:${healthPort}`,
    logFile,
  };
}

function settingsOf(name: ServiceName, plan: DemoPlan): Record<string, string> {
  // A real Mayastor is asked gently; this one stands beside us and is asked often, because its minutes are seconds.
  const cachePeriod = { MAYASTOR_CACHE_PERIOD_MS: String(plan.cachePeriodMs) };
  switch (name) {
    case 'watcher':
      return { ...cachePeriod, MAYASTOR_CALLS_PER_SECOND: '20', LEADER_ELECTION: 'false' };
    case 'scorer':
      return {
        SCORING_CYCLE_MS: String(plan.scoringCycleMs),
        STARTUP_GRACE_MS: '0',
        LEADER_ELECTION: 'false',
      };
    case 'migrator':
      return {
        ...cachePeriod,
        MAYASTOR_CALLS_PER_SECOND: '500',
        MAYASTOR_TIMEOUT_MS: '1000',
        CALL_MARGIN_MS: '500',
        LEASE_TTL_MS: '4000',
        FLEET_MIGRATIONS_MAX: String(plan.concurrency),
        FAILURE_BACKOFF_MS: '5000',
      };
  }
}
