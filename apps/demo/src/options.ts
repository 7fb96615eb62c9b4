import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly volumes: number;
  readonly seed: number;
  readonly untilSettled: boolean;
  readonly json: boolean;
  /** Kill services at random, or the servers that they need as well. */
  readonly chaos: 'none' | 'services' | 'all';
  /** CSV of real disks' I/O, replayed `speed` times faster than life. */
  readonly load: string | undefined;
  readonly speed: number;
  /** The demo ends with 1 if it has not settled by then. */
  readonly timeLimitSeconds: number;
  readonly help: boolean;
}

export const usage = `npm run demo -- [options]

CoucheStor on an embedded cluster, with real NATS, Redis and Prometheus, all on loopback. Ends with Ctrl-C.

  --until-settled   end with 0 once every volume is on its tier or has a lasting reason, with 1 on time-out
  --json            print one JSON object as the last line
  --volumes N       number of volumes, 6 to 10000 (40)
  --seed N          another world (1)
  --chaos           kill -9 of random services while it runs
  --chaos-servers   the same of NATS, Redis and Prometheus too
  --load FILE       replay the I/O of real disks: CSV with volume, half_hour, reads, writes
  --speed N         how much faster than life they are replayed (1200)
  --time-limit S    seconds until --until-settled gives up
`;

/** @throws Error that names the option, the value and the remedy */
export function parseOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      volumes: { type: 'string', default: '40' },
      seed: { type: 'string', default: '1' },
      'until-settled': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      chaos: { type: 'boolean', default: false },
      'chaos-servers': { type: 'boolean', default: false },
      load: { type: 'string' },
      speed: { type: 'string', default: '1200' },
      'time-limit': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const volumes = integer('--volumes', values.volumes, 6, 10_000);
  const usual = values.load === undefined ? Math.max(360, volumes) : 1_800;
  return {
    volumes,
    seed: integer('--seed', values.seed, 0, 2 ** 32 - 1),
    untilSettled: values['until-settled'],
    json: values.json,
    chaos: values['chaos-servers'] ? 'all' : values.chaos ? 'services' : 'none',
    load: values.load,
    speed: integer('--speed', values.speed, 1, 100_000),
    timeLimitSeconds: integer('--time-limit', values['time-limit'] ?? String(usual), 1, 86_400),
    help: values.help,
  };
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`${name} is ${JSON.stringify(text)}; give an integer from ${min} to ${max}`);
}
