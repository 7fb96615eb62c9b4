import { setPriority } from 'node:os';
import { parentPort, type MessagePort } from 'node:worker_threads';
import { dataOf, vectorOf, type RawAnswer, type Vector } from './prometheus-answer.ts';
import { UnusableAnswer } from './unusable-answer.ts';

/**
 * The thread that unpacks and parses the large answers of Prometheus: 10 MB of JSON would stop the event loop for a
 * tenth of a second. It hands out what it read in slices, one for each time it is asked, so that neither does their
 * taking up.
 */

/** What it is sent. The port is where slices go. */
export interface ReadOrder {
  readonly raw: RawAnswer;
  readonly label: string;
  readonly port: MessagePort;
}

export type ReadReply =
  | { readonly kind: 'slice'; readonly slice: Vector }
  | { readonly kind: 'end' }
  | ({ readonly kind: 'failed' } & Pick<UnusableAnswer, 'reason' | 'message' | 'tooMuch' | 'retryAfterMs'>);

/** What the service can take up in about a millisecond. */
const SLICE = 1_000;

yieldToTheService();

parentPort?.on('message', ({ raw, label, port }: ReadOrder) => {
  const replies = readSlices(raw, label);
  port.on('message', () => {
    const { value, done } = replies.next();
    if (done === true) {
      port.close();
      return;
    }
    port.postMessage(value, value.kind === 'slice' ? [value.slice.values.buffer] : []);
  });
});

function* readSlices(raw: RawAnswer, label: string): Generator<ReadReply> {
  try {
    const { labels, values } = vectorOf(dataOf(raw), label);
    for (let from = 0; from < labels.length; from += SLICE) {
      const slice = { labels: labels.slice(from, from + SLICE), values: values.slice(from, from + SLICE) };
      yield { kind: 'slice', slice };
    }
    yield { kind: 'end' };
  } catch (error) {
    if (!(error instanceof UnusableAnswer)) throw error;
    const { reason, message, tooMuch, retryAfterMs } = error;
    yield { kind: 'failed', reason, message, tooMuch, retryAfterMs };
  }
}

/** On Linux the priority is that of this thread alone: where processors are few, the event loop of the service goes first. */
function yieldToTheService(): void {
  try {
    setPriority(10);
  } catch {
    // A sandbox forbids it. It is read as well without.
  }
}
