import { fileURLToPath } from 'node:url';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import type { ReadOrder, ReadReply } from './answer-thread.ts';
import type { RawAnswer, Vector } from './prometheus-answer.ts';
import { UnusableAnswer } from './unusable-answer.ts';

/** Reads instant vectors in a thread of its own. */
export interface AnswerReader extends AsyncDisposable {
  /** @throws UnusableAnswer, or the signal's reason */
  slices(raw: RawAnswer, label: string, signal: AbortSignal): AsyncGenerator<Vector>;
}

/** An answer of the largest size that is read needs a third of it. */
const THREAD_HEAP_MIB_MAX = 512;
/** In a bundle the thread lies beside the service, as a file of its own. */
const THREAD_FILE = import.meta.url.endsWith('.ts') ? './answer-thread.ts' : './scorer-answer-thread.mjs';

export function createAnswerReader(): AnswerReader {
  let worker: Worker | undefined;
  const start = (): Worker => {
    const started = new Worker(fileURLToPath(new URL(THREAD_FILE, import.meta.url)), {
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MIB_MAX },
    });
    started.unref();
    const gone = (): void => {
      if (worker === started) worker = undefined;
    };
    // Whoever waits for it learns from the port that it ended; the next answer gets a new thread.
    started.on('error', gone);
    started.on('exit', gone);
    return started;
  };
  return {
    slices: async function* (raw, label, signal) {
      worker ??= start();
      const { port1, port2 } = new MessageChannel();
      try {
        const order: ReadOrder = { raw, label, port: port2 };
        worker.postMessage(order, [port2, raw.bytes.buffer as ArrayBuffer]);
        let arriving = ask(port1, signal);
        for (;;) {
          const reply = await arriving;
          if (reply.kind === 'end') return;
          if (reply.kind === 'failed') {
            throw new UnusableAnswer(reply.reason, reply.message, reply.tooMuch, reply.retryAfterMs);
          }
          // The next one is on its way while this one is taken up; it is looked at when its turn comes, if it comes.
          arriving = ask(port1, signal);
          arriving.catch(() => undefined);
          yield reply.slice;
        }
      } finally {
        port1.close();
      }
    },
    [Symbol.asyncDispose]: async () => {
      await worker?.terminate();
    },
  };
}

function ask(port: MessagePort, signal: AbortSignal): Promise<ReadReply> {
  const { promise, resolve, reject } = Promise.withResolvers<ReadReply>();
  const ended = (): void => {
    reject(new UnusableAnswer('QueryFailed', 'an answer of Prometheus was too much to be read', true));
  };
  const aborted = (): void => reject(signal.reason as Error);
  port.once('message', resolve);
  port.once('close', ended);
  signal.addEventListener('abort', aborted, { once: true });
  port.postMessage('next');
  return promise.finally(() => {
    port.off('message', resolve);
    port.off('close', ended);
    signal.removeEventListener('abort', aborted);
  });
}
