import { readFileSync } from 'node:fs';

export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  /** Of a call. */
  readonly method?: string;
  readonly atMs: number;
}

/** What a service has logged since then, its lines that are no JSON left out. */
export function readLog(file: string, sinceMs: number): readonly LogLine[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => {
      const parsed = JSON.parse(line) as Omit<LogLine, 'atMs'>;
      return { ...parsed, atMs: Date.parse(parsed.time) };
    })
    .filter(({ atMs }) => atMs >= sinceMs);
}

/** How often each sentence came. */
export function countSentences(lines: readonly LogLine[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { msg } of lines) counts.set(msg, (counts.get(msg) ?? 0) + 1);
  return counts;
}
