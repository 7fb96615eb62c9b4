import { messageOf } from '@couchestor/shared/service';
import { request, type Dispatcher } from 'undici';
import { MetricsError } from '../metrics-error.ts';
import type { MetricsServer } from '../ports.ts';
import { createAnswerReader } from './answer-reader.ts';
import {
  ANSWER_BYTES_MAX,
  dataOf,
  numberOf,
  recordOf,
  tooLarge,
  type RawAnswer,
  type Vector,
} from './prometheus-answer.ts';
import { createConnection, type ConnectionOptions } from './prometheus-connection.ts';
import { UnusableAnswer } from './unusable-answer.ts';

export interface PrometheusOptions extends ConnectionOptions {
  /** With the base path, if there is one. */
  readonly url: string;
  /** Told of each query with its duration in seconds. */
  readonly onQuery?: (seconds: number) => void;
  readonly monotonicMs: () => number;
}

/** Prometheus' HTTP API, and what speaks it: Thanos, Mimir, VictoriaMetrics. */
export function createPrometheus(options: PrometheusOptions): MetricsServer & AsyncDisposable {
  const connection = createConnection(options);
  const reader = createAnswerReader();
  const base = options.url.replace(/\/+$/, '');

  const ask = async (
    method: 'GET' | 'POST',
    path: string,
    form: URLSearchParams,
    signal: AbortSignal,
  ): Promise<RawAnswer> => {
    const startedMs = options.monotonicMs();
    const deadline = AbortSignal.timeout(options.timeoutMs);
    try {
      const response = await request(`${base}/api/v1/${path}${method === 'GET' ? `?${form.toString()}` : ''}`, {
        method,
        dispatcher: await connection.dispatcher(),
        signal: AbortSignal.any([signal, deadline]),
        headers: {
          'accept-encoding': 'gzip',
          ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
          ...(await connection.headers()),
        },
        body: method === 'POST' ? form.toString() : null,
      });
      const { 'content-encoding': encoding, 'retry-after': retryAfter } = response.headers;
      return {
        status: response.statusCode,
        gzip: encoding === 'gzip',
        retryAfter: typeof retryAfter === 'string' ? retryAfter : '',
        bytes: await bytesOf(response),
      };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof UnusableAnswer) throw error;
      const problem = deadline.aborted ? `no answer within ${options.timeoutMs} ms` : messageOf(error);
      throw new MetricsError('PrometheusUnavailable', `Prometheus at ${shown(base)}: ${problem}`, {
        cause: error,
        // What comes too late about all volumes may come in time about fewer.
        tooMuch: deadline.aborted,
      });
    } finally {
      options.onQuery?.((options.monotonicMs() - startedMs) / 1_000);
    }
  };
  const query = (text: string, atMs: number | undefined, signal: AbortSignal): Promise<RawAnswer> => {
    const form = new URLSearchParams({ query: text, timeout: `${options.timeoutMs}ms` });
    if (atMs !== undefined) form.set('time', (atMs / 1_000).toFixed(3));
    return ask('POST', 'query', form, signal);
  };

  return {
    nowMs: (signal) => told(async () => timeOf(dataOf(await query('time()', undefined, signal)))),
    existing: (wanted, atMs, withinMs, signal) =>
      told(async () => {
        const form = new URLSearchParams({
          start: ((atMs - withinMs) / 1_000).toFixed(3),
          end: (atMs / 1_000).toFixed(3),
          'match[]': `{__name__=~${JSON.stringify(wanted.join('|'))}}`,
        });
        return namesOf(dataOf(await ask('GET', 'label/__name__/values', form, signal)));
      }),
    vector: async (text, label, atMs, signal) => {
      const raw = await query(text, atMs, signal);
      const slices = toldInSlices(reader.slices(raw, label, signal));
      // Of an answer that says no there are none, and why is to be known before anything else is asked.
      if (raw.status !== 200) await slices.next();
      return slices;
    },
    sampleTimes: (text, atMs, signal) => told(async () => timesOf(dataOf(await query(text, atMs, signal)))),
    [Symbol.asyncDispose]: async () => {
      await reader[Symbol.asyncDispose]();
      await connection[Symbol.asyncDispose]();
    },
  };
}

async function told<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw metricsError(error);
  }
}

async function* toldInSlices(slices: AsyncIterable<Vector>): AsyncGenerator<Vector> {
  try {
    yield* slices;
  } catch (error) {
    throw metricsError(error);
  }
}

function metricsError(error: unknown): unknown {
  if (!(error instanceof UnusableAnswer)) return error;
  const { reason, message, tooMuch, retryAfterMs } = error;
  return new MetricsError(reason, message, { cause: error, tooMuch, retryAfterMs });
}

/** In memory of its own, which can be handed to another thread. */
async function bytesOf({ body }: Dispatcher.ResponseData): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength;
    if (length > ANSWER_BYTES_MAX) throw tooLarge();
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

/** Without what a URL may say of names and passwords. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`.replace(/\/+$/, '');
}

function timeOf(data: unknown): number {
  const answer = recordOf(data);
  const result = answer?.['resultType'] === 'scalar' ? answer['result'] : undefined;
  const seconds = numberOf(Array.isArray(result) ? result[1] : undefined);
  if (!Number.isFinite(seconds)) throw new UnusableAnswer('QueryFailed', 'Prometheus did not tell its time');
  return Math.round(seconds * 1_000);
}

function namesOf(data: unknown): ReadonlySet<string> {
  if (!Array.isArray(data) || !data.every((name) => typeof name === 'string')) {
    throw new UnusableAnswer('QueryFailed', 'Prometheus did not list the names of its metrics');
  }
  return new Set(data);
}

function timesOf(data: unknown): readonly (readonly number[])[] {
  const head = recordOf(data);
  const result = head?.['result'];
  if (head?.['resultType'] !== 'matrix' || !Array.isArray(result)) {
    throw new UnusableAnswer('QueryFailed', 'the query does not give a range of samples');
  }
  return result.map((series: unknown) => {
    const values = recordOf(series)?.['values'];
    if (!Array.isArray(values)) throw new UnusableAnswer('QueryFailed', 'the answer holds something that is no series');
    return values.map((sample: unknown) => {
      const seconds: unknown = Array.isArray(sample) ? sample[0] : undefined;
      if (typeof seconds !== 'number') {
        throw new UnusableAnswer('QueryFailed', 'the answer holds something that is no sample');
      }
      return Math.round(seconds * 1_000);
    });
  });
}
