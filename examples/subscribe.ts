/**
 * Prints every decision and every fact of a move as it comes, until Ctrl-C:
 *
 *   npm run subscribe -- [nats://url] [--since all|now] [--json]
 */
import { parseArgs } from 'node:util';
import { connectBus, type BusLogger } from '@couchestor/shared/bus';
import { createSystemClock } from '@couchestor/shared/clock';
import { createMessageFormatter } from './format-message.ts';

const USAGE = `usage: npm run subscribe -- [nats://[user:password@]host:port] [--since all|now] [--json]
  --since all   what is stored first: the standing decisions, and the moves of the last 30 days
  --since now   only what comes from now on (the default)
  --json        one JSON object per line
The default server is NATS_URL, or nats://127.0.0.1:4222.`;

interface Settings {
  readonly server: URL;
  readonly since: 'all' | 'now';
  readonly json: boolean;
}

const settings = readSettings();
const stopping = new AbortController();
const { signal } = stopping;
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort());
// Whoever reads our output may leave first: `npm run subscribe | head`.
process.stdout.on('error', () => stopping.abort());

try {
  await subscribe(settings);
} catch (error) {
  if (!signal.aborted) throw error;
}

function readSettings(): Settings {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        since: { type: 'string', default: 'now' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const { since, json } = values;
    if (since !== 'all' && since !== 'now') throw new Error(`--since is ${since}; it may be "all" or "now"`);
    if (positionals.length > 1) throw new Error('more than one server was given');
    return { server: new URL(positionals[0] ?? process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222'), since, json };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

async function subscribe({ server, since, json }: Settings): Promise<void> {
  const format = createMessageFormatter();
  const print = (raw: object, text: () => string): void => {
    process.stdout.write(`${json ? JSON.stringify(raw) : text()}\n`);
  };
  await using bus = await connectBus({
    servers: server.host,
    service: 'subscriber',
    instance: `subscriber-${process.pid}`,
    readOnly: true,
    clock: createSystemClock(),
    logger: connectionLogger(),
    signal,
    ...(server.username === '' ? {} : { user: decodeURIComponent(server.username) }),
    ...(server.password === '' ? {} : { password: decodeURIComponent(server.password) }),
  });

  const tables = await bus.openFacts(['decision.made'], { signal });
  tables.onChange('decision.made', (id, fact) => {
    if (fact === undefined || (since === 'now' && !tables.synced('decision.made'))) return;
    const time = new Date(fact.timeMs).toISOString();
    print({ name: 'decision.made', id, ...fact, time }, () => format.decision(fact.data, fact.timeMs));
  });
  await bus.readEvents({
    afterSequence: since === 'all' ? 0 : 'last',
    signal,
    onEvent: async ({ message, sequence }) => {
      print({ ...message, sequence }, () => format.event(message));
    },
  });
}

/** Only what a person at a terminal wants to know, beside the output itself. */
function connectionLogger(): BusLogger {
  const say = (fields: object, message: string): void => {
    const reason = 'reason' in fields ? `: ${String(fields.reason)}` : '';
    console.error(`# ${message}${reason}`);
  };
  return { debug: () => undefined, info: say, warn: say, error: say };
}
