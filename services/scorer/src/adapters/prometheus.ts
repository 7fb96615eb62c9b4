import { readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { messageOf } from '@couchestor/shared/service';
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { Sample } from '../core/fold-scores.ts';
import { MetricsError } from '../metrics-error.ts';
import type { MetricsServer } from '../ports.ts';

export interface PrometheusOptions {
  /** With the base path, if there is one. */
  readonly url: string;
  /** Of one query. */
  readonly timeoutMs: number;
  /** Read again for each request, for such tokens are renewed. */
  readonly bearerTokenFile?: string;
  readonly basicAuth?: { readonly username: string; readonly password: string };
  /** As `X-Scope-OrgID: team-a`. */
  readonly tenant?: { readonly header: string; readonly value: string };
  /** PEM, in place of the certificates that the system trusts. */
  readonly caFile?: string;
  /** Told of each query with its duration in seconds. */
  readonly onQuery?: (seconds: number) => void;
  readonly monotonicMs: () => number;
}

/** Ten times what 100,000 volumes need; what is larger is not an answer to a question of ours. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;
const unzip = promisify(gunzip);

const envelope = z.object({
  status: z.enum(['success', 'error']),
  errorType: z.string().optional(),
  error: z.string().optional(),
  warnings: z.array(z.string()).optional(),
  /** What VictoriaMetrics says in place of a warning. */
  isPartial: z.boolean().optional(),
  data: z.unknown(),
});
const names = z.array(z.string());
const scalar = z.object({ resultType: z.literal('scalar'), result: z.tuple([z.number(), z.string()]) });
const resultHead = z.object({ resultType: z.string(), result: z.array(z.unknown()) });

/** Prometheus' HTTP API, and what speaks it: Thanos, Mimir, VictoriaMetrics. */
export function createPrometheus(options: PrometheusOptions): MetricsServer & AsyncDisposable {
  const dispatcher = new Agent({
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    connect: {
      timeout: Math.min(options.timeoutMs, 10_000),
      ...(options.caFile === undefined ? {} : { ca: readFileSync(options.caFile, 'utf8') }),
    },
  });
  const base = options.url.replace(/\/+$/, '');

  const ask = async (
    method: 'GET' | 'POST',
    path: string,
    form: URLSearchParams,
    signal: AbortSignal,
  ): Promise<unknown> => {
    const startedMs = options.monotonicMs();
    const deadline = AbortSignal.timeout(options.timeoutMs);
    try {
      const response = await request(`${base}/api/v1/${path}${method === 'GET' ? `?${form.toString()}` : ''}`, {
        method,
        dispatcher,
        signal: AbortSignal.any([signal, deadline]),
        headers: {
          'accept-encoding': 'gzip',
          ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
          ...(await authorization(options)),
          ...(options.tenant === undefined ? {} : { [options.tenant.header]: options.tenant.value }),
        },
        body: method === 'POST' ? form.toString() : null,
      });
      const text = await bodyText(response);
      return dataOf(response.statusCode, text);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof MetricsError) throw error;
      const problem = deadline.aborted ? `no answer within ${options.timeoutMs} ms` : messageOf(error);
      throw new MetricsError('PrometheusUnavailable', `Prometheus at ${base}: ${problem}`, { cause: error });
    } finally {
      options.onQuery?.((options.monotonicMs() - startedMs) / 1_000);
    }
  };
  const query = (text: string, atMs: number | undefined, signal: AbortSignal): Promise<unknown> => {
    const form = new URLSearchParams({ query: text, timeout: `${options.timeoutMs}ms` });
    if (atMs !== undefined) form.set('time', (atMs / 1_000).toFixed(3));
    return ask('POST', 'query', form, signal);
  };

  return {
    nowMs: async (signal) => {
      const answer = scalar.safeParse(await query('time()', undefined, signal));
      const seconds = numberOf(answer.data?.result[1]);
      if (!Number.isFinite(seconds)) throw new MetricsError('QueryFailed', 'Prometheus did not tell its time');
      return Math.round(seconds * 1_000);
    },
    existing: async (wanted, atMs, withinMs, signal) => {
      const form = new URLSearchParams({
        start: ((atMs - withinMs) / 1_000).toFixed(3),
        end: (atMs / 1_000).toFixed(3),
        'match[]': `{__name__=~${JSON.stringify(wanted.join('|'))}}`,
      });
      const found = names.safeParse(await ask('GET', 'label/__name__/values', form, signal));
      if (!found.success) throw new MetricsError('QueryFailed', 'Prometheus did not list the names of its metrics');
      return new Set(found.data);
    },
    vector: async (text, label, atMs, signal) => samplesOf(await query(text, atMs, signal), label),
    sampleTimes: async (text, atMs, signal) => timesOf(await query(text, atMs, signal)),
    [Symbol.asyncDispose]: () => dispatcher.close(),
  };
}

