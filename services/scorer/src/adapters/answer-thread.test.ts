import { EventEmitter, once } from 'node:events';
import type * as os from 'node:os';
import type * as workers from 'node:worker_threads';
import { MessageChannel } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import type { ReadOrder } from './answer-thread.ts';

const service = vi.hoisted(() => ({ port: undefined as EventEmitter | undefined }));
vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof workers>()),
  get parentPort() {
    return service.port;
  },
}));
vi.mock('node:os', async (original) => ({
  ...(await original<typeof os>()),
  setPriority: () => {
    throw new Error('operation not permitted');
  },
}));

test('where a sandbox does not let the thread lower its priority, answers are read all the same', async () => {
  service.port = new EventEmitter();
  await import('./answer-thread.ts');
  const sample = { metric: { volume: 'one' }, value: [1, '2'] };
  const body = JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [sample] } });
  const raw = { status: 200, gzip: false, retryAfter: '', bytes: new TextEncoder().encode(body) };
  const { port1, port2 } = new MessageChannel();
  service.port.emit('message', { raw, label: 'volume', port: port2 } satisfies ReadOrder);
  port1.postMessage('next');
  const [reply] = await once(port1, 'message');
  expect(reply).toEqual({ kind: 'slice', slice: { labels: ['one'], values: new Float64Array([2]) } });
  port1.close();
});
