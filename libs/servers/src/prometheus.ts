import type { ServerDefinition } from './definition.ts';
import type { Server, ServerOptions } from './server.ts';
import { startServer } from './start-server.ts';

export interface ScrapeTargets {
  readonly job: string;
  /** `host:port` each. */
  readonly targets: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** `/metrics` by default. */
  readonly metricsPath?: string;
}

export interface PrometheusOptions extends ServerOptions {
  readonly scrapeTargets?: readonly ScrapeTargets[];
  /** Entries of `scrape_configs` as Prometheus documents them, beside those made of `scrapeTargets`. */
  readonly scrapeConfigs?: readonly Readonly<Record<string, unknown>>[];
  /** 1,000 by default. */
  readonly scrapeIntervalMs?: number;
  /** Serves everything below this path, such as `/prometheus`; the URL includes it. */
  readonly basePath?: string;
  /** A folder with blocks to begin with, in place of an empty one; of this machine, so not for a container. */
  readonly tsdbFolder?: string;
  readonly extraArgs?: readonly string[];
}

/** Prometheus that scrapes what it is told to. A given one keeps its own configuration. @throws ServerStartError */
export function startPrometheus(options: PrometheusOptions = {}): Promise<Server> {
  return startServer(prometheus(options), options);
}

function prometheus(options: PrometheusOptions): ServerDefinition {
  const { basePath = '', tsdbFolder, extraArgs = [] } = options;
  return {
    name: 'Prometheus',
    urlVariable: 'COUCHESTOR_PROMETHEUS_URL',
    defaultPort: 9090,
    binary: 'prometheus',
    debianPackage: 'prometheus',
    image: 'prom/prometheus',
    imageVariable: 'COUCHESTOR_PROMETHEUS_IMAGE',
    url: (port) => `http://127.0.0.1:${port}${basePath}`,
    // Every JSON document is a YAML document.
    files: () => ({ 'prometheus.yaml': JSON.stringify(configuration(options), undefined, 2) }),
    args: ({ port, configFolder, dataFolder }) => [
      `--config.file=${configFolder}/prometheus.yaml`,
      `--storage.tsdb.path=${tsdbFolder ?? `${dataFolder}/tsdb`}`,
      `--web.listen-address=127.0.0.1:${port}`,
      ...(basePath === '' ? [] : [`--web.external-url=http://127.0.0.1:${port}${basePath}`]),
      '--web.enable-lifecycle',
      ...extraArgs,
    ],
    readyLine: /Server is ready to receive web requests/,
  };
}

function configuration(options: PrometheusOptions): Readonly<Record<string, unknown>> {
  const { scrapeTargets = [], scrapeConfigs = [], scrapeIntervalMs = 1_000 } = options;
  return {
    global: { scrape_interval: `${scrapeIntervalMs}ms`, scrape_timeout: `${scrapeIntervalMs}ms` },
    scrape_configs: [
      ...scrapeTargets.map(({ job, targets, labels = {}, metricsPath = '/metrics' }) => ({
        job_name: job,
        metrics_path: metricsPath,
        static_configs: [{ targets, labels }],
      })),
      ...scrapeConfigs,
    ],
  };
}
