import { parseArgs } from 'node:util';
import { createSystemClock } from '@couchestor/shared/clock';
import { runFaults } from './fault-run.ts';
import { runLimits, type Limited, type LimitsReport } from './limits-run.ts';

const USAGE = `npm run faults -- [moves|limits] [options]

moves   Moves on real NATS, Redis and Prometheus and a simulated cluster, while services and servers are killed, stand
        still, run out of disk and lose their data, and the network between each two of them fails.
limits  Many candidates and migrators under one tight limit after the other, while Redis is killed again and again.

Ends with 0 if all is as it must be.

  --moves N         how many moves end before the faults do (200); with limits, while slots are measured (12)
  --seed N          other faults, another world (1)
  --every MS        a fault so often on average (2000)
  --limits N,N      values of each limit (1,2,5)
  --of NAME,NAME    the limits (policy,fleet,pool,node)
  --time-limit S    seconds until it gives up (3600); with limits, for each of them (300)
  --json            print one JSON object as the last line
`;

/** Of the time that work waits, 0 to 1, on a machine that has nothing else to do. */
const HELD_SHARE_MIN = 0.95;
const limiteds: readonly Limited[] = ['policy', 'fleet', 'pool', 'node'];

interface Options {
  readonly command: 'moves' | 'limits';
  readonly moves: number | undefined;
  readonly seed: number;
  readonly everyMs: number;
  readonly limits: readonly number[];
  readonly of: readonly Limited[];
  readonly timeLimitSeconds: number | undefined;
  readonly json: boolean;
}

const options = readOptions();
const clock = createSystemClock();
const interrupted = new AbortController();
const { signal } = interrupted;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => interrupted.abort(new Error('interrupted')));
}
const wrongs = options.command === 'moves' ? await moves() : await limits();
for (const wrong of wrongs) console.error(`WRONG: ${wrong}`);
process.exitCode = wrongs.length === 0 ? 0 : 1;

async function moves(): Promise<readonly string[]> {
  const report = await runFaults({
    moves: options.moves ?? 200,
    seed: options.seed,
    faultEveryMs: options.everyMs,
    timeLimitMs: (options.timeLimitSeconds ?? 3_600) * 1_000,
    clock,
    signal,
    line: (text) => console.log(text),
  });
  console.log(options.json ? JSON.stringify(report) : JSON.stringify(report, undefined, 2));
  return report.wrongs;
}

async function limits(): Promise<readonly string[]> {
  const reports: LimitsReport[] = [];
  for (const limited of options.of) {
    for (const limit of options.limits) {
      if (signal.aborted) break;
      const report = await runLimits({
        limited,
        limit,
        migrators: 8,
        candidates: 500,
        moves: options.moves ?? 12,
        heldShareMin: HELD_SHARE_MIN,
        redisRestarts: 2,
        callsPerSecond: 60,
        timeLimitMs: (options.timeLimitSeconds ?? 300) * 1_000,
        clock,
        signal,
      });
      reports.push(report);
      if (!options.json) console.table([rowOf(report)]);
    }
  }
  if (options.json) console.log(JSON.stringify({ limits: reports }));
  else console.table(reports.map(rowOf));
  return reports.flatMap((report) => report.wrongs.map((wrong) => `${report.limited} ${report.limit}: ${wrong}`));
}

function rowOf(report: LimitsReport): Readonly<Record<string, string | number>> {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return {
    limit: `${report.limited} ${report.limit}`,
    'most, ledger': report.mostInLedger,
    'most in flight': `${report.mostInIntents} of ${report.slots}`,
    'slots held': percent(report.slotsHeldShare),
    'of it waiting for the fence': percent(report.fenceWaitShare),
    'over seconds': report.measuredSeconds,
    completed: report.completed,
    'restarts of Redis': report.redisRestarts,
    'calls sent in a second': `${report.calls.mostSentInASecond.shared} of ${report.calls.allowedPerSecond}`,
    'in a minute': `${report.calls.mostInAMinute} of ${60 * report.calls.allowedPerSecond}`,
    wrong: report.wrongs.length,
  };
}

function readOptions(): Options {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        moves: { type: 'string' },
        seed: { type: 'string', default: '1' },
        every: { type: 'string', default: '2000' },
        limits: { type: 'string', default: '1,2,5' },
        of: { type: 'string', default: limiteds.join(',') },
        'time-limit': { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const [command = 'moves', ...more] = positionals;
    if ((command !== 'moves' && command !== 'limits') || more.length > 0) {
      throw new Error(`the command is ${JSON.stringify(positionals.join(' '))}; it may be "moves" or "limits"`);
    }
    return {
      command,
      moves: values.moves === undefined ? undefined : integer('--moves', values.moves, 1, 10_000),
      seed: integer('--seed', values.seed, 0, 2 ** 32 - 1),
      everyMs: integer('--every', values.every, 100, 600_000),
      limits: values.limits.split(',').map((text) => integer('--limits', text, 1, 20)),
      of: values.of.split(',').map(limitedOf),
      timeLimitSeconds:
        values['time-limit'] === undefined ? undefined : integer('--time-limit', values['time-limit'], 1, 86_400),
      json: values.json,
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

function limitedOf(text: string): Limited {
  const found = limiteds.find((name) => name === text);
  if (found === undefined) throw new Error(`--of is ${JSON.stringify(text)}; give some of ${limiteds.join(', ')}`);
  return found;
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`${name} is ${JSON.stringify(text)}; give an integer from ${min} to ${max}`);
}
