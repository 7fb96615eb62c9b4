import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, spawnProcess, type SpawnedProcess } from '@couchestor/servers';
import type { DemoPlan } from './plan.ts';

const serviceNames = ['watcher', 'scorer', 'migrator'] as const;
type ServiceName = (typeof serviceNames)[number];

export interface RunningService {
  readonly name: ServiceName;
  readonly process: SpawnedProcess;
  readonly metricsUrl: string;
  readonly healthUrl: string;
  readonly logFile: string;
}

export interface Addresses {
  readonly natsUrl: string;
  readonly redisUrl: string;
  readonly prometheusUrl: string;
  readonly mayastorUrl: string;
  readonly kubeconfig: string;
}

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** Starts the three services as processes of their own, each with its log in a file. */
export async function startServices(
  addresses: Addresses,
  plan: DemoPlan,
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<RunningService[]> {
  mkdirSync(folder, { recursive: true });
  return Promise.all(
    serviceNames.map(async (name): Promise<RunningService> => {
      const [metricsPort, healthPort] = [await freePort(), await freePort()];
      const logFile = join(folder, `${name}.log`);
      const log = createWriteStream(logFile, { flags: 'a' });
      const service = await spawnProcess({
        name,
        command: process.execPath,
        args: [join(root, 'services', name, 'src/main.ts')],
        env: {
          ...environment,
          ...settingsOf(name, addresses, plan),
          HOST: '127.0.0.1',
          METRICS_PORT: String(metricsPort),
          HEALTH_PORT: String(healthPort),
        },
        onLine: (line) => log.write(`${line}\n`),
      });
      return {
        name,
        process: service,
        metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
        healthUrl: `http://127.0.0.1:${healthPort}`,
        logFile,
      };
    }),
  );
}

function settingsOf(name: ServiceName, addresses: Addresses, plan: DemoPlan): Record<string, string> {
  const nats = { NATS_URL: addresses.natsUrl };
  // A real Mayastor is asked gently; this one stands beside us and is asked often, because its minutes are seconds.
  const mayastor = {
    MAYASTOR_URL: addresses.mayastorUrl,
    MAYASTOR_CACHE_PERIOD_MS: String(plan.cachePeriodMs),
  };
  switch (name) {
    case 'watcher':
      return {
        ...nats,
        ...mayastor,
        KUBECONFIG: addresses.kubeconfig,
        MAYASTOR_CALLS_PER_SECOND: '20',
        LEADER_ELECTION: 'false',
      };
    case 'scorer':
      return {
        ...nats,
        REDIS_URL: addresses.redisUrl,
        PROMETHEUS_URL: addresses.prometheusUrl,
        SCORING_CYCLE_MS: String(plan.scoringCycleMs),
        STARTUP_GRACE_MS: '0',
        LEADER_ELECTION: 'false',
      };
    case 'migrator':
      return {
        ...nats,
        ...mayastor,
        REDIS_URL: addresses.redisUrl,
        MAYASTOR_CALLS_PER_SECOND: '500',
        MAYASTOR_TIMEOUT_MS: '1000',
        CALL_MARGIN_MS: '500',
        LEASE_TTL_MS: '4000',
        FLEET_MIGRATIONS_MAX: String(plan.concurrency),
        FAILURE_BACKOFF_MS: '5000',
      };
  }
}
