import { expect, onTestFinished, test } from 'vitest';
import { run } from '../demo-run.ts';
import type { FaultReport } from './fault-run.ts';

test('moves under a fault every two seconds all end, once, and leave nothing behind', async () => {
  const faults = run('e2e/faults/main.ts', ['moves', '--moves', '5', '--seed', '5', '--time-limit', '360', '--json']);
  onTestFinished(() => faults[Symbol.asyncDispose]());
  const code = await faults.exited;
  const report = JSON.parse(faults.lines.at(-1) ?? '') as FaultReport;
  expect(report.wrongs).toEqual([]);
  expect(code).toBe(0);
  expect(report.faults).toBeGreaterThan(5);
});
