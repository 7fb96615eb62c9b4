import { gunzipSync } from 'node:zlib';
import { UnusableAnswer } from './unusable-answer.ts';

/** What came back over HTTP, whole. */
export interface RawAnswer {
  readonly status: number;
  readonly gzip: boolean;
  /** The header Retry-After, empty if there is none. */
  readonly retryAfter: string;
  readonly bytes: Uint8Array;
}

/** Three times what 100,000 volumes need. What is larger is asked for in parts. */
export const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

/**
 * The data of an answer. Partial answers (warnings, or what VictoriaMetrics says in place of them) are no answers: the
 * part that is missing would be taken for absent. Prometheus' remarks about the name or type of a metric, of which
 * Mayastor's counters draw one, are not warnings.
 */
export function dataOf(raw: RawAnswer): unknown {
  const { status } = raw;
  const answer = recordOf(parseJson(raw));
  if (status === 429 || status >= 500 || (status >= 300 && status < 400)) {
    const said = `Prometheus answered ${status}${reasonOf(answer)}`;
    throw new UnusableAnswer('PrometheusUnavailable', said, answer?.['errorType'] === 'timeout', retryAfterMs(raw));
  }
  // What could be understood but not be carried out is, of a question that it can answer, more than it wants to load.
  if (status !== 200) {
    throw new UnusableAnswer('QueryFailed', `Prometheus answered ${status}${reasonOf(answer)}`, status === 422);
  }
  if (answer?.['status'] === 'error') {
    throw new UnusableAnswer('QueryFailed', `Prometheus refused the query${reasonOf(answer)}`);
  }
  if (answer?.['status'] !== 'success') {
    throw new UnusableAnswer('PrometheusUnavailable', 'what answers at the address of Prometheus is not Prometheus');
  }
  const { warnings = [], isPartial } = answer;
  if (!Array.isArray(warnings)) throw new UnusableAnswer('QueryFailed', 'Prometheus warned of something unreadable');
  const serious = warnings.map(String).filter((warning) => !warning.startsWith('PromQL info'));
  if (serious.length > 0) {
    const said = serious.join('; ').slice(0, 500);
    throw new UnusableAnswer('QueryFailed', `Prometheus warned of a partial answer: ${said}`);
  }
  if (isPartial !== undefined && isPartial !== false) {
    throw new UnusableAnswer('QueryFailed', 'Prometheus gave a partial answer');
  }
  return answer['data'];
}

/** The labels and values of an instant vector; a series without the label has the empty one. */
export interface Vector {
  readonly labels: string[];
  readonly values: Float64Array<ArrayBuffer>;
}

/** 100,000 entries go through here each cycle, so they are read without a schema, field by field. */
export function vectorOf(data: unknown, label: string): Vector {
  const head = recordOf(data);
  const result = head?.['result'];
  if (head?.['resultType'] !== 'vector' || !Array.isArray(result)) {
    throw new UnusableAnswer('QueryFailed', 'the query does not give an instant vector');
  }
  const labels: string[] = [];
  const values = new Float64Array(result.length);
  for (const [index, entry] of (result as readonly unknown[]).entries()) {
    if (typeof entry !== 'object' || entry === null) {
      throw new UnusableAnswer('QueryFailed', 'the answer holds something that is no sample');
    }
    const { metric, value } = entry as { metric?: Readonly<Record<string, unknown>>; value?: readonly unknown[] };
    const name = metric?.[label];
    labels.push(typeof name === 'string' ? name : '');
    values[index] = numberOf(value?.[1]);
  }
  return { labels, values };
}

/** `Number` alone would make 0 of an empty text. */
export function numberOf(text: unknown): number {
  return typeof text === 'string' && text.trim() !== '' ? Number(text) : Number.NaN;
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Undefined for a proxy's page, or an answer that was cut off: the caller says so, and by the status what it means. */
function parseJson({ gzip, bytes }: RawAnswer): unknown {
  let plain: Uint8Array = bytes;
  if (gzip) {
    try {
      plain = gunzipSync(bytes, { maxOutputLength: ANSWER_BYTES_MAX });
    } catch (error) {
      if (error instanceof RangeError) throw tooLarge();
      throw new UnusableAnswer('PrometheusUnavailable', `an answer could not be unpacked: ${String(error)}`);
    }
  }
  try {
    return JSON.parse(Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
}

export function tooLarge(): UnusableAnswer {
  return new UnusableAnswer('QueryFailed', `Prometheus answered with more than ${ANSWER_BYTES_MAX} bytes`, true);
}

/** More than this is not waited for, whatever a server says. */
const RETRY_AFTER_MS_MAX = 600_000;

/** Seconds; a date would need the server's clock, and nobody sends one with 429. */
function retryAfterMs({ retryAfter }: RawAnswer): number {
  const seconds = numberOf(retryAfter);
  return seconds > 0 ? Math.min(seconds * 1_000, RETRY_AFTER_MS_MAX) : 0;
}

function reasonOf(answer: Readonly<Record<string, unknown>> | undefined): string {
  const said = answer?.['error'];
  return typeof said === 'string' ? `: ${said.slice(0, 500)}` : '';
}
