import { parseArgs } from 'node:util';
import { createSystemClock } from '@couchestor/shared/clock';
import { runFaults } from './fault-run.ts';

const USAGE = `npm run faults -- [options]

Moves on real NATS, Redis and Prometheus and a simulated cluster, while services and servers are killed, stand still, run
out of disk and lose their data, and the network between each two of them fails. Ends with 0 if all is as it must be.

  --moves N         how many moves end before the faults do (200)
  --seed N          other faults, another world (1)
  --every MS        a fault so often on average (2000)
  --time-limit S    seconds until it gives up (3600)
  --json            print one JSON object as the last line
`;

interface Options {
  readonly moves: number;
  readonly seed: number;
  readonly everyMs: number;
  readonly timeLimitSeconds: number;
  readonly json: boolean;
}

const options = readOptions();
const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => interrupted.abort(new Error('interrupted')));
}
const report = await runFaults({
  moves: options.moves,
  seed: options.seed,
  faultEveryMs: options.everyMs,
  timeLimitMs: options.timeLimitSeconds * 1_000,
  clock: createSystemClock(),
  signal: interrupted.signal,
  line: (text) => console.log(text),
});
for (const wrong of report.wrongs) console.log(`WRONG: ${wrong}`);
if (options.json) console.log(JSON.stringify(report));
else console.log(JSON.stringify(report, undefined, 2));
process.exitCode = report.wrongs.length === 0 ? 0 : 1;

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        moves: { type: 'string', default: '200' },
        seed: { type: 'string', default: '1' },
        every: { type: 'string', default: '2000' },
        'time-limit': { type: 'string', default: '3600' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    return {
      moves: integer('--moves', values.moves, 1, 10_000),
      seed: integer('--seed', values.seed, 0, 2 ** 32 - 1),
      everyMs: integer('--every', values.every, 100, 600_000),
      timeLimitSeconds: integer('--time-limit', values['time-limit'], 1, 86_400),
      json: values.json,
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`${name} is ${JSON.stringify(text)}; give an integer from ${min} to ${max}`);
}
