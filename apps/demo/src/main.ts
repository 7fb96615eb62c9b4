import { createSystemClock } from '@couchestor/shared/clock';
import { parseOptions, usage, type DemoOptions } from './options.ts';
import { runDemo } from './run-demo.ts';

let options: DemoOptions;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(`\n${usage}`);
  process.exit(2);
}
if (options.help) {
  console.log(usage);
  process.exit(0);
}

const clock = createSystemClock();
const interrupted = new AbortController();
const interrupt = (): void => {
  if (interrupted.signal.aborted) process.exit(130);
  interrupted.abort(new Error('interrupted'));
};
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);

const code = await runDemo(options, { clock, signal: interrupted.signal, output: process.stdout });
process.exit(code);
