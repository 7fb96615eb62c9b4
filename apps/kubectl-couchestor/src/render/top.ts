import type { Scored } from '../answers.ts';
import { formatTable } from './table.ts';
import { dash, formatIops, formatPercent } from './words.ts';

export interface TopRow extends Partial<Pick<Scored, 'score' | 'tierWanted' | 'policyName'>> {
  readonly volumeName: string;
  readonly tierNow: string | undefined;
  /** Namespace and name. */
  readonly claim: string | undefined;
}

export function renderTop(rows: readonly TopRow[], wide: boolean): string {
  if (rows.length === 0) return 'No volumes found.';
  const head = ['VOLUME', 'IOPS', 'COVERAGE', 'TIER', 'WANTED', 'POLICY', ...(wide ? ['CLAIM'] : [])];
  return formatTable(
    head,
    rows.map(({ volumeName, score, tierNow, tierWanted, policyName, claim }) => [
      volumeName,
      score?.kind === 'value' ? formatIops(score.iops) : 'unknown',
      score === undefined ? dash : score.kind === 'value' ? formatPercent(score.coverage) : score.reason,
      tierNow ?? 'unknown',
      tierWanted ?? dash,
      policyName ?? dash,
      ...(wide ? [claim ?? dash] : []),
    ]),
  );
}
