import { HistoryError } from '@couchestor/replay';
import { OptionError, parseOptions, usage } from './options.ts';
import { runReplay } from './run-replay.ts';

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => interrupted.abort(new Error('interrupted')));

try {
  const options = parseOptions(process.argv.slice(2));
  console.log(options === undefined ? usage : await runReplay(options, interrupted.signal));
} catch (error) {
  if (error instanceof OptionError) {
    console.error(`${error.message}\n\n${usage}`);
    process.exitCode = 2;
  } else if (error instanceof HistoryError || isMissingFile(error)) {
    console.error(error.message);
    process.exitCode = 1;
  } else {
    throw error;
  }
}

function isMissingFile(error: unknown): error is Error {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ENOENT' || error.code === 'EACCES' || error.code === 'EISDIR')
  );
}
