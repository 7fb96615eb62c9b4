import { parseArgs } from 'node:util';
import type { MayastorVersion } from './mayastor/index.ts';

export interface CommandOptions {
  readonly volumes: number;
  readonly seed: number;
  readonly version: MayastorVersion;
  readonly cachePeriodMs: number;
  readonly rebuildBytesPerSecond: number;
  readonly highIops: number;
  readonly lowIops: number;
  readonly host: string;
  readonly restPort: number;
  readonly metricsPort: number;
  readonly kubernetesPort: number;
  readonly truthPort: number;
  /** Asked of clients of Kubernetes, which then speaks HTTPS. */
  readonly token: string | undefined;
  readonly help: boolean;
}

const versions: readonly MayastorVersion[] = ['2.12.2', '2.10.0', '2.7.1'];

export const commandUsage = `npm run simulator -- [options]

A cluster in a box: Mayastor's REST API and exporter, and the Kubernetes API as far as CoucheStor uses it.

  --volumes N           volumes of every kind (40)
  --seed N              another world (1)
  --mayastor VERSION    ${versions.join(', ')} (${versions[0]})
  --cache-period MS     how long Mayastor shows an old state (30000)
  --rebuild-mib N       speed of a rebuild, in MiB a second (200)
  --high-iops N         loads are above this, below --low-iops, or between (5000)
  --low-iops N          (500)
  --host ADDRESS        where everything listens (127.0.0.1)
  --rest-port N         Mayastor's REST API (8081)
  --metrics-port N      its exporter (9502)
  --kubernetes-port N   (6443)
  --truth-port N        /ledger: what really happened; POST /faults/<what>/<id>: trouble on demand (9503)
  --token TEXT          bearer token for Kubernetes, over HTTPS; without it plain HTTP
`;

/** @throws Error that names the option, the value and the remedy */
export function parseCommand(args: readonly string[]): CommandOptions {
  const text = (fallback: string): { type: 'string'; default: string } => ({ type: 'string', default: fallback });
  const { values } = parseArgs({
    args: [...args],
    options: {
      volumes: text('40'),
      seed: text('1'),
      mayastor: text('2.12.2'),
      'cache-period': text('30000'),
      'rebuild-mib': text('200'),
      'high-iops': text('5000'),
      'low-iops': text('500'),
      host: text('127.0.0.1'),
      'rest-port': text('8081'),
      'metrics-port': text('9502'),
      'kubernetes-port': text('6443'),
      'truth-port': text('9503'),
      token: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const integer = (name: keyof typeof values, min: number, max: number): number => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new Error(`--${name} is ${JSON.stringify(values[name])}; give an integer from ${min} to ${max}`);
  };
  const version = versions.find((known) => known === values.mayastor);
  if (version === undefined) {
    throw new Error(`--mayastor is ${JSON.stringify(values.mayastor)}; give one of ${versions.join(', ')}`);
  }
  return {
    volumes: integer('volumes', 1, 100_000),
    seed: integer('seed', 0, 2 ** 32 - 1),
    version,
    cachePeriodMs: integer('cache-period', 10, 600_000),
    rebuildBytesPerSecond: integer('rebuild-mib', 1, 1_000_000) * 1024 ** 2,
    highIops: integer('high-iops', 1, 100_000_000),
    lowIops: integer('low-iops', 0, 100_000_000),
    host: values.host,
    restPort: integer('rest-port', 0, 65_535),
    metricsPort: integer('metrics-port', 0, 65_535),
    kubernetesPort: integer('kubernetes-port', 0, 65_535),
    truthPort: integer('truth-port', 0, 65_535),
    token: values.token,
    help: values.help,
  };
}
