import { parseArgs } from 'node:util';
import { DAY_MS, MINUTE_MS, parseDurationMs, parseTimestampMs, SECOND_MS } from '@couchestor/shared/units';

export type Source =
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'prometheus';
      readonly url: string;
      /** Undefined: the server's own time. */
      readonly untilMs: number | undefined;
      readonly rangeMs: number;
      readonly stepMs: number;
      readonly query: string | undefined;
      readonly label: string;
      readonly bearerTokenFile: string | undefined;
    }
  | { readonly kind: 'synthetic'; readonly volumes: number; readonly days: number; readonly seed: number };

export interface ReplayOptions {
  readonly source: Source;
  /** Files with a StoragePolicy each. */
  readonly policies: readonly string[];
  readonly compare: boolean;
  readonly advise: boolean;
  readonly crossValidate: boolean;
  /** Mean share of the volumes that the hot tier holds, 0 to 1. */
  readonly hotCapacity: number;
  /** Undefined: as many as 60 of 53 volumes in 339 half hours. */
  readonly moves: number | undefined;
  readonly holdMs: number;
  readonly volumeSizeBytes: number;
  readonly json: boolean;
}

export const usage = `npm run replay -- SOURCE [options]

Rules against history: what they would have moved, and what that would have been good for.

Source, one of:
  --file FILE             CSV with volume, half_hour, reads, writes
  --prometheus URL        a range query, of Mayastor's counters or of --query
  --synthetic             volumes with days, weeks, bursts and backups, made up by seed

Rules, side by side:
  --policy FILE           a StoragePolicy in YAML; as often as wanted
  --compare               plain watermarks from hasty to slow, two averages, and CoucheStor's own
  --cross-validate        CoucheStor's own, chosen on half of the volumes and scored on the other half, ten times
  --advise                watermarks, window and cooldown for the hot tier and the moves that there are

Options:
  --hot-capacity SHARE    share of the volumes that the hot tier holds, 0 to 1 (0.16)
  --moves N               how many moves the whole history may cost (as 60 of 53 volumes in 339 half hours)
  --hold DURATION         a move undone within it is regretted (24h)
  --volume-size SIZE      what a move copies, for want of the real sizes: 100GiB
  --json                  one JSON object instead of a table
  --query PROMQL          IOPS by volume, with $window for the step (rates of Mayastor's counters)
  --label NAME            the label that names the volume (pv_name)
  --range DURATION        how far back (7d)
  --until TIME            RFC 3339 (now)
  --step DURATION         how long a step is (30m)
  --bearer-token-file F   for Prometheus
  --volumes N, --days N, --seed N   of --synthetic (1000, 30, 1)
  --help
`;

export class OptionError extends Error {
  override readonly name = 'OptionError';
}

/**
 * Undefined if only help is wanted.
 *
 * @throws OptionError that names the option, the value and the remedy
 */
export function parseOptions(args: readonly string[]): ReplayOptions | undefined {
  const values = readArgs(args);
  if (values.help) return undefined;
  const compare = values.compare || (values.policy.length === 0 && !values.advise && !values['cross-validate']);
  return {
    source: sourceOf(values),
    policies: values.policy,
    compare,
    advise: values.advise,
    crossValidate: values['cross-validate'],
    hotCapacity: number('--hot-capacity', values['hot-capacity'], 0, 1),
    moves: values.moves === undefined ? undefined : integer('--moves', values.moves, 0, 100_000_000),
    holdMs: duration('--hold', values.hold, 0, 365 * DAY_MS),
    volumeSizeBytes: size('--volume-size', values['volume-size']),
    json: values.json,
  };
}

function readArgs(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        file: { type: 'string' },
        prometheus: { type: 'string' },
        synthetic: { type: 'boolean', default: false },
        policy: { type: 'string', multiple: true, default: [] },
        compare: { type: 'boolean', default: false },
        advise: { type: 'boolean', default: false },
        'cross-validate': { type: 'boolean', default: false },
        'hot-capacity': { type: 'string', default: '0.16' },
        moves: { type: 'string' },
        hold: { type: 'string', default: '24h' },
        'volume-size': { type: 'string', default: '100GiB' },
        json: { type: 'boolean', default: false },
        query: { type: 'string' },
        label: { type: 'string', default: 'pv_name' },
        range: { type: 'string', default: '7d' },
        until: { type: 'string' },
        step: { type: 'string', default: '30m' },
        'bearer-token-file': { type: 'string' },
        volumes: { type: 'string', default: '1000' },
        days: { type: 'string', default: '30' },
        seed: { type: 'string', default: '1' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function sourceOf(values: ReturnType<typeof readArgs>): Source {
  const { file, prometheus, synthetic } = values;
  const given = [file !== undefined, prometheus !== undefined, synthetic].filter(Boolean).length;
  if (given !== 1) throw new OptionError('Name one source: --file, --prometheus or --synthetic.');
  if (file !== undefined) return { kind: 'file', path: file };
  if (prometheus !== undefined) {
    if (!/^https?:\/\//.test(prometheus) || !URL.canParse(prometheus)) {
      throw new OptionError(`--prometheus is ${JSON.stringify(prometheus)}; give a URL such as http://127.0.0.1:9090`);
    }
    const stepMs = duration('--step', values.step, SECOND_MS, DAY_MS);
    return {
      kind: 'prometheus',
      url: prometheus,
      untilMs: values.until === undefined ? undefined : time('--until', values.until),
      rangeMs: duration('--range', values.range, Math.max(stepMs, MINUTE_MS), 400 * DAY_MS),
      stepMs,
      query: values.query,
      label: values.label,
      bearerTokenFile: values['bearer-token-file'],
    };
  }
  return {
    kind: 'synthetic',
    volumes: integer('--volumes', values.volumes, 1, 100_000),
    days: integer('--days', values.days, 1, 365),
    seed: integer('--seed', values.seed, 0, 2 ** 32 - 1),
  };
}

function number(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= min && value <= max) return value;
  throw new OptionError(`${name} is ${JSON.stringify(text)}; give a number from ${min} to ${max}`);
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new OptionError(`${name} is ${JSON.stringify(text)}; give an integer from ${min} to ${max}`);
}

function duration(name: string, text: string, minMs: number, maxMs: number): number {
  const value = parseDurationMs(text);
  if (value !== undefined && value >= minMs && value <= maxMs) return value;
  throw new OptionError(`${name} is ${JSON.stringify(text)}; give a duration such as 30m or 7d`);
}

function time(name: string, text: string): number {
  try {
    return parseTimestampMs(text);
  } catch (cause) {
    throw new OptionError(`${name} is ${JSON.stringify(text)}; give a time such as 2026-06-01T08:00:00Z`, { cause });
  }
}

const SIZE_UNITS: Readonly<Record<string, number>> = { MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

function size(name: string, text: string): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(MiB|GiB|TiB)$/.exec(text) ?? [];
  const value = Number(amount) * (SIZE_UNITS[unit] ?? Number.NaN);
  if (value > 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new OptionError(`${name} is ${JSON.stringify(text)}; give a size such as 100GiB`);
}
