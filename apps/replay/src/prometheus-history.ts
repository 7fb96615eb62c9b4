import { readFile } from 'node:fs/promises';
import { createHistoryBuilder, HistoryError, type History } from '@couchestor/replay';
import { chooseQueries } from '@couchestor/scorer/queries';
import { parsePolicySpec } from '@couchestor/shared/policy';
import { formatDuration } from '@couchestor/shared/units';
import { z } from 'zod';
import type { Source } from './options.ts';

type PrometheusSource = Extract<Source, { kind: 'prometheus' }>;

/** Values of one answer, so that it fits into some megabytes; and points of a series, of which Prometheus gives 11,000. */
const VALUES_PER_ANSWER = 200_000;
const POINTS_PER_SERIES = 10_000;
const ANSWER_BYTES_MAX = 64 * 1024 ** 2;
const TIME_OUT_MS = 120_000;

const instantSchema = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.tuple([z.number(), z.string()]) }),
});
const matrixSchema = z.object({
  status: z.literal('success'),
  warnings: z.array(z.string()).optional(),
  data: z.object({
    resultType: z.literal('matrix'),
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string()])),
      }),
    ),
  }),
});

/**
 * IOPS of every step by range queries, piece by piece. A step is known where the query has a value at its end; what is
 * missing is not known.
 *
 * @throws HistoryError that says what Prometheus answered
 */
export async function readPrometheusHistory(source: PrometheusSource, signal: AbortSignal): Promise<History> {
  const { stepMs, rangeMs, label } = source;
  const query = queryOf(source);
  const ask = await createAsker(source, signal);
  const nowMs =
    source.untilMs ?? Number(instantSchema.parse(await ask('query', { query: 'time()' })).data.result[1]) * 1_000;
  const steps = Math.floor(rangeMs / stepMs);
  // Whole steps, so that the same history comes again when it is asked for within one.
  const endMs = Math.floor(nowMs / stepMs) * stepMs;
  const startMs = endMs - steps * stepMs;
  const builder = createHistoryBuilder({ startMs, stepMs, missing: 'unknown' });
  let perAnswer = 1;
  for (let from = 0; from < steps;) {
    const to = Math.min(steps, from + perAnswer);
    const [first, last] = [startMs + (from + 1) * stepMs, startMs + to * stepMs];
    const range = { query, start: String(first / 1_000), end: String(last / 1_000), step: String(stepMs / 1_000) };
    const answer = matrixSchema.safeParse(await ask('query_range', range));
    if (!answer.success)
      throw new HistoryError(`Prometheus did not answer with a matrix: ${z.prettifyError(answer.error)}`);
    const { warnings = [], data } = answer.data;
    // A part of the fleet would look idle.
    if (warnings.length > 0)
      throw new HistoryError(`Prometheus answered in part: ${warnings.join('; ').slice(0, 300)}`);
    for (const { metric, values } of data.result) {
      const volume = metric[label];
      if (volume === undefined)
        throw new HistoryError(`A series has no label ${label}; name the one that has the volume with --label.`);
      for (const [atSeconds, text] of values) {
        const iops = Number(text);
        if (!Number.isFinite(iops) || iops < 0) continue;
        builder.add(volume, Math.round((atSeconds * 1_000 - startMs) / stepMs) - 1, (iops * stepMs) / 1_000);
      }
    }
    from = to;
    perAnswer = Math.min(
      POINTS_PER_SERIES,
      Math.max(1, Math.floor(VALUES_PER_ANSWER / Math.max(1, data.result.length))),
    );
  }
  return builder.build();
}

/** What the scorer asks, with a step for its window. */
function queryOf({ query, label, stepMs }: PrometheusSource): string {
  const metrics =
    query === undefined ? { source: 'MayastorCounters' } : { source: 'PromQL', query, volumeLabel: label };
  const parsed = parsePolicySpec({
    samplingWindow: formatDuration(stepMs),
    metrics,
    nvmePoolSelector: { matchLabels: { tier: 'hot' } },
    sataPoolSelector: { matchLabels: { tier: 'cold' } },
  });
  if (parsed.kind === 'invalid') throw new HistoryError(parsed.problems.join('; '));
  const chosen = chooseQueries(parsed.spec, new Set());
  if (chosen.kind === 'none') throw new HistoryError(chosen.metrics.message);
  const { numbers } = chosen.queries;
  if (numbers.kind !== 'one') throw new HistoryError('The average of a step is asked for by one query.');
  return numbers.query('');
}

type Ask = (path: 'query' | 'query_range', parameters: Readonly<Record<string, string>>) => Promise<unknown>;

async function createAsker({ url, bearerTokenFile }: PrometheusSource, signal: AbortSignal): Promise<Ask> {
  const base = url.endsWith('/') ? url : `${url}/`;
  const token = bearerTokenFile === undefined ? undefined : (await readFile(bearerTokenFile, 'utf8')).trim();
  return async (path, parameters) => {
    const response = await fetch(new URL(`api/v1/${path}`, base), {
      method: 'POST',
      body: new URLSearchParams(parameters),
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIME_OUT_MS)]),
    }).catch((cause: unknown) => {
      throw new HistoryError(`Prometheus at ${base} does not answer: ${reasonOf(cause)}`, { cause });
    });
    const text = await boundedText(response);
    if (!response.ok) throw new HistoryError(`Prometheus answered ${response.status}: ${text.slice(0, 300)}`);
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw new HistoryError(`Prometheus did not answer with JSON: ${text.slice(0, 100)}`, { cause });
    }
  };
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) throw new HistoryError('An answer of Prometheus is larger than 64 MiB.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
