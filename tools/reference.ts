/**
 * Writes `docs/reference.md`, the lists that operators look things up in, from the code that they describe. With
 * `--check` it changes nothing and fails if the file is not what it should be.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createBusMetrics } from '../libs/shared/src/bus/metrics.ts';
import { createVirtualClock } from '../libs/shared/src/clock/index.ts';
import { createMayastorMetrics } from '../libs/shared/src/mayastor/metrics.ts';
import {
  catalog,
  decisionReasons,
  failureReasons,
  messageNames,
  refusalReasons,
  unknownReasons,
} from '../libs/shared/src/messages/index.ts';
import { createRegistry, listSettings } from '../libs/shared/src/service/index.ts';
import { createMetrics } from '../services/migrator/src/metrics.ts';
import { settingsSchema as migratorSettings } from '../services/migrator/src/settings.ts';
import { settingsSchema as scorerSettings } from '../services/scorer/src/adapters/settings.ts';
import { createScorerMetrics } from '../services/scorer/src/scorer-metrics.ts';
import { createMeasures } from '../services/watcher/src/adapters/measures.ts';
import { watcherSettings } from '../services/watcher/src/settings.ts';

type Schema = Parameters<typeof listSettings>[0];
type Registry = ReturnType<typeof createRegistry>;

const FILE = 'docs/reference.md';

const schemas: Readonly<Record<string, Schema>> = {
  watcher: watcherSettings,
  scorer: scorerSettings,
  migrator: migratorSettings,
};

/** Metrics of each service, registered as it does itself. */
const registrars: Readonly<Record<string, (registry: Registry) => unknown>> = {
  watcher: (registry) => [
    createMeasures({ registry, clock: createVirtualClock(), newestEventAgeMs: () => new Map() } as never),
    createBusMetrics('watcher', registry),
    createMayastorMetrics(registry),
  ],
  scorer: (registry) => [createScorerMetrics(registry), createBusMetrics('scorer', registry)],
  migrator: (registry) => [
    createMetrics(registry),
    createBusMetrics('migrator', registry),
    createMayastorMetrics(registry),
  ],
};

const text = await render();
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, text);
} else if (readFileSync(FILE, 'utf8') !== text) {
  console.error(`${FILE} is not what the code says; run: node tools/reference.ts`);
  process.exitCode = 1;
}

async function render(): Promise<string> {
  const parts = [
    '# Reference',
    'Written by `node tools/reference.ts` from the code; `npm run check` compares the two.',
    '## Settings',
    'Environment variables. A secret may come as a file whose path is in the variable with `_FILE` appended.',
    ...Object.entries(schemas).flatMap(([service, schema]) => [`### ${service}`, settingsTable(schema)]),
    '## Metrics',
    'On port 8080 under `/metrics`, beside those of every Node.js process. No metric has a label for a volume.',
    ...(await Promise.all(Object.entries(registrars).map(metricsOf))).flat(),
    '## Messages',
    'CloudEvents on NATS subjects `couchestor.v1.<name>.<id>`; schemas in [asyncapi.yaml](asyncapi.yaml).',
    table(
      ['name', 'stream', 'from', 'id', 'what it says'],
      messageNames.map((name) => {
        const { stream, producer, id, summary } = catalog[name];
        return [code(name), code(stream), producer, id, summary];
      }),
    ),
    '## Reasons',
    '### Of a decision',
    table(
      ['reason', 'meaning'],
      Object.entries(decisionReasons).map(([reason, meaning]) => [code(reason), meaning]),
    ),
    '### Of an unknown score',
    unknownReasons.map(code).join(', '),
    '### Of a refused request',
    refusalReasons.map(code).join(', '),
    '### Of a failed move',
    table(
      ['reason', 'text'],
      Object.entries(failureReasons).map(([reason, meaning]) => [code(reason), meaning]),
    ),
    '## Error codes',
    'In logs as `err.code`.',
    errorCodes().map(code).join(', '),
  ];
  return `${parts.join('\n\n')}\n`;
}

function settingsTable(schema: Schema): string {
  return table(
    ['variable', 'default', 'meaning'],
    listSettings(schema).map(({ name, default: value, description, secret, required }) => [
      code(name),
      required ? 'required' : value === undefined ? '' : code(value),
      secret ? `${description} Secret.` : description,
    ]),
  );
}

async function metricsOf([service, register]: [string, (registry: Registry) => unknown]): Promise<string[]> {
  const registry = createRegistry({ service, version: '' });
  const common = new Set((await registry.getMetricsAsJSON()).map(({ name }) => name));
  register(registry);
  const metrics = (await registry.getMetricsAsJSON()).filter(({ name }) => !common.has(name));
  const rows = metrics
    .map(({ name, type, help }) => [code(name), String(type), help])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  return [`### ${service}`, table(['metric', 'type', 'meaning'], rows)];
}

/** Codes of errors are constants in the code that throws them. */
function errorCodes(): string[] {
  const files = execFileSync('git', ['ls-files', 'libs/shared/src', 'services'], { encoding: 'utf8' }).split('\n');
  const codes = new Set<string>();
  for (const file of files) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const streams = /^COUCHESTOR_(STATE|EVENTS|COMMANDS|DEAD|VERSION|CI)$/;
    for (const [, found = ''] of readFileSync(file, 'utf8').matchAll(/'(COUCHESTOR_[A-Z_]+[A-Z])'/g)) {
      if (!streams.test(found)) codes.add(found);
    }
  }
  return [...codes].sort();
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [first = [], ...rest] = cells;
  return [line(first), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest.map(line)].join('\n');
}

function code(value: string): string {
  return `\`${value}\``;
}
