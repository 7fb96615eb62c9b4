import { createSystemClock } from '@couchestor/shared/clock';
import { expect, test } from 'vitest';
import { runLimits, type Limited } from './limits-run.ts';

test.each<[Limited, number]>([
  ['fleet', 2],
  ['pool', 1],
])(
  'a limit of %s %i is never exceeded, also while Redis restarts, and used while work waits',
  async (limited, limit) => {
    const report = await runLimits({
      limited,
      limit,
      migrators: 4,
      candidates: 100,
      moves: 6,
      // Beside much else a decision takes its time; `npm run faults -- limits` asks for 95 % of a machine of its own.
      heldShareMin: 0.5,
      redisRestarts: 1,
      // Tight, so that it has to be kept to.
      callsPerSecond: 30,
      timeLimitMs: 180_000,
      clock: createSystemClock(),
      signal: new AbortController().signal,
    });
    expect(report.wrongs).toEqual([]);
    expect(report.completed).toBeGreaterThan(6);
  },
);
