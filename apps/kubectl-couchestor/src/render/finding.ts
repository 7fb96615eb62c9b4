import { printable } from './table.ts';

/** One thing that the doctor looked at. */
export interface Finding {
  readonly level: 'ok' | 'note' | 'warning' | 'error';
  readonly topic: string;
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
}

const marks = { ok: 'ok', note: 'note', warning: 'WARNING', error: 'ERROR' } as const;

export function renderFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ topic }) => topic.length));
  const lines = findings.flatMap(({ level, topic, message, remedy }) => [
    `${marks[level].padEnd(7)}  ${topic.padEnd(width)}  ${printable(message)}`,
    ...(remedy === undefined ? [] : [`${' '.repeat(11 + width)}→ ${printable(remedy)}`]),
  ]);
  const count = (level: Finding['level']): number => findings.filter((finding) => finding.level === level).length;
  return `${lines.join('\n')}\n\n${count('error')} errors, ${count('warning')} warnings`;
}