async function authorization({ bearerTokenFile, basicAuth }: PrometheusOptions): Promise<Record<string, string>> {
  if (bearerTokenFile !== undefined) {
    return { authorization: `Bearer ${(await readFile(bearerTokenFile, 'utf8')).trim()}` };
  }
  if (basicAuth === undefined) return {};
  const { username, password } = basicAuth;
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

type Response = Awaited<ReturnType<typeof request>>;

async function bodyText({ headers, body }: Response): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    const buffer = Buffer.from(chunk as Uint8Array);
    bytes += buffer.byteLength;
    if (bytes > ANSWER_BYTES_MAX) {
      throw new MetricsError('QueryFailed', `Prometheus answered with more than ${ANSWER_BYTES_MAX} bytes`);
    }
    chunks.push(buffer);
  }
  const raw = Buffer.concat(chunks);
  const plain = headers['content-encoding'] === 'gzip' ? await unzip(raw, { maxOutputLength: ANSWER_BYTES_MAX }) : raw;
  return plain.toString('utf8');
}

/**
 * The data of an answer. Partial answers (warnings) are no answers: the part that is missing would be taken for absent.
 * Prometheus' remarks about the name or type of a metric, of which Mayastor's counters draw one, are not warnings.
 */
function dataOf(status: number, text: string): unknown {
  const json = parseJson(text);
  const answer = envelope.safeParse(json);
  if (status === 429 || status >= 500 || (status >= 300 && status < 400)) {
    throw new MetricsError('PrometheusUnavailable', `Prometheus answered ${status}${reasonOf(answer.data)}`);
  }
  if (status !== 200) throw new MetricsError('QueryFailed', `Prometheus answered ${status}${reasonOf(answer.data)}`);
  if (json === undefined || !answer.success) {
    throw new MetricsError('PrometheusUnavailable', 'what answers at the address of Prometheus is not Prometheus');
  }
  if (answer.data.status === 'error') {
    throw new MetricsError('QueryFailed', `Prometheus refused the query${reasonOf(answer.data)}`);
  }
  const warnings = (answer.data.warnings ?? []).filter((warning) => !warning.startsWith('PromQL info'));
  if (warnings.length > 0) {
    throw new MetricsError(
      'QueryFailed',
      `Prometheus warned of a partial answer: ${warnings.join('; ').slice(0, 500)}`,
    );
  }
  if (answer.data.isPartial === true) throw new MetricsError('QueryFailed', 'Prometheus gave a partial answer');
  return answer.data.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A proxy's page, or an answer that was cut off: the caller says so, and by the status what it means.
    return undefined;
  }
}

function reasonOf(answer: z.infer<typeof envelope> | undefined): string {
  return answer?.error === undefined ? '' : `: ${answer.error.slice(0, 500)}`;
}

interface VectorEntry {
  readonly metric?: Readonly<Record<string, unknown>>;
  readonly value?: readonly unknown[];
}

/** 100,000 entries go through here each cycle, so they are read without a schema, field by field. */
function samplesOf(data: unknown, label: string): readonly Sample[] {
  const head = resultHead.safeParse(data);
  if (!head.success || head.data.resultType !== 'vector') {
    throw new MetricsError('QueryFailed', 'the query does not give an instant vector');
  }
  return head.data.result.map((entry): Sample => {
    if (typeof entry !== 'object' || entry === null) {
      throw new MetricsError('QueryFailed', 'the answer holds something that is no sample');
    }
    const { metric, value }: VectorEntry = entry;
    const name = metric?.[label];
    return [typeof name === 'string' ? name : undefined, numberOf(value?.[1])];
  });
}

/** `Number` alone would make 0 of an empty text. */
function numberOf(text: unknown): number {
  return typeof text === 'string' && text.trim() !== '' ? Number(text) : Number.NaN;
}

const matrix = z.array(z.object({ values: z.array(z.tuple([z.number(), z.string()])) }));

function timesOf(data: unknown): readonly (readonly number[])[] {
  const head = resultHead.safeParse(data);
  const series = matrix.safeParse(head.data?.result);
  if (head.data?.resultType !== 'matrix' || !series.success) {
    throw new MetricsError('QueryFailed', 'the query does not give a range of samples');
  }
  return series.data.map(({ values }) => values.map(([seconds]) => Math.round(seconds * 1_000)));
}
