import { MalformedAnswerError } from './errors.ts';

/*
 * Answers are narrowed by hand: a pass over 100,000 volumes looks at some three million fields, and a field that a
 * later release adds, or an earlier one lacks, must not turn the answer away.
 */

export type JsonRecord = Readonly<Record<string, unknown>>;

const nothing: JsonRecord = Object.freeze({});

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws MalformedAnswerError */
export function recordOf(value: unknown, what: string): JsonRecord {
  if (!isRecord(value)) throw new MalformedAnswerError(`${what} is no object`);
  return value;
}

/** @throws MalformedAnswerError */
export function arrayOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new MalformedAnswerError(`${what} is no list`);
  return value;
}

/** @throws MalformedAnswerError */
export function requiredText(record: JsonRecord, key: string, what: string): string {
  const value = record[key];
  if (typeof value !== 'string' || value === '') throw new MalformedAnswerError(`${what} has no ${key}`);
  return value;
}

/** @throws MalformedAnswerError */
export function requiredCount(record: JsonRecord, key: string, what: string): number {
  const value = countAt(record, key);
  if (value === undefined) throw new MalformedAnswerError(`${what} has no ${key}`);
  return value;
}

/** An empty object where there is none. */
export function recordAt(record: JsonRecord, key: string): JsonRecord {
  const value = record[key];
  return isRecord(value) ? value : nothing;
}

export function textAt(record: JsonRecord, key: string): string | undefined {
  const value = record[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function countAt(record: JsonRecord, key: string): number | undefined {
  const value = record[key];
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

export function flagAt(record: JsonRecord, key: string): boolean | undefined {
  const value = record[key];
  return typeof value === 'boolean' ? value : undefined;
}

export function textsAt(record: JsonRecord, key: string): readonly string[] {
  const value = record[key];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The entries of an object whose values are text. */
export function labelsAt(record: JsonRecord, key: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(recordAt(record, key))) {
    if (typeof value === 'string') labels[name] = value;
  }
  return labels;
}

/**
 * Reads one of the given words, whatever its case (Mayastor writes `Online` in one place and `online` in another); a
 * word of a later release is `Unknown`.
 */
export function wordReader<Word extends string>(words: readonly Word[]): (value: unknown) => Word | 'Unknown' {
  const byText = new Map<unknown, Word>();
  for (const word of words) byText.set(word, word).set(word.toLowerCase(), word);
  return (value) => byText.get(value) ?? 'Unknown';
}
