import { createHistoryBuilder, type History } from './history.ts';

/** Volumes `v0`, `v1`, … with the IOPS of each step; undefined is not known. */
export function historyOf(
  rows: readonly (readonly (number | undefined)[])[],
  { stepMs = 1_800_000, startMs = 0 }: { readonly stepMs?: number; readonly startMs?: number } = {},
): History {
  const builder = createHistoryBuilder({ startMs, stepMs, missing: 'unknown' });
  for (const [volume, row] of rows.entries()) {
    for (const [step, iops] of row.entries()) {
      if (iops !== undefined) builder.add(`v${volume}`, step, (iops * stepMs) / 1_000);
    }
  }
  return builder.build();
}
