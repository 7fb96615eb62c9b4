import { expect, test } from 'vitest';
import { createLogger } from './logger.ts';

function linesOf(log: (logger: ReturnType<typeof createLogger>) => void): unknown[] {
  const lines: unknown[] = [];
  log(
    createLogger({ service: 'watcher', level: 'info', destination: { write: (line) => lines.push(JSON.parse(line)) } }),
  );
  return lines;
}

test('a line has its level in capitals, an ISO time, and the cause of its error', () => {
  const lines = linesOf((logger) => {
    logger.debug('not at this level');
    logger.warn({ err: new Error('outer', { cause: new Error('inner') }) }, 'degraded');
  });
  expect(lines).toEqual([
    {
      level: 'WARN',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      service: 'watcher',
      msg: 'degraded',
      err: expect.objectContaining({ message: expect.stringContaining('inner') }),
    },
  ]);
});

test('fields that hold secrets are not written', () => {
  const [line] = linesOf((logger) => logger.info({ token: 't', headers: { authorization: 'Bearer t' } }, 'connected'));
  expect(line).toMatchObject({ token: '[Redacted]', headers: { authorization: '[Redacted]' } });
});
